"""An extraction's lines as texts: decoded and checked, each with its number; what became of them, counted."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from core.errors import BadInput
from directory.edition.kinds import FINESS
from directory.extracts import finess
from directory.extracts.entry import Rejection
from directory.extracts.files import open_lines
from directory.extracts.lines import Hostile, Unreadable, text_of

REJECTIONS_KEPT = 100
HOPELESS = 100_000  # unreadable lines, and most of them so: the rest is not looked at


@dataclass
class Tally:
    """Lines read and rejected; the first rejections are kept to be shown. `hostile`: the first line that no extraction
    holds."""

    read: int = 0
    rejected: int = 0
    rejections: list[Rejection] = field(default_factory=list)
    hostile: Rejection | None = None

    def reject(self, number: int, fault: Unreadable) -> None:
        """Raises BadInput when there is no use in going on."""
        one = Rejection(number, str(fault))
        self.rejected += 1
        if len(self.rejections) < REJECTIONS_KEPT:
            self.rejections.append(one)
        if isinstance(fault, Hostile):
            self.hostile = self.hostile or one
        if self.rejected > HOPELESS and self.rejected * 2 > self.read:
            raise BadInput("presque aucune ligne n'est lisible : fichier refusé", "hopeless file")


def texts(path: Path, kind: str, tally: Tally) -> Iterator[tuple[int, str]]:
    """Number and text of each line that could be decoded, the header left out. Raises BadInput."""
    decode: Callable[[bytes], str] = finess.decode if kind == FINESS else text_of
    lines = enumerate(open_lines(path), 1)
    next(lines, None)
    for number, line in lines:
        if line < b"!" and not line.strip():  # such a one begins with less
            continue
        tally.read += 1
        try:
            yield number, decode(line)
        except Unreadable as fault:
            tally.reject(number, fault)
