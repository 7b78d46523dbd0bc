"""Search filters (RFC 4511 §4.5.1.7): read from BER into small values, and evaluated on an entry's attributes.

Three values, as the standard asks (RFC 4511 §4.5.1.7): True, False, and None where the attribute is unknown.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from directory.ldap.ber import BadBer, Cursor
from directory.sounds import sound_of
from directory.words import folded, words_of

PARTS = 256  # of one filter, in all
AND, OR, NOT, EQUAL, SUBSTRINGS, AT_LEAST, AT_MOST, PRESENT, APPROX, EXTENSIBLE = (
    0xA0, 0xA1, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0x87, 0xA8, 0xA9
)  # fmt: skip
Attributes = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Filter:
    """`kind`: one of the tags above. `parts`: of and, or, not. `values`: one, or the pieces of a substring with empty
    text where it is open at an end."""

    kind: int
    attribute: str = ""
    values: tuple[str, ...] = ()
    parts: tuple["Filter", ...] = ()


def read(cursor: Cursor) -> Filter:
    """The next element as a filter. Raises BadBer."""
    return _read(cursor, [PARTS])


def _read(cursor: Cursor, left: list[int]) -> Filter:
    left[0] -= 1
    if left[0] < 0:
        raise BadBer("filter of too many parts")
    kind = cursor.peek()
    if kind == PRESENT:
        return Filter(PRESENT, _name(cursor.value()))
    inner = cursor.inside()
    if kind in (AND, OR):
        parts = []
        while not inner.is_done:
            parts.append(_read(inner, left))
        return Filter(kind, parts=tuple(parts))
    if kind == NOT:
        return Filter(NOT, parts=(_read(inner, left),))
    if kind == SUBSTRINGS:
        return _substrings(inner)
    if kind in (EQUAL, AT_LEAST, AT_MOST, APPROX):
        return Filter(kind, _name(inner.value(0x04)), (_text(inner.value(0x04)),))
    if kind == EXTENSIBLE:
        return Filter(EXTENSIBLE)
    raise BadBer("unknown kind of filter")


def _substrings(inner: Cursor) -> Filter:
    name = _name(inner.value(0x04))
    pieces = inner.inside(0x30)
    values: list[str] = []
    first = last = False
    while not pieces.is_done:
        tag = pieces.peek()
        if tag not in (0x80, 0x81, 0x82) or (tag == 0x80 and values) or last:
            raise BadBer("substrings out of order")
        first, last = first or tag == 0x80, tag == 0x82
        values.append(_text(pieces.value()))
    if not values or "" in values:
        raise BadBer("substrings without text")
    return Filter(SUBSTRINGS, name, (*(() if first else ("",)), *values, *(() if last else ("",))))


def _name(raw: bytes) -> str:
    """An attribute's name without its options, in lower case."""
    try:
        return raw.decode("ascii").partition(";")[0].lower()
    except UnicodeDecodeError:
        raise BadBer("attribute name not ASCII") from None


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise BadBer("value not UTF-8") from None


def named(wanted: Filter) -> Iterator[str]:
    """The attributes of which it says something."""
    if wanted.attribute:
        yield wanted.attribute
    for part in wanted.parts:
        yield from named(part)


def matches(wanted: Filter, entry: Attributes, known: frozenset[str]) -> bool | None:
    """Whether the entry fits; None when it cannot be said."""
    if wanted.kind in (AND, OR):
        return _several(wanted, entry, known)
    if wanted.kind == NOT:
        inner = matches(wanted.parts[0], entry, known)
        return None if inner is None else not inner
    if wanted.kind == EXTENSIBLE or wanted.attribute not in known:
        return None
    values = entry.get(wanted.attribute, ())
    if wanted.kind == PRESENT:
        return bool(values)
    return any(_fits(wanted, value) for value in values)


def _several(wanted: Filter, entry: Attributes, known: frozenset[str]) -> bool | None:
    """An empty `and` is true, an empty `or` is false (RFC 4526)."""
    decisive = wanted.kind == OR
    found = [matches(part, entry, known) for part in wanted.parts]
    if decisive in found:
        return decisive
    return None if None in found else not decisive


def _fits(wanted: Filter, value: str) -> bool:
    if wanted.kind == SUBSTRINGS:
        return _holds(wanted.values, folded(value))
    one, other = folded(wanted.values[0]), folded(value)
    if wanted.kind == EQUAL:
        return one == other
    if wanted.kind == AT_LEAST:
        return other >= one
    if wanted.kind == AT_MOST:
        return other <= one
    return _sounds(one) == _sounds(other) or one in other


def _sounds(text: str) -> list[str]:
    return [sound_of(word) for word in words_of(text)]


@lru_cache(maxsize=1 << 10)
def _folded(pieces: tuple[str, ...]) -> tuple[str, ...]:
    """Once for all entries that are looked at."""
    return tuple(folded(piece) for piece in pieces)


def _holds(pieces: tuple[str, ...], value: str) -> bool:
    start, *middle, end = _folded(pieces)
    if not value.startswith(start) or not value.endswith(end):
        return False
    at, last = len(start), len(value) - len(end)
    for piece in middle:
        found = value.find(piece, at, last)
        if found < 0:
            return False
        at = found + len(piece)
    return at <= last
