"""Binary parts of a message become base64, so that programs without BINARY can read them. Pure. RFC 3516 §4.4."""

import base64
import re
from typing import Final

from mail.letter import is_signed
from mail.part import Part, numbered
from mail.structure import describe

BINARY: Final = b"binary"
_ENCODING = re.compile(rb"^(content-transfer-encoding[ \t]*+:)[^\r\n]*+(?>(?:\r?\n[ \t][^\r\n]*+)*)", re.I | re.M)
_LINE: Final = 57  # octets that make 76 characters of base64


def textual(raw: bytes) -> bytes:
    """The message with every binary part in base64; as it is where it is signed, which would break, or names no such
    part. Raises MimeBounds."""
    described = describe(raw)
    if is_signed(described):
        return raw
    pieces: list[bytes] = []
    done = 0
    for part in _binary(described.tree):
        holds = bool(part.children or part.message)
        pieces += [raw[done : part.start], _renamed(raw[part.start : part.body], b"8bit" if holds else b"base64")]
        done = part.body
        if not holds:
            pieces.append(_base64(raw[part.body : part.end]))
            done = part.end
    return b"".join([*pieces, raw[done:]])


def _binary(tree: Part) -> list[Part]:
    """In the order of their octets, what holds others before those."""
    every = [tree, *(part for _, part in numbered(tree) if part is not tree)]
    return sorted((part for part in every if part.encoding == BINARY), key=lambda part: (part.start, -part.end))


def _renamed(header: bytes, encoding: bytes) -> bytes:
    return _ENCODING.sub(rb"\1 " + encoding, header, count=1)


def _base64(data: bytes) -> bytes:
    lines = (data[at : at + _LINE] for at in range(0, len(data), _LINE))
    return b"\r\n".join(base64.b64encode(line) for line in lines)
