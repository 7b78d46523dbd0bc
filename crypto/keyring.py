"""The keyring: keys that protect holders' keys (KEK), and the secrets of blind indexes and message authentication.

One JSON file, mode 0600, replaced whole and durably. A holder's key is wrapped under the current KEK; older KEKs stay
to open what they wrapped until everything is wrapped anew, then they are forgotten.
"""

from __future__ import annotations

import hmac
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol, Self

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from crypto.committing import KEY_BYTES, SealBroken, new_key
from crypto.keyfile import KeyringBroken, create_file, exclusive, read_file, replace_file
from crypto.mac import Mac
from crypto.sealed import seal, unseal

__all__ = ["FileKeyring", "Keyring", "KeyringBroken", "Keys", "Rotating", "SoftKeyring"]

HOLDER_MAGIC = b"PliHold1"
ID_BYTES = 4


class Keyring(Protocol):
    """What the house needs of a keyring; a file in small installations, PKCS#11 elsewhere."""

    def wrap_holder(self, key: bytes, aad: bytes = b"") -> bytes: ...
    def unwrap_holder(self, wrapped: bytes, aad: bytes = b"") -> bytes: ...
    def blind(self, label: str, text: str) -> bytes: ...
    def mac(self, label: str, data: bytes) -> bytes: ...


class Rotating(Keyring, Protocol):
    """A keyring whose KEK can be changed with the service on."""

    @property
    def current(self) -> int: ...
    def kek_of(self, wrapped: bytes) -> int: ...
    def rewrap(self, wrapped: bytes, aad: bytes = b"") -> bytes: ...
    def rotate(self) -> int: ...
    def forget(self, number: int) -> None: ...
    def numbers(self) -> frozenset[int]: ...


@dataclass(frozen=True, repr=False)
class Keys:
    """The secrets themselves; never printed."""

    root: bytes
    keks: dict[int, bytes] = field(default_factory=dict)
    current: int = 0

    def __repr__(self) -> str:
        return f"Keys(current={self.current}, keks={sorted(self.keks)})"

    @property
    def secrets(self) -> tuple[bytes, dict[int, bytes], int]:
        return self.root, self.keks, self.current

    @classmethod
    def fresh(cls) -> Keys:
        return cls(new_key(), {1: new_key()}, 1)

    def rotated(self) -> Keys:
        number = max(self.keks) + 1
        return replace(self, keks={**self.keks, number: new_key()}, current=number)

    def without(self, number: int) -> Keys:
        if number == self.current or number not in self.keks:
            raise ValueError("only an older key of this keyring can be forgotten")
        return replace(self, keks={n: key for n, key in self.keks.items() if n != number})


