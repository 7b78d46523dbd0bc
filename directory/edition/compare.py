"""The difference between an extraction and the last one that was taken: line by line, whatever their order.

Lines that stand in both are never parsed; of a national file of two million a day changes some thousands.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from core.errors import BadInput
from directory.edition.kinds import FINESS, MSSANTE, RED, RPPS, SKILLS
from directory.edition.sources import Tally
from directory.extracts import finess, mssante, red, rpps, skills
from directory.extracts.files import open_lines
from directory.extracts.lines import Unreadable, text_of

EVERY = 50_000
HOSTILE = {"line too long": "trop longue", "control character": "caractère nul", "formula": "formule de tableur"}
Progress = Callable[[str, int], None]
Keys = tuple[str, str]


@dataclass
class Difference:
    """`lines` in the new file; numbers of those added and removed."""

    tally: Tally = field(default_factory=Tally)
    added: int = 0
    removed: int = 0
    before: int = 0
    whole: bool = True  # the last line has its end, or can be read


def keys_of(kind: str, text: str) -> Keys:
    """Person and structure of a line. Raises Unreadable."""
    return _KEYS[kind](text)


def compare(
    kind: str, new: Path, old: Path | None, rejected: Path | None, out: Path, progress: Progress, *, every: bool = True
) -> Difference:
    """Writes the changes to `out`, one JSON array a line: sign, person, structure, text. Raises BadInput.

    `rejected` holds the lines of `old` that could not be read: they are looked at again. Unless `every`, the lines of a
    first extraction are counted only: whoever builds from it reads them anyway, and rejects them then.
    """
    found = Difference()
    if old is None and not every:
        _counted(kind, new, found, out, progress)
        return found
    before = _hashes(old, kind, progress) if old else set()
    found.before = len(before)
    before -= {hash(line.encode()) for line in _kept(rejected)}
    seen: set[int] = set()
    with out.open("w", encoding="utf-8") as file, out.with_suffix(".rejected").open("w", encoding="utf-8") as bad:
        for number, line in _lines(new, found):
            mark = hash(line)
            if mark not in before and mark not in seen:
                _added(kind, number, line, found, file, bad)
            seen.add(mark)
            if number % EVERY == 0:
                progress(f"{kind} : comparaison", number)
        gone = before - seen
        if gone and old:
            _removed(kind, old, gone, found, file)
    return found


def read_changes(path: Path) -> Iterator[tuple[str, str, str, str]]:
    """Sign, person, structure and text of what `compare` wrote."""
    with path.open(encoding="utf-8") as file:
        for line in file:
            sign, person, structure, text = json.loads(line)
            yield sign, person, structure, text


def _counted(kind: str, new: Path, found: Difference, out: Path, progress: Progress) -> None:
    """The number of lines; of the last one, whether it can be read: a file that was cut off ends within a line."""
    lines = enumerate(open_lines(new), 1)
    number, last = next(lines, (1, b"\n"))
    blank = 0
    for number, last in lines:
        if last < b"\x0e" and not last.rstrip(b"\r\n"):  # most are known by their first octet
            blank += 1
        if number % EVERY == 0:
            progress(f"{kind} : lecture", number)
    found.tally.read = found.added = number - 1 - blank
    found.whole = last.endswith(b"\n")
    out.write_bytes(b"")
    with out.with_suffix(".rejected").open("w", encoding="utf-8") as bad:
        if not found.whole and (end := last.rstrip(b"\r\n")):
            _check_end(kind, number, end, found, bad)


def _check_end(kind: str, number: int, line: bytes, found: Difference, bad: TextIO) -> None:
    try:
        keys_of(kind, finess.decode(line) if kind == FINESS else text_of(line))
    except Unreadable as fault:
        found.tally.reject(number, fault)
        bad.write(line.decode("utf-8", "replace") + "\n")


def _added(kind: str, number: int, line: bytes, found: Difference, file: TextIO, bad: TextIO) -> None:
    try:
        text = finess.decode(line) if kind == FINESS else text_of(line)
        person, structure = keys_of(kind, text)
    except Unreadable as fault:
        found.tally.reject(number, fault)
        bad.write(line.decode("utf-8", "replace") + "\n")
        return
    found.added += 1
    file.write(json.dumps(["+", person, structure, text], ensure_ascii=False) + "\n")


def _removed(kind: str, old: Path, gone: set[int], found: Difference, file: TextIO) -> None:
    for _, line in _lines(old, Difference()):
        if hash(line) in gone:
            try:
                text = finess.decode(line) if kind == FINESS else text_of(line)
                person, structure = keys_of(kind, text)
            except Unreadable:
                continue
            found.removed += 1
            file.write(json.dumps(["-", person, structure, text], ensure_ascii=False) + "\n")


def _hashes(path: Path, kind: str, progress: Progress) -> set[int]:
    progress(f"{kind} : édition en service", 0)
    return {hash(line) for _, line in _lines(path, Difference())}


def _lines(path: Path, found: Difference) -> Iterator[tuple[int, bytes]]:
    """Each line with its number, without its end, the header left out; blank ones passed over."""
    lines = enumerate(open_lines(path), 1)
    last = next(lines, (1, b"\n"))[1]
    for number, line in lines:
        last = line
        bare = line.rstrip(b"\r\n")
        if bare:
            found.tally.read += 1
            yield number, bare
    found.whole = last.endswith(b"\n")


def _kept(path: Path | None) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path and path.exists() else []


def _of_box(text: str) -> Keys:
    row = mssante.row_of(text)
    return row.national_id, row.structure_id


def _of_activity(text: str) -> Keys:
    activity = rpps.activity_of(text)
    return activity.national_id, activity.structure_id


_KEYS: dict[str, Callable[[str], Keys]] = {
    MSSANTE: _of_box,
    RPPS: _of_activity,
    SKILLS: lambda text: (skills.skill_of(text).national_id, ""),
    FINESS: lambda text: ("", f"1{finess.row_of(text).finess}"),
    RED: lambda text: ("", red.address_of(text)),
}


def check(kind: str, found: Difference, rejected_percent: int, *, force: bool = False) -> None:
    """Raises BadInput when so much cannot be read that it is not such a file, or when its end is missing."""
    check_readable(kind, found.tally, rejected_percent, force=force)
    last = found.tally.rejections[-1].line if found.tally.rejections else 0
    if not found.whole and last and last > found.tally.read:
        raise BadInput(f"extraction {kind} : fichier tronqué, refusé", "last line cut off")


def check_readable(kind: str, tally: Tally, rejected_percent: int, *, force: bool = False) -> None:
    """Raises BadInput when so much cannot be read that it is not such a file, and, unless `force`, when a line is none
    that an extraction ever holds."""
    if tally.rejected > max(10, tally.read * rejected_percent // 100):
        raise BadInput(
            f"extraction {kind} : {tally.rejected} lignes illisibles sur {tally.read}, fichier refusé",
            "too many unreadable lines",
        )
    if tally.hostile and not force:
        raise BadInput(
            f"extraction {kind} : ligne {tally.hostile.line}, {HOSTILE[tally.hostile.reason]} ; fichier refusé "
            "(l'option --force prend le reste)",
            f"hostile line: {tally.hostile.reason}",
        )
