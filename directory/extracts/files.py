"""Reading an extraction's file: bare or zipped, line by line, bounded before anything is parsed."""

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from core.errors import BadInput

LINE_BYTES = 8_192  # the longest line of the real files has about 1,000
FILE_BYTES = 4_000_000_000  # the largest real file has about 1 GB
FILE_LINES = 10_000_000  # the longest real file has about 2 million
BUFFER_BYTES = 1 << 20
_TEXTS = (".txt", ".csv")


def open_lines(path: Path) -> Iterator[bytes]:
    """The file's lines with their ends, out of a zip or bare; of a longer line only LINE_BYTES + 1 bytes are given.

    Raises BadInput on a zip that is not exactly one text file of a sane size, or that is damaged or cut off.
    """
    with _opened(path) as file:
        yield from _bounded(file)


def first_line(path: Path) -> bytes:
    """By which an extraction is known. Raises as `open_lines`."""
    return next(open_lines(path), b"")


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    with path.open("rb", BUFFER_BYTES) as file:
        if file.read(2) != b"PK":
            file.seek(0)
            yield file
            return
    try:
        with zipfile.ZipFile(path) as archive:
            texts = [info for info in archive.infolist() if info.filename.lower().endswith(_TEXTS)]
            if len(texts) != 1 or texts[0].file_size > FILE_BYTES:
                raise BadInput(
                    f"{path.name} : une archive d'un seul texte est attendue", "zip of none or several texts"
                )
            with archive.open(texts[0]) as member:
                yield member
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        raise BadInput(f"{path.name} : archive chiffrée, tronquée ou abîmée", type(error).__name__) from None


def _bounded(file: IO[bytes]) -> Iterator[bytes]:
    """A block at a time: of a line that does not end, no more than a block is ever held."""
    total, count, begun, cut = 0, 0, b"", False
    while block := file.read(BUFFER_BYTES):
        lines = block.split(b"\n")
        total, count = total + len(block), count + len(lines)
        if total > FILE_BYTES or count > FILE_LINES:
            raise BadInput("fichier trop long pour une extraction", "extraction larger than the bound")
        lines[0] = begun + lines[0]
        begun = lines.pop()
        if cut and lines:  # the end of a line of which enough was given
            del lines[0]
            cut = False
        for line in lines:
            yield line + b"\n" if len(line) < LINE_BYTES else line[: LINE_BYTES + 1]
        if cut:
            begun = b""
        elif len(begun) > LINE_BYTES:
            yield begun[: LINE_BYTES + 1]
            begun, cut = b"", True
    if begun:
        yield begun
