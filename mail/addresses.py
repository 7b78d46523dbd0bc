"""Address lists of RFC 5322 §3.4 and §4.4, read by one forward pass over bounded tokens.

Tolerant, since ENVELOPE has to show what came; `clean` tells whether the list obeys the grammar, for those who must
refuse. Encoded words are kept raw. Nothing recurses.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from mail.bounds import Bound, MimeBounds
from mail.limits import ADDRESS_TOKENS
from mail.tokens import QUOTED, comment_end, unescape

MISSING_LOCAL = b"MISSING_MAILBOX"  # Dovecot's words; a NIL would mean a group (RFC 3501 §7.4.2)
MISSING_DOMAIN = b"MISSING_DOMAIN"
SHORT = 256  # octets of a value that is remembered once it was read

_LITERAL = re.compile(rb"\[[^\[\]\\]*+(?>(?:\\.[^\[\]\\]*+)*)\]?", re.DOTALL)
_SPACE = re.compile(rb"[ \t\r\n]++")
_ATOM = rb'[^\x00-\x20()<>\[\]:;@\\,."\x7f]++'
_WORD = re.compile(_ATOM)  # octets above 127 pass (RFC 6532)
_DOTTED = _ATOM + rb"(?>(?:\." + _ATOM + rb")*)"
_PLAIN_LOCAL = re.compile(_DOTTED)
# One mailbox in its everyday form, read in one stroke; everything else takes the long way and gives the same.
_EVERYDAY = re.compile(
    rb'(?:(?:"([^"\\]*+)"|('
    + _ATOM
    + rb"(?>(?: "
    + _ATOM
    + rb")*)))?[ \t]*+(<))?("
    + _DOTTED
    + rb")@("
    + _DOTTED
    + rb")(?(3)>)"
)


@dataclass(frozen=True, slots=True)
class Addr:
    """One entry as ENVELOPE sees it (RFC 3501 §7.4.2): a mailbox, or the start (`local` is the group's name, `domain`
    None) or the end (both None) of a group. `name` is the display name, unquoted, encoded words raw."""

    name: bytes | None
    route: bytes | None
    local: bytes | None
    domain: bytes | None

    @property
    def is_mailbox(self) -> bool:
        """Neither start nor end of a group."""
        return self.local is not None and self.domain is not None

    @property
    def address(self) -> bytes:
        """local@domain, the local part quoted again where it must be; empty for a group mark."""
        if self.local is None or self.domain is None:
            return b""
        local = self.local
        if not _PLAIN_LOCAL.fullmatch(local):
            local = b'"' + local.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
        return local + b"@" + self.domain


@dataclass(frozen=True, slots=True)
class AddressList:
    """The entries in order. `clean` is False when something had to be guessed or skipped."""

    items: tuple[Addr, ...]
    clean: bool

    @property
    def mailboxes(self) -> tuple[Addr, ...]:
        """The entries that are mailboxes, members of groups included."""
        return tuple(item for item in self.items if item.is_mailbox)


class _Token(NamedTuple):
    kind: str  # "atom", "quoted", "literal", "comment", or the special character itself
    text: bytes
    spaced: bool  # white space or a comment stood before it


def addresses(value: bytes) -> AddressList:
    """Read an address list. Raises MimeBounds(ADDRESSES) beyond ADDRESS_TOKENS tokens, nothing else."""
    return _short(value) if len(value) <= SHORT else _any(value)


@lru_cache(maxsize=1024)  # the same few people write all day, and each stage asks who it was
def _short(value: bytes) -> AddressList:
    return _any(value)


def _any(value: bytes) -> AddressList:
    if one := _EVERYDAY.fullmatch(value):
        return AddressList((Addr(one[1] or one[2], None, one[4], one[5]),), clean=True)
    return _read(value)


def _read(value: bytes) -> AddressList:
    reader = _Reader()
    for token in _tokens(value):
        reader.take(token)
    reader.finish()
    return AddressList(tuple(reader.items), reader.clean)


def _tokens(value: bytes) -> Iterator[_Token]:
    at, count, spaced = 0, 0, False
    while at < len(value):
        if space := _SPACE.match(value, at):
            at, spaced = space.end(), True
            continue
        count += 1
        if count > ADDRESS_TOKENS:
            raise MimeBounds(Bound.ADDRESSES)
        token, at = _next(value, at, spaced)
        spaced = token.kind == "comment"
        yield token


def _next(value: bytes, at: int, spaced: bool) -> tuple[_Token, int]:
    if word := _WORD.match(value, at):
        return _Token("atom", word[0], spaced), word.end()
    if quoted := QUOTED.match(value, at):
        kind = "quoted" if quoted[2] else "torn"
        return _Token(kind, unescape(quoted[1]), spaced), quoted.end()
    if value[at : at + 1] == b"(":
        end = comment_end(value, at)
        return _Token("comment", unescape(value[at + 1 : end].removesuffix(b")")).strip(), spaced), end
    if literal := _LITERAL.match(value, at):
        return _Token("literal", literal[0], spaced), literal.end()
    return _Token(chr(value[at]), value[at : at + 1], spaced), at + 1


class _Reader:
    """Collects the tokens of one entry until a comma, a colon, a semicolon or the end closes it."""

    def __init__(self) -> None:
        self.items: list[Addr] = []
        self.clean = True
        self._in_group = False
        self._clear()

    def _clear(self) -> None:
        self._words: list[_Token] = []  # before "<", or the whole entry
        self._angle: list[_Token] = []  # inside "<…>"
        self._has_angle = False
        self._open = False  # between "<" and ">"
        self._comment: bytes | None = None

    def take(self, token: _Token) -> None:
        """One more token."""
        kind = token.kind
        if kind == "comment":
            if self._words or self._has_angle:  # a name only behind the address, as of old: "ana@x.example (Ana)"
                self._comment = token.text
        elif self._open:
            self._take_inside(token)
        elif kind == "<":
            self.clean &= not self._has_angle
            self._angle, self._has_angle, self._open = [], True, True
        elif kind == ",":
            self._flush()
        elif kind == ":":
            self._open_group()
        elif kind == ";":
            self._close_group()
        elif self._has_angle:
            self.clean = False  # text after ">"
        else:
            self._words.append(token)

    def finish(self) -> None:
        """The value is over."""
        self.clean &= not self._open
        self._flush(last=True)
        if self._in_group:
            self.clean = False
            self.items.append(Addr(None, None, None, None))

    def _take_inside(self, token: _Token) -> None:
        angle = self._angle
        if token.kind == ">":
            self._open = False
        elif token.kind == "," and not (angle and angle[0].kind == "@"):  # only a route holds commas, §4.4
            self.clean = self._open = False
            self._flush()
        elif token.kind == "<":
            self.clean = False
        else:
            angle.append(token)

    def _open_group(self) -> None:
        if self._in_group or self._has_angle or not self._words:
            self.clean = False
            return
        name = _phrase(self._words)
        self._in_group = True
        self._clear()
        self.items.append(Addr(None, None, name, None))

    def _close_group(self) -> None:
        self._flush(last=True)
        if self._in_group:
            self.items.append(Addr(None, None, None, None))
        else:
            self.clean = False
        self._in_group = False

    def _flush(self, last: bool = False) -> None:
        if not self._has_angle and not self._words:
            self.clean &= last or self._in_group or self._comment is not None  # §4.4 obs-addr-list: empty entries
        elif not self._has_angle:
            self._add(self._comment or None, None, self._words)
        else:
            self._add(_phrase(self._words) or self._comment or None, *_split_route(self._angle))
        self._clear()

    def _add(self, name: bytes | None, route: bytes | None, spec: list[_Token]) -> None:
        kinds = [token.kind for token in spec]
        at = kinds.index("@") if "@" in kinds else len(kinds)
        local, domain = b"".join(t.text for t in spec[:at]), b"".join(t.text for t in spec[at + 1 :])
        self.clean &= _is_local(spec[:at]) and _is_domain(spec[at + 1 :])
        self.items.append(Addr(name, route, local or MISSING_LOCAL, domain or MISSING_DOMAIN))


def _phrase(words: list[_Token]) -> bytes:
    """Words with one space where there was any."""
    return b"".join((b" " if token.spaced and index else b"") + token.text for index, token in enumerate(words))


def _split_route(angle: list[_Token]) -> tuple[bytes | None, list[_Token]]:
    """The obsolete route "@a,@b:" (§4.4) apart from the address."""
    if not angle or angle[0].kind != "@":
        return None, angle
    for index, token in enumerate(angle):
        if token.kind == ":":
            return b"".join(t.text for t in angle[:index]), angle[index + 1 :]
    return None, angle


def _is_local(tokens: list[_Token]) -> bool:
    return _is_dotted(tokens, {"atom", "quoted"})


def _is_domain(tokens: list[_Token]) -> bool:
    if len(tokens) == 1 and tokens[0].kind == "literal":
        return tokens[0].text.endswith(b"]")
    return _is_dotted(tokens, {"atom"})


def _is_dotted(tokens: list[_Token], words: set[str]) -> bool:
    """word *("." word), obsolete white space around the dots allowed (§4.4)."""
    return len(tokens) % 2 == 1 and all(
        token.kind in words if index % 2 == 0 else token.kind == "." for index, token in enumerate(tokens)
    )
