"""The lexical ground shared by addresses and MIME parameters: comments and quoted strings. RFC 5322 §3.2.

Every pattern is possessive and every scan moves forward only: the time is linear whatever the octets.
"""

import re

QUOTED = re.compile(rb'"([^"\\]*+(?>(?:\\.[^"\\]*+)*))("?)', re.DOTALL)  # a missing end quote ends with the text
_SPACE = re.compile(rb"[ \t\r\n]*+")
_COMMENT_MARK = re.compile(rb"[()]|\\.", re.DOTALL)
_ESCAPE = re.compile(rb"\\(.)", re.DOTALL)


def unescape(text: bytes) -> bytes:
    """The content of a quoted string or comment without its backslashes. RFC 5322 §3.2.1."""
    return _ESCAPE.sub(rb"\1", text) if b"\\" in text else text


def comment_end(value: bytes, start: int) -> int:
    """Where the comment that opens at `start` is over; the end of the value when it never closes. §3.2.2 nests."""
    depth = 0
    for mark in _COMMENT_MARK.finditer(value, start):
        if mark[0] == b"(":
            depth += 1
        elif mark[0] == b")":
            depth -= 1
            if not depth:
                return mark.end()
    return len(value)


def skip_cfws(value: bytes, at: int) -> int:
    """The next octet that is neither white space nor comment."""
    while True:
        space = _SPACE.match(value, at)
        at = space.end() if space else at
        if value[at : at + 1] != b"(":
            return at
        at = comment_end(value, at)
