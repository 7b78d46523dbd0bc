"""Debian's `tesseract` as a subprocess: no shell, no file, no language but French, bounded in time and memory.

The bounds are set on the process before it is given a byte, and it reads nothing but what it is given.
"""

import resource
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import structlog

from record.reading.picture import Grey

MEMORY = 1024 * 1024 * 1024
CPU_SECONDS = 40
WALL_SECONDS = 150.0
AT_ONCE = 2
_PATH = "/usr/local/bin:/usr/bin:/bin"
# One column of text of any size; print on white is never light on dark, and looking for it costs a tenth.
_ARGUMENTS = ("-", "-", "-l", "fra", "--dpi", "220", "--psm", "4", "-c", "tessedit_do_invert=0", "tsv")
_COLUMNS, _TABLE_BYTES = 12, 8 * 1024 * 1024

log = structlog.get_logger()
_room = threading.BoundedSemaphore(AT_ONCE)


@dataclass(frozen=True, slots=True, repr=False)
class TextLine:
    """A line as read. `confidence` is the mean of its words', 0 to 1; `top` and `bottom` are shares of the page."""

    text: str
    confidence: float
    top: float
    bottom: float


@dataclass(frozen=True, slots=True, repr=False)
class _Word:
    row: tuple[str, str, str]  # block, paragraph, line
    text: str
    confidence: float
    top: int
    bottom: int


class Tesseract:
    """The program, when it is installed."""

    def __init__(self, path: str = _PATH, wall_seconds: float = WALL_SECONDS) -> None:
        """`path`: the folders where the program is looked for, as PATH writes them."""
        self._program, self._wall = shutil.which("tesseract", path=path), wall_seconds

    @property
    def installed(self) -> bool:
        return self._program is not None

    def read(self, page: Grey) -> tuple[TextLine, ...]:
        """The lines from top to bottom; none when the program is not there, fails, or takes too long."""
        if self._program is None or page.width < 3 or page.height < 3:
            return ()
        picture = b"P5 %d %d 255\n" % (page.width, page.height) + page.pixels
        with _room:
            table = _run([self._program, *_ARGUMENTS], picture, self._wall)
        return tuple(_lines(table, page.height))


def mean_confidence(lines: tuple[TextLine, ...]) -> float:
    """Of the whole page, by the length of the lines."""
    total = sum(len(line.text) for line in lines)
    return sum(line.confidence * len(line.text) for line in lines) / total if total else 0.0


def _run(command: list[str], picture: bytes, wall_seconds: float) -> str:
    """The table it prints; empty for every way to fail."""
    try:
        child = subprocess.Popen(  # noqa: S603  the path is absolute, there is no shell
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"OMP_THREAD_LIMIT": "1", "LC_ALL": "C.UTF-8", "PATH": _PATH},
        )
    except OSError:
        log.warning("tesseract.not_started")
        return ""
    with child:
        _bind(child.pid)
        try:
            told, _nothing = child.communicate(picture, timeout=wall_seconds)
        except subprocess.TimeoutExpired:
            child.kill()
            log.warning("tesseract.too_slow")
            return ""
    if child.returncode:
        log.warning("tesseract.failed", code=child.returncode)
        return ""
    return told[:_TABLE_BYTES].decode("utf-8", "replace")


def _bind(pid: int) -> None:
    """It waits for its picture meanwhile. A process that is gone already needs no bounds."""
    bounds = {
        resource.RLIMIT_AS: MEMORY,
        resource.RLIMIT_CPU: CPU_SECONDS,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: 0,
    }
    with suppress(ProcessLookupError, PermissionError):
        for kind, bound in bounds.items():
            resource.prlimit(pid, kind, (bound, bound))


def _lines(table: str, height: int) -> Iterator[TextLine]:
    """Words of one line joined, fragments at one height put side by side again."""
    rows: dict[tuple[str, str, str], list[_Word]] = {}
    for word in _words(table):
        rows.setdefault(word.row, []).append(word)
    for words in rows.values():
        letters = sum(len(word.text) for word in words)
        confidence = sum(word.confidence * len(word.text) for word in words) / letters
        top, bottom = min(word.top for word in words), max(word.bottom for word in words)
        yield TextLine(" ".join(word.text for word in words), round(confidence, 3), top / height, bottom / height)


def _words(table: str) -> Iterator[_Word]:
    for row in table.splitlines()[1:]:
        cells = row.split("\t", _COLUMNS - 1)
        if len(cells) < _COLUMNS or cells[0] != "5" or not cells[11].strip():
            continue
        with suppress(ValueError):
            top, tall, sure = int(cells[7]), int(cells[9]), float(cells[10])
            yield _Word((cells[2], cells[3], cells[4]), cells[11].strip(), max(0.0, sure) / 100, top, top + tall)