class SoftKeyring:
    """A keyring whose keys are in memory. Safe for use by several threads."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._derived: dict[str, Mac] = {}
        self._lock = threading.Lock()

    @classmethod
    def fresh(cls) -> SoftKeyring:
        """New random keys, kept nowhere: for tests and trials."""
        return SoftKeyring(Keys.fresh())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._keys!r})"

    @property
    def current(self) -> int:
        """Number of the KEK that wraps from now on."""
        return self._keys.current

    def numbers(self) -> frozenset[int]:
        """Numbers of all KEKs that are still known."""
        return frozenset(self._keys.keks)

    def wrap_holder(self, key: bytes, aad: bytes = b"") -> bytes:
        """In: a holder's key, 32 bytes. Out: it wrapped under the current KEK, whose number stands in front."""
        if len(key) != KEY_BYTES:
            raise ValueError("a holder key has 32 bytes")
        keys = self._keys
        head = HOLDER_MAGIC + keys.current.to_bytes(ID_BYTES, "big")
        return head + seal(keys.keks[keys.current], key, head + aad)

    def unwrap_holder(self, wrapped: bytes, aad: bytes = b"") -> bytes:
        """Out: the holder's key. Raises SealBroken, also where its KEK has been forgotten."""
        head = bytes(wrapped[: len(HOLDER_MAGIC) + ID_BYTES])
        kek = self._kek(self.kek_of(wrapped))
        if kek is None:
            raise SealBroken
        return unseal(kek, bytes(wrapped[len(head) :]), head + aad)

    def kek_of(self, wrapped: bytes) -> int:
        """Number of the KEK that a wrapped holder key needs. Raises SealBroken when it is not one."""
        head = bytes(wrapped[: len(HOLDER_MAGIC) + ID_BYTES])
        if len(head) != len(HOLDER_MAGIC) + ID_BYTES or not head.startswith(HOLDER_MAGIC):
            raise SealBroken
        return int.from_bytes(head[len(HOLDER_MAGIC) :], "big")

    def rewrap(self, wrapped: bytes, aad: bytes = b"") -> bytes:
        """The same holder key under the current KEK; the input itself where that is already so. Raises SealBroken."""
        if self.kek_of(wrapped) == self._keys.current:
            return wrapped
        return self.wrap_holder(self.unwrap_holder(wrapped, aad), aad)

    def blind(self, label: str, text: str) -> bytes:
        """Blind index of a normalised value: 32 bytes, equal for equal (label, text), meaningless without the root."""
        return self._secret("blind", label)(text.encode())

    def mac(self, label: str, data: bytes) -> bytes:
        """HMAC-SHA256 tag (32 bytes) of data under a key that belongs to this label only."""
        return self._secret("mac", label)(data)

    def rotate(self) -> int:
        """Adds a KEK and makes it the current one. Out: its number. Older ones still unwrap."""
        with self._lock:
            self._change(self._keys.rotated())
            return self._keys.current

    def forget(self, number: int) -> None:
        """Destroys an older KEK: what is still wrapped under it is lost. Raises ValueError for the current one."""
        with self._lock:
            self._change(self._keys.without(number))

    def _change(self, keys: Keys) -> None:
        self._keys = keys

    def _kek(self, number: int) -> bytes | None:
        return self._keys.keks.get(number)

    def _secret(self, use: str, label: str) -> Mac:
        name = f"pli/{use}/{label}"
        if name not in self._derived:
            self._derived[name] = Mac(HKDF(SHA256(), KEY_BYTES, None, name.encode()).derive(self._keys.root))
        return self._derived[name]


class FileKeyring(SoftKeyring):
    """A keyring in a file of mode 0600. Another process may rotate it: an unknown KEK number makes us read it again."""

    def __init__(self, path: Path, keys: Keys, passphrase: str = "") -> None:
        super().__init__(keys)
        self._path = path
        self._passphrase = passphrase
        self._seen = _stamp(path)

    @classmethod
    def create(cls, path: Path | str, passphrase: str = "") -> Self:
        """Makes a new keyring file, durably. Raises FileExistsError: it never replaces keys."""
        keys = Keys.fresh()
        create_file(Path(path), keys.secrets, passphrase)
        return cls(Path(path), keys, passphrase)

    @classmethod
    def open(cls, path: Path | str, passphrase: str = "") -> Self:
        """Raises KeyringBroken (damaged, readable by others, another passphrase), FileNotFoundError."""
        stamp = _stamp(Path(path))
        found = cls(Path(path), Keys(*read_file(Path(path), passphrase)), passphrase)
        found._seen = stamp  # what changed while we read is read again
        return found

    def protect(self, passphrase: str) -> None:
        """Write the file anew under another passphrase; none where it is empty."""
        with exclusive(self._path):
            self._refresh()
            self._passphrase = passphrase
            self._change(self._keys)

    def wrap_holder(self, key: bytes, aad: bytes = b"") -> bytes:
        """As every keyring; another process may have rotated it, and an old KEK is forgotten one day."""
        if _stamp(self._path) != self._seen:
            self._refresh()
        return super().wrap_holder(key, aad)

    def _change(self, keys: Keys) -> None:
        replace_file(self._path, keys.secrets, self._passphrase)
        self._seen = _stamp(self._path)
        super()._change(keys)

    def rotate(self) -> int:
        with exclusive(self._path):  # two processes must not both make "number 2"
            self._refresh()
            return super().rotate()

    def forget(self, number: int) -> None:
        with exclusive(self._path):
            self._refresh()
            super().forget(number)

    def _kek(self, number: int) -> bytes | None:
        if number not in self._keys.keks:
            self._refresh()
        return self._keys.keks.get(number)

    def _refresh(self) -> None:
        stamp = _stamp(self._path)
        fresh = Keys(*read_file(self._path, self._passphrase))
        if not hmac.compare_digest(fresh.root, self._keys.root):
            raise KeyringBroken("the keyring file now holds another root secret")
        self._keys, self._seen = fresh, stamp


def _stamp(path: Path) -> tuple[int, int]:
    """Which file this is: each change puts another one in its place."""
    found = path.stat()
    return found.st_ino, found.st_mtime_ns
