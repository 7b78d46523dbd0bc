"""How octets are written on an IMAP connection: quoted, literal, NIL. RFC 3501 §4.3 and §9, RFC 9051 §4.3."""

import re

from mail.limits import TEXT_LINE

_QUOTABLE = re.compile(rb"[\x01-\x09\x0b\x0c\x0e-\x7f]*+")  # QUOTED-CHAR: 7 bit, neither CR, LF nor NUL
_PLAIN = re.compile(rb"[\x01-\x09\x0b\x0c\x0e-!#-\[\]-\x7f]*+")  # of these, what needs no backslash
_SPECIAL = re.compile(rb'(["\\])')
_ATOM = re.compile(rb'[^\x00-\x20\x7f-\xff(){%*"\\\]]++')  # ATOM-CHAR


def quoted(value: bytes) -> bytes:
    """`value`, which must be quotable, between double quotes."""
    if b'"' in value or b"\\" in value:
        value = _SPECIAL.sub(rb"\\\1", value)
    return b'"' + value + b'"'


def literal(value: bytes) -> bytes:
    """`{n}` CRLF and the octets. A NUL cannot travel in a literal (RFC 3501 §9 CHAR8): it becomes 0x80."""
    return b"{%d}\r\n%b" % (len(value), value.replace(b"\0", b"\x80"))


def string(value: bytes) -> bytes:
    """Quoted where possible, a literal for 8-bit octets, line ends, NUL and long values."""
    if len(value) <= TEXT_LINE:
        if _PLAIN.fullmatch(value):
            return b'"' + value + b'"'
        if _QUOTABLE.fullmatch(value):
            return quoted(value)
    return literal(value)


def nstring(value: bytes | None) -> bytes:
    """`string`, or NIL for what is absent."""
    return b"NIL" if value is None else string(value)


def astring(value: bytes) -> bytes:
    """An atom where possible, else `string`. NIL as a word is quoted."""
    if _ATOM.fullmatch(value) and value.upper() != b"NIL":
        return value
    return string(value)


def parenthesised(items: list[bytes]) -> bytes:
    """A list in parentheses, NIL when it is empty."""
    return b"(" + b" ".join(items) + b")" if items else b"NIL"
