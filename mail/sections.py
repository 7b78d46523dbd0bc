"""BODY[…]: which octets a section names, byte for byte. RFC 3501 §6.4.5, RFC 9051 §6.4.5.1.

`locate` needs the tree alone, so that a sealed message is opened only where it is read.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from mail.headers import Headers, Raw
from mail.part import Part, Path, find

HEADER, FIELDS, FIELDS_NOT, TEXT, MIME = "HEADER", "HEADER.FIELDS", "HEADER.FIELDS.NOT", "TEXT", "MIME"

Read = Callable[[int, int], bytes]  # (offset, length) → octets of the raw message


@dataclass(frozen=True, slots=True)
class Section:
    """What stands between the brackets: part numbers, one of the words above or "", field names as the client has."""

    path: Path = ()
    kind: str = ""
    fields: tuple[bytes, ...] = ()

    @property
    def filtered(self) -> bool:
        """Only some header fields are asked for."""
        return self.kind in {FIELDS, FIELDS_NOT}


class Partial(NamedTuple):
    """`<offset.octets>` of a FETCH."""

    offset: int
    octets: int


class Span(NamedTuple):
    """Octets [start, end) of the raw message."""

    start: int
    end: int


def locate(tree: Part, section: Section) -> Span | None:
    """The octets that hold the section (for HEADER.FIELDS the whole header). None when there is no such part."""
    part = find(tree, section.path)
    if part is None:
        return None
    if section.kind == MIME:
        return Span(part.start, part.body) if section.path else None
    if section.kind:
        return _message_span(part if not section.path else part.message, section.kind)
    return Span(part.body, part.end) if section.path else Span(part.start, part.end)


def _message_span(message: Part | None, kind: str) -> Span | None:
    """HEADER and TEXT exist for the message itself and for a message/rfc822 part only."""
    if message is None:
        return None
    return Span(message.body, message.end) if kind == TEXT else Span(message.start, message.body)


def narrow(span: Span, partial: Partial | None) -> Span:
    """The piece of a span that a partial fetch asks for; empty beyond the end (RFC 3501 §6.4.5)."""
    if partial is None:
        return span
    start = min(span.start + partial.offset, span.end)
    return Span(start, min(start + partial.octets, span.end))


def extract(read: Read, tree: Part, section: Section, partial: Partial | None = None) -> bytes | None:
    """The octets of a section, read through `read`. None → NIL."""
    span = locate(tree, section)
    if span is None:
        return None
    if not section.filtered:
        start, end = narrow(span, partial)
        return read(start, end - start) if end > start else b""
    block = select(read(span.start, span.end - span.start), section.fields, wanted=section.kind == FIELDS)
    start, end = narrow(Span(0, len(block)), partial)
    return block[start:end]


def extract_from(raw: Raw, tree: Part, section: Section, partial: Partial | None = None) -> bytes | None:
    """`extract` for a message that is at hand."""
    return extract(lambda start, length: bytes(raw[start : start + length]), tree, section, partial)


def select(block: bytes, names: tuple[bytes, ...], *, wanted: bool) -> bytes:
    """The fields with (or without) these names as they came and in their order, and the blank line after them."""
    if wanted:
        chosen = field_pattern(frozenset(names)).findall(block)
        if chosen and not chosen[-1].endswith(b"\n"):
            chosen.append(b"\r\n")
        return b"".join(chosen) + b"\r\n"
    asked = {name.lower() for name in names}
    headers = Headers(block)
    chosen = [headers.raw(field) for field in headers.fields if field.name not in asked]
    if chosen and not chosen[-1].endswith(b"\n"):
        chosen.append(b"\r\n")
    return b"".join(chosen) + b"\r\n"


@lru_cache(64)
def field_pattern(names: frozenset[bytes]) -> re.Pattern[bytes]:
    """The fields of these names, each with its folded lines: one pass without an object a field, since clients ask
    this of every message. The same fields as `mail.headers` finds."""
    either = b"|".join(sorted(map(re.escape, names)))
    return re.compile(rb"^(?:%b)[ \t]*+:[^\n]*+(?>(?:\n[ \t][^\n]*+)*)\n?" % either, re.IGNORECASE | re.MULTILINE)
