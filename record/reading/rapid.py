"""RapidOCR, an optional second reader: another engine errs elsewhere. It runs in a process of its own, which may die.

`pip install pli[ocr]` brings it; its models come with the package. Nothing leaves the machine.
"""

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import structlog

from record.reading.picture import Grey
from record.reading.tesseract import TextLine

MEMORY = 3 * 1024 * 1024 * 1024
CPU_SECONDS = 60
WALL_SECONDS = 150.0
_SCRIPT = Path(__file__).with_name("rapid_child.py")

log = structlog.get_logger()


class Piece(NamedTuple):
    """Words in one box; heights and `left` are shares of the page."""

    text: str
    confidence: float
    top: float
    bottom: float
    left: float


class Rapid:
    """The library, when it is installed."""

    def __init__(self, wall_seconds: float = WALL_SECONDS) -> None:
        self._wall = wall_seconds

    @property
    def installed(self) -> bool:
        return find_spec("rapidocr") is not None and find_spec("onnxruntime") is not None

    def read(self, page: Grey) -> tuple[TextLine, ...]:
        """The lines from top to bottom; none when the process fails or takes too long."""
        if page.width < 3 or page.height < 3:
            return ()
        return tuple(rows_of(Piece(*each) for each in self._pieces(page)))

    def _pieces(self, page: Grey) -> list[list[Any]]:
        numbers = (page.width, page.height, MEMORY, CPU_SECONDS)
        try:
            done = subprocess.run(  # noqa: S603  our own script, no shell
                [sys.executable, "-I", str(_SCRIPT), *map(str, numbers)],
                input=page.pixels,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=self._wall,
                env={"OMP_NUM_THREADS": "1"},
                check=False,
            )
            found: list[list[Any]] = json.loads(done.stdout.splitlines()[-1])
        except (subprocess.TimeoutExpired, ValueError, IndexError) as error:
            log.warning("rapidocr.failed", cause=type(error).__name__)
            return []
        return found


def rows_of(pieces: Iterable[Piece]) -> Iterator[TextLine]:
    """Pieces at one height are one line, whatever stands between them."""
    row: list[Piece] = []
    for piece in sorted(pieces, key=lambda each: each.top + each.bottom):
        if row and (piece.top + piece.bottom) / 2 > row[0].bottom:
            yield _joined(row)
            row = []
        row.append(piece)
    if row:
        yield _joined(row)


def _joined(row: list[Piece]) -> TextLine:
    letters = sum(len(piece.text) for piece in row) or 1
    confidence = sum(piece.confidence * len(piece.text) for piece in row) / letters
    text = " ".join(piece.text for piece in sorted(row, key=lambda piece: piece.left))
    return TextLine(text, round(confidence, 3), min(p.top for p in row), max(p.bottom for p in row))
