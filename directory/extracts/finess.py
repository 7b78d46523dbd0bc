"""The public FINESS stock: `;`, a first line `finess;etalab;…`, rows tagged `structureet`, then `geolocalisation`.

ISO-8859-1 in some years, UTF-8 in others, UTF-8 that was read as ISO-8859-1 and written again in some: found out line
by line, since one file was seen with several. Pure: lines in, establishments, positions and rejections out.
"""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from core.errors import BadInput
from directory.extracts.entry import Rejection
from directory.extracts.files import LINE_BYTES
from directory.extracts.lines import Hostile, Unreadable, fields_of, text_of

TAG, PLACE_TAG = "structureet", "geolocalisation"
COUNT, PLACE_COUNT = 32, 6
NAME = "FINESS"
_NUMBER = re.compile(r"[0-9][0-9AB][0-9]{7}")
_READ_TWICE = re.compile("Ã[\x80-\xbf]|Â[\xa0-\xbf]|Å[\x80-\xbf]")


class Establishment(NamedTuple):
    """A `structureet` row, tag included, in the order of its fields."""

    tag: str
    finess: str
    finess_legal: str
    name: str
    long_name: str
    complement: str
    distribution: str
    number: str
    way: str
    street: str
    number_complement: str
    place: str
    commune: str
    department_code: str
    department: str
    routing: str
    phone: str
    fax: str
    category_code: str
    category: str
    group_code: str
    group: str
    siret: str
    ape: str
    tariff_code: str
    tariff: str
    service_code: str
    service: str
    opened: str
    authorised: str
    updated: str
    numuai: str

    @property
    def structure_id(self) -> str:
        return f"1{self.finess}"

    @property
    def postcode(self) -> str:
        return self.routing[:5] if self.routing[:5].isdigit() else ""

    @property
    def city(self) -> str:
        return self.routing.removeprefix(self.postcode).strip().partition(" CEDEX")[0]


class Position(NamedTuple):
    """A `geolocalisation` row: coordinates as published, in the projection of the territory."""

    tag: str
    finess: str
    x: str
    y: str
    source: str
    updated: str


def decode(line: bytes) -> str:
    """A row's text, whichever of the three encodings it is in. Raises Unreadable."""
    if len(line) > LINE_BYTES:
        raise Hostile("line too long")
    return text_of(_in_utf8(line))


def _in_utf8(line: bytes) -> bytes:
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("cp1252", "replace").encode()
    if not _READ_TWICE.search(text):
        return line
    for encoding in ("latin-1", "cp1252"):
        try:
            return text.encode(encoding).decode("utf-8").encode()
        except UnicodeError:
            continue
    return line


def row_of(text: str) -> Establishment | Position:
    """A decoded row → its fields. Raises Unreadable."""
    row: Establishment | Position
    if text.startswith(TAG + ";"):
        row = Establishment._make(fields_of(text, COUNT, ";"))
    elif text.startswith(PLACE_TAG + ";"):
        row = Position._make(fields_of(text, PLACE_COUNT, ";"))
    else:
        raise Unreadable("unknown kind of row")
    if not _NUMBER.fullmatch(row.finess):
        raise Unreadable("no FINESS number")
    return row


def parse_line(line: bytes, number: int) -> Establishment | Position | Rejection:
    """One line → a row or a rejection; `number` counts from 1, the file's own first line being line 1."""
    try:
        return row_of(decode(line))
    except Unreadable as fault:
        return Rejection(number, str(fault))


def parse_lines(lines: Iterable[bytes]) -> Iterator[Establishment | Position | Rejection]:
    """A whole file, first line included. Raises BadInput on another kind of file."""
    numbered = enumerate(lines, start=1)
    check_header(next(numbered, (1, b""))[1])
    for number, line in numbered:
        if line.strip():
            yield parse_line(line, number)


def check_header(line: bytes) -> None:
    """Raises BadInput unless the first line is that of the stock."""
    if not line.removeprefix(b"\xef\xbb\xbf").startswith(b"finess;etalab;"):
        raise BadInput("ce fichier n'est pas une extraction FINESS", "first line is not finess;etalab")
