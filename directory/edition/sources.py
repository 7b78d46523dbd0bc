"""Which extraction a file is, and its lines as texts: decoded and checked, each with its number."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from core.errors import BadInput
from directory.extracts import finess, mssante, rpps, skills
from directory.extracts.entry import Rejection
from directory.extracts.files import first_line, open_lines
from directory.extracts.lines import Unreadable, header_names, text_of

RPPS, SKILLS, FINESS, MSSANTE, RED = "rpps", "skills", "finess", "mssante", "red"
KINDS = (MSSANTE, RPPS, SKILLS, FINESS, RED)
RED_COLUMNS = ("Adresse BAL",)  # the operator's own list: addresses that nobody but the entitled may see
REJECTIONS_KEPT = 100
_HEADERS = {mssante.COLUMNS: MSSANTE, rpps.COLUMNS: RPPS, skills.COLUMNS: SKILLS, RED_COLUMNS: RED}


@dataclass
class Tally:
    """Lines read and rejected; the first rejections are kept to be shown."""

    read: int = 0
    rejected: int = 0
    rejections: list[Rejection] = field(default_factory=list)

    def reject(self, number: int, reason: str) -> None:
        self.rejected += 1
        if len(self.rejections) < REJECTIONS_KEPT:
            self.rejections.append(Rejection(number, reason))


def kind_of(path: Path) -> str:
    """By the first line. Raises BadInput when it is none of ours, or one of ours with its columns in another order."""
    line = first_line(path)
    if line.removeprefix(b"\xef\xbb\xbf").startswith(b"finess;etalab;"):
        return FINESS
    names = header_names(line)
    if names in _HEADERS:
        return _HEADERS[names]
    if any(sorted(names) == sorted(columns) for columns in _HEADERS):
        raise BadInput(f"{path.name} : les colonnes ne sont pas dans l'ordre attendu", "columns in another order")
    raise BadInput(f"{path.name} : ce fichier n'est pas une extraction connue", "unknown header")


def texts(path: Path, kind: str, tally: Tally) -> Iterator[tuple[int, str]]:
    """Number and text of each line that could be decoded, the header left out. Raises BadInput."""
    decode: Callable[[bytes], str] = finess.decode if kind == FINESS else text_of
    lines = enumerate(open_lines(path), 1)
    next(lines, None)
    for number, line in lines:
        if line == b"\n" or not line.strip():
            continue
        tally.read += 1
        try:
            yield number, decode(line)
        except Unreadable as fault:
            tally.reject(number, str(fault))
