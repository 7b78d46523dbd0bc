"""Header blocks read in place: fields with their offsets, never rewritten.

A line ends with LF; a CR before it belongs to the line end. Messages with bare LF are thus understood when a client
appends them, and nothing is ever altered. A bare CR is an ordinary octet.
"""

import mmap
import re
from typing import NamedTuple, TypeAlias

from mail.bounds import Bound, MimeBounds
from mail.limits import HEADER_OCTETS

Raw: TypeAlias = bytes | memoryview | mmap.mmap

_BLANK_FIRST = re.compile(rb"\r?\n")
_BLANK = re.compile(rb"\n\r?\n")
# RFC 5322 §3.6.8 name, §4.5.8 white space before the colon; then the folded lines, §2.2.3. Possessive: no way back.
_FIELD = re.compile(rb"(?:([!-9;-~]++)[ \t]*+:)?([^\n]*+(?>(?:\n[ \t][^\n]*+)*))\n?")


class Field(NamedTuple):
    """One header field of a block: lower-case name (empty for a line without colon), where it starts, where its
    value starts, where the next field starts."""

    name: bytes
    start: int
    value: int
    end: int


def header_end(raw: Raw, start: int, stop: int) -> int:
    """Where the body begins: after the blank line, or at `stop` when there is none. RFC 5322 §2.1.

    Raises MimeBounds(HEADER) without reading on when the block is longer than HEADER_OCTETS.
    """
    if first := _BLANK_FIRST.match(raw, start, stop):
        return first.end()
    reach = min(stop, start + HEADER_OCTETS + 1)
    found = _BLANK.search(raw, start, reach)
    end = found.end() if found else stop
    if end - start > HEADER_OCTETS:
        raise MimeBounds(Bound.HEADER)
    return end


def unfold(value: bytes) -> bytes:
    """The value on one line, outer white space gone. RFC 5322 §2.2.3: only the line ends are removed."""
    return value.replace(b"\r\n", b"").replace(b"\n", b"").strip(b" \t")


class Headers:
    """The fields of one header block in their order. `block` may or may not end with its blank line."""

    __slots__ = ("_first", "_places", "block", "fields")

    def __init__(self, block: bytes) -> None:
        self.block = block
        self.fields = tuple(_fields(block))
        self._places: dict[bytes, list[Field]] = {}
        for field in self.fields:
            self._places.setdefault(field.name, []).append(field)
        self._first: dict[bytes, bytes] = {}  # values that were asked for: most are, more than once

    def get_all(self, name: bytes) -> list[bytes]:
        """Every value of that name, unfolded, in order."""
        return [self.value(field) for field in self._places.get(name.lower(), ())]

    def first(self, name: bytes) -> bytes | None:
        """The first value of that name, unfolded; None when the field is absent."""
        places = self._places.get(name.lower())
        if places is None:
            return None
        found = self._first.get(name)
        if found is None:
            found = self._first[name] = self.value(places[0])
        return found

    def count(self, name: bytes) -> int:
        """How often the field occurs: two From lines are a trick, not a mail."""
        return len(self._places.get(name.lower(), ()))

    def value(self, field: Field) -> bytes:
        """The unfolded value of one field."""
        return unfold(self.block[field.value : field.end])

    def raw(self, field: Field) -> bytes:
        """The field as it came, with its line ends."""
        return self.block[field.start : field.end]


def _fields(block: bytes) -> list[Field]:
    found: list[Field] = []
    for match in _FIELD.finditer(block):
        name, value = match.groups()
        start, end = match.span()
        if name is not None:
            found.append(Field(name.lower(), start, match.start(2), end))
        elif value not in _NOTHING or block[start:end] not in _BLANKS:  # the end of the block, or its blank line
            found.append(Field(b"", start, start, end))
    return found


_NOTHING, _BLANKS = (b"", b"\r"), (b"", b"\r\n", b"\n")
