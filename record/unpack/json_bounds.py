"""JSON as it comes from outside: size, depth, values and numbers bounded before and while it is read. RFC 8259."""

import json
import re
from typing import Any, NoReturn

from record.unpack.facts import Problem, Unreadable
from record.unpack.limits import JSON_BYTES, JSON_DEPTH, JSON_VALUES, NUMBER_CHARACTERS

_STRING = re.compile(rb'"[^"]*+"?')  # one that is not closed goes on to the end
_NOT_BRACKETS = re.compile(rb"[^][{}]+")
_LONG_NUMBER = re.compile(rb"[0-9.eE+-]{%d}" % (NUMBER_CHARACTERS + 1))


def read_json(data: bytes) -> Any:
    """Objects as dict, arrays as list. Raises Unreadable: TOO_LARGE, TOO_DEEP, ENCODING, DUPLICATE_KEY, BROKEN."""
    if len(data) > JSON_BYTES:
        raise Unreadable(Problem.TOO_LARGE)
    _check(data)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Unreadable(Problem.ENCODING) from None
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
    except (ValueError, RecursionError):
        raise Unreadable(Problem.BROKEN) from None


def _check(data: bytes) -> None:
    """On the bytes, strings taken out: depth, number of values, length of numbers."""
    unescaped = data.replace(b"\\\\", b"").replace(b'\\"', b"")  # a backslash elsewhere ends the reading later
    bare = _STRING.sub(b"", unescaped)
    if bare.count(b",") + bare.count(b"[") + bare.count(b"{") > JSON_VALUES:
        raise Unreadable(Problem.TOO_LARGE)
    if _LONG_NUMBER.search(bare):
        raise Unreadable(Problem.BROKEN)
    depth = 0
    for bracket in _NOT_BRACKETS.sub(b"", bare):
        depth += 1 if bracket in b"[{" else -1
        if depth > JSON_DEPTH:
            raise Unreadable(Problem.TOO_DEEP)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Unreadable(Problem.DUPLICATE_KEY)  # two readers would take two different values
    return found


def _constant(_word: str) -> NoReturn:
    raise Unreadable(Problem.BROKEN)  # NaN and Infinity are no JSON
