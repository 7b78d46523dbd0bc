"""JSON of strangers (RFC 8259), bounded before it is parsed; what two readers could read differently is refused."""

from __future__ import annotations

import json
from typing import Any, NoReturn

MAX_DEPTH = 16


class BadJson(ValueError):
    """Not one JSON object within our bounds."""


def read_object(data: bytes, most: int) -> dict[str, Any]:
    """One object, UTF-8, at most `most` octets, no name twice, no NaN. Raises BadJson."""
    if len(data) > most or _too_deep(data):
        raise BadJson("too large or too deep")
    try:
        found = json.loads(data.decode("utf-8"), object_pairs_hook=_once, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise BadJson("not JSON") from None
    if not isinstance(found, dict):
        raise BadJson("not an object")
    return found


def _too_deep(data: bytes) -> bool:
    """Brackets inside texts count too: whoever writes that many is not missed."""
    return data.count(b"[") + data.count(b"{") > MAX_DEPTH and _depth(data) > MAX_DEPTH


def _depth(data: bytes) -> int:
    depth = deepest = 0
    for octet in data:
        if octet in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif octet in b"]}":
            depth -= 1
    return deepest


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """RFC 8259 §4 leaves a repeated name to the reader: two readers would see two tokens."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BadJson("a name stands twice")
    return found


def _refuse(_word: str) -> NoReturn:
    raise BadJson("not a number")
