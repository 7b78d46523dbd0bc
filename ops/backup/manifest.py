"""What a backup holds: each file with its size and SHA-256, the schema, and a MAC made by this instance's keyring."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from core.errors import BadInput

NAME = "manifest.json"
FORMAT = "pli-backup-1"
PIECE = 1024 * 1024
MOST_OCTETS = 1 << 30

Mac = Callable[[bytes], bytes]


class BadBackup(BadInput):
    """The backup is not whole, or not of this instance."""


@dataclass(frozen=True)
class Manifest:
    """`files`: path in the backup → [size, SHA-256]; `database`: sqlite or postgresql."""

    made_at: str
    revision: str
    database: str
    messages: int
    files: dict[str, list[Any]]
    format: str = FORMAT
    mac: str = ""

    def _bytes(self) -> bytes:
        plain = {name: value for name, value in asdict(self).items() if name != "mac"}
        return json.dumps(plain, sort_keys=True).encode()

    def write(self, folder: Path, mac: Mac) -> None:
        tagged = asdict(self) | {"mac": mac(self._bytes()).hex()}
        (folder / NAME).write_text(json.dumps(tagged, indent=1))

    @classmethod
    def read(cls, folder: Path) -> "Manifest":
        """Raises BadBackup."""
        try:
            with (folder / NAME).open() as file:
                found = cls(**json.loads(file.read(MOST_OCTETS)))
        except (OSError, ValueError, TypeError):
            raise BadBackup(f"{folder} holds no backup: {NAME} is missing or damaged") from None
        if found.format != FORMAT:
            raise BadBackup("the backup was made by another version")
        return found

    def check(self, folder: Path, mac: Mac) -> None:
        """Every file is there and is what was written; the keyring is the one of this backup. Raises BadBackup."""
        if mac(self._bytes()).hex() != self.mac:
            raise BadBackup("the keyring is not the one of this backup, or the list of files was altered")
        for name, (size, sha256) in self.files.items():
            path = folder / name
            if not path.resolve().is_relative_to(folder.resolve()):
                raise BadBackup("a file of the backup lies outside of it")
            if not path.is_file() or path.stat().st_size != size or digest(path) != sha256:
                raise BadBackup(f"{name} is missing or was altered")

    @property
    def octets(self) -> int:
        return sum(size for size, _ in self.files.values())


def digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            found.update(piece)
    return found.hexdigest()


def listed(folder: Path) -> dict[str, list[Any]]:
    """Every file below the folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != NAME)
    return {str(path.relative_to(folder)): [path.stat().st_size, digest(path)] for path in files}
