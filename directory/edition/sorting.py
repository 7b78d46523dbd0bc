"""An extraction in any order, sorted so that each person's lines stand together: by files, in bounded memory."""

import heapq
from collections.abc import Iterable
from contextlib import ExitStack
from itertools import islice
from pathlib import Path

from directory.extracts.files import open_lines

AT_ONCE = 200_000  # lines held: some 150 MB


def sort_by_person(source: Path, target: Path) -> None:
    """The header, then the lines by national identifier, those of one person in the order they had. Raises OSError."""
    lines = open_lines(source)
    header = next(lines, b"")
    parts: list[Path] = []
    while held := sorted((_ended(line) for line in islice(lines, AT_ONCE)), key=_person):
        parts.append(target.with_name(f"{target.name}.{len(parts)}"))
        _write(parts[-1], held)
    with ExitStack() as opened, target.open("wb") as out:
        out.write(_ended(header))
        files: list[Iterable[bytes]] = [opened.enter_context(part.open("rb")) for part in parts]
        merged: Iterable[bytes] = heapq.merge(*files, key=_person)
        out.writelines(merged)
    for part in parts:
        part.unlink()


def _write(path: Path, lines: list[bytes]) -> None:
    with path.open("wb") as file:
        file.writelines(lines)


def _ended(line: bytes) -> bytes:
    return line if line.endswith(b"\n") else line + b"\n"


def _person(line: bytes) -> bytes:
    """The national identifier; nothing where the line is none."""
    fields = line.split(b"|", 3)
    return fields[2] if len(fields) == 4 else b""
