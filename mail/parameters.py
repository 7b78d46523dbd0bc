"""Content-Type and Content-Disposition: the value and its parameters, RFC 2231 pieces put together again.

RFC 2045 §5.1, RFC 2183 §2, RFC 2231 §3 and §4. Tolerant where senders are known to err (file names with spaces and no
quotes, missing semicolons at the end), never ambiguous: the first parameter of a name counts.
"""

import re
from functools import lru_cache
from typing import NamedTuple, TypeAlias
from urllib.parse import quote_from_bytes

from mail.bounds import Bound, MimeBounds
from mail.limits import PARAMETERS
from mail.tokens import QUOTED, comment_end, skip_cfws, unescape
from mail.words import decode_extended, decode_words

Params: TypeAlias = tuple[tuple[bytes, bytes], ...]

_TOKEN = re.compile(rb'[^\x00-\x20()<>@,;:\\"/\[\]?=\x7f]++')  # RFC 2045 §5.1 token, octets above 127 tolerated
_RUN = re.compile(rb'[^\s;()"]++')
_NEXT = re.compile(rb'[^;"(]++')
_PIECE = re.compile(rb"([^*]+)\*(?:(0|[1-9][0-9]{0,2})(\*)?)?")  # RFC 2231 §3: *0, *0*; §4: *
_NO_LINE = re.compile(rb"[\r\n]+")
SHORT = 128  # octets of a value that is remembered once it was read


class ContentType(NamedTuple):
    """Lower-case type and subtype, parameters in order."""

    main: bytes
    sub: bytes
    params: Params


class Disposition(NamedTuple):
    """Lower-case disposition and its parameters."""

    kind: bytes
    params: Params


def content_type(value: bytes) -> ContentType | None:
    """Read a Content-Type; None when it is none (RFC 2045 §5.2: then text/plain). Raises MimeBounds(PARAMETERS)."""
    return _short_type(value) if len(value) <= SHORT else _any_type(value)


@lru_cache(maxsize=256)  # most mail is written by few programs
def _short_type(value: bytes) -> ContentType | None:
    return _any_type(value)


def _any_type(value: bytes) -> ContentType | None:
    main = _TOKEN.match(value, skip_cfws(value, 0))
    if not main:
        return None
    at = skip_cfws(value, main.end())
    sub = _TOKEN.match(value, skip_cfws(value, at + 1)) if value[at : at + 1] == b"/" else None
    if not sub:
        return None
    return ContentType(main[0].lower(), sub[0].lower(), parameters(value, sub.end()))


def disposition(value: bytes) -> Disposition | None:
    """Read a Content-Disposition; None when it is none. Raises MimeBounds(PARAMETERS)."""
    kind = _TOKEN.match(value, skip_cfws(value, 0))
    return Disposition(kind[0].lower(), parameters(value, kind.end())) if kind else None


def token(value: bytes) -> bytes | None:
    """The one lower-case token of a field such as Content-Transfer-Encoding, comments aside."""
    found = _TOKEN.match(value, skip_cfws(value, 0))
    return found[0].lower() if found else None


def parameters(value: bytes, at: int) -> Params:
    """`; name=value` pairs from offset `at`, names in lower case, RFC 2231 pieces joined under `name` or `name*`."""
    found: list[tuple[bytes, bytes]] = []
    while (at := _to_next(value, at)) < len(value):
        at = skip_cfws(value, at + 1)
        name = _TOKEN.match(value, at)
        if not name:
            continue
        at = skip_cfws(value, name.end())
        if value[at : at + 1] != b"=":
            continue
        text, at = _value(value, skip_cfws(value, at + 1))
        found.append((name[0].lower(), text))
        if len(found) > PARAMETERS:
            raise MimeBounds(Bound.PARAMETERS)
    return _joined(found)


def text(params: Params, name: bytes) -> str | None:
    """A parameter for people: `name*` (RFC 2231) wins over `name`, which may hold RFC 2047 words (many senders)."""
    known = dict(reversed(params))
    if (extended := known.get(name + b"*")) is not None:
        return decode_extended(extended)
    plain = known.get(name)
    return None if plain is None else decode_words(plain)


def first(params: Params, name: bytes) -> bytes | None:
    """The raw value of the first parameter of that name."""
    return next((value for key, value in params if key == name), None)


def _to_next(value: bytes, at: int) -> int:
    """The next semicolon outside quotes and comments, or the end."""
    while at < len(value) and value[at : at + 1] != b";":
        if quoted := QUOTED.match(value, at):
            at = quoted.end()
        elif value[at : at + 1] == b"(":
            at = comment_end(value, at)
        elif run := _NEXT.match(value, at):
            at = run.end()
        else:
            at += 1
    return at


def _value(value: bytes, at: int) -> tuple[bytes, int]:
    if quoted := QUOTED.match(value, at):
        return _NO_LINE.sub(b"", unescape(quoted[1])), quoted.end()
    words: list[bytes] = []
    while run := _RUN.match(value, at):
        words.append(run[0])
        at = skip_cfws(value, run.end())
    return b" ".join(words), at


def _joined(found: list[tuple[bytes, bytes]]) -> Params:
    plain: list[tuple[bytes, bytes]] = []
    pieces: dict[bytes, dict[int, tuple[bytes, bool]]] = {}
    for name, value in found:
        match = _PIECE.fullmatch(name) if b"*" in name else None
        if match is None or match[2] is None:
            plain.append((name, value))
        else:
            pieces.setdefault(match[1], {}).setdefault(int(match[2]), (value, match[3] is not None))
    return tuple(plain) + tuple(_join(name, numbered) for name, numbered in pieces.items())


def _join(name: bytes, numbered: dict[int, tuple[bytes, bool]]) -> tuple[bytes, bytes]:
    """Pieces 0, 1, 2… up to the first that is missing. RFC 2231 §3."""
    run: list[tuple[bytes, bool]] = []
    while len(run) in numbered:
        run.append(numbered[len(run)])
    if not run:
        run = [numbered[min(numbered)]]
    if not any(extended for _, extended in run):
        return name, b"".join(value for value, _ in run)
    head = b"" if run[0][1] else b"''"  # a later piece is encoded: give the whole a charset prefix, empty
    return name + b"*", head + b"".join(value if coded else quote_from_bytes(value).encode() for value, coded in run)
