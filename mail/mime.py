"""The read-only walk over a message: bytes in, a tree of offsets out. No object tree, no copy, no re-printing.

Linear: a multipart looks for its own delimiter lines first, and each child is read strictly inside its range, so that
an outer boundary always ends an inner part (RFC 2046 §5.1.2). Bounds are checked on the octets before anything is
built from them.
"""

import re
from typing import NamedTuple

from mail.bounds import Bound, MimeBounds
from mail.headers import Headers, Raw, header_end
from mail.limits import BOUNDARY_READ, MIME_DEPTH, MIME_PARTS
from mail.parameters import ContentType, content_type, disposition, first, token
from mail.part import IDENTITY, Part

_TEXT = ContentType(b"text", b"plain", ())  # RFC 2045 §5.2
_MESSAGE = ContentType(b"message", b"rfc822", ())  # RFC 2046 §5.1.5: the default inside multipart/digest
# RFC 2046 §5.1.1: what may follow the boundary on its line. The whole line has to match; a longer boundary that merely
# begins alike (legal in a nested part) is not ours.
_LINE_REST = re.compile(rb"(--)?[ \t]*+(?:\r?\n|\Z)")


class _Stop(NamedTuple):
    """Where a part ends: `at` before the line end that belongs to the delimiter, `line` where the delimiter begins."""

    at: int
    line: int


class _Delimiter(NamedTuple):
    stop: _Stop
    after: int
    closing: bool


def walk(raw: Raw) -> Part:
    """The tree of a message. Raises MimeBounds, and nothing else, whatever the octets are."""
    return walk_with_headers(raw)[0]


def walk_with_headers(raw: Raw) -> tuple[Part, Headers]:
    """As `walk`, with the message's own header, which was read on the way."""
    size = len(raw)
    walker = _Walk(raw)
    tree = walker.entity(0, _Stop(size, size), 0, _TEXT)
    return tree, walker.headers or Headers(b"")


def check_bounds(raw: Raw) -> None:
    """Raise MimeBounds when the message is deeper or larger than `mail.limits` allows. It is the walk itself, so that
    the gate and the reader cannot disagree: a caller who needs the tree calls `walk` alone."""
    walk(raw)


def count_lines(raw: Raw, start: int, end: int) -> int:
    """Line ends in a range."""
    return raw.count(b"\n", start, end) if isinstance(raw, bytes) else bytes(raw[start:end]).count(b"\n")


def find_octets(raw: Raw, needle: bytes, start: int, end: int) -> int:
    """`bytes.find` for every kind of buffer (a memoryview has none)."""
    if not isinstance(raw, memoryview):
        return raw.find(needle, start, end)
    found = re.compile(re.escape(needle)).search(raw, start, end)
    return found.start() if found else -1


class _Walk:
    def __init__(self, raw: Raw) -> None:
        self._raw = raw
        self._seen = 0  # delimiter lines and embedded messages
        self.headers: Headers | None = None  # the message's own, once it was read

    def entity(self, start: int, stop: _Stop, depth: int, default: ContentType) -> Part:
        """The part whose header starts at `start`."""
        if depth > MIME_DEPTH:
            raise MimeBounds(Bound.DEPTH)
        body = header_end(self._raw, start, stop.line)
        end = max(body, stop.at)  # an empty part: its blank line is also the delimiter's line end
        headers = Headers(bytes(self._raw[start:body]))
        self.headers = self.headers or headers
        kind = _kind(headers, default)
        encoding = _encoding(headers)
        children, message = self._inside(kind, encoding, body, _Stop(end, max(body, stop.line)), depth)
        return Part(
            start,
            body,
            end,
            count_lines(self._raw, body, end) if kind.main == b"text" or kind[:2] == _MESSAGE[:2] else 0,
            *kind,
            encoding,
            disposition(shown) if (shown := headers.first(b"content-disposition")) else None,
            headers.first(b"content-id"),
            headers.first(b"content-description"),
            headers.first(b"content-md5"),
            headers.first(b"content-language"),
            headers.first(b"content-location"),
            children,
            message,
        )

    def _inside(
        self, kind: ContentType, encoding: bytes, body: int, stop: _Stop, depth: int
    ) -> tuple[tuple[Part, ...], Part | None]:
        if kind.main == b"multipart":
            boundary = (first(kind.params, b"boundary") or b"").rstrip(b" \t")
            if len(boundary) > BOUNDARY_READ:
                raise MimeBounds(Bound.BOUNDARY)
            default = _MESSAGE if kind.sub == b"digest" else _TEXT
            return (self._children(b"\n--" + boundary, body, stop, depth, default) if boundary else ()), None
        if kind[:2] == _MESSAGE[:2] and encoding in IDENTITY:  # RFC 2046 §5.2.1: no other encoding is permitted
            self._count()
            return (), self.entity(body, stop, depth + 1, _TEXT)
        return (), None

    def _children(self, needle: bytes, body: int, stop: _Stop, depth: int, default: ContentType) -> tuple[Part, ...]:
        found: list[Part] = []
        here = self._delimiter(needle, max(body - 1, 0), stop.line)
        while here and not here.closing:
            following = self._delimiter(needle, here.after - 1, stop.line)
            found.append(self.entity(here.after, following.stop if following else stop, depth + 1, default))
            here = following
        return tuple(found)

    def _delimiter(self, needle: bytes, at: int, limit: int) -> _Delimiter | None:
        """The next whole delimiter line that begins in [at, limit)."""
        while (at := find_octets(self._raw, needle, at, limit)) >= 0:
            self._count()
            if rest := _LINE_REST.match(self._raw, at + len(needle), limit):
                before = at - 1 if at and self._raw[at - 1] in (13, b"\r") else at
                return _Delimiter(_Stop(before, at + 1), rest.end(), rest[1] is not None)
            at += len(needle)
        return None

    def _count(self) -> None:
        self._seen += 1
        if self._seen > MIME_PARTS:
            raise MimeBounds(Bound.PARTS)


def _kind(headers: Headers, default: ContentType) -> ContentType:
    value = headers.first(b"content-type")
    return default if value is None else content_type(value) or _TEXT


def _encoding(headers: Headers) -> bytes:
    value = headers.first(b"content-transfer-encoding")
    return (token(value) if value else None) or b"7bit"


def header_block(raw: Raw, part: Part) -> Headers:
    """The header fields of a part, read again from the bytes."""
    return Headers(bytes(raw[part.start : part.body]))
