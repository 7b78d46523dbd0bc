"""Values of ASN.1 written down in DER (X.690 §8, §10), as much as CMS needs."""

from __future__ import annotations

from crypto.der import INTEGER, NULL, OCTETS, OID, SEQUENCE, SET, encode_oid


def tlv(tag: int, *parts: bytes) -> bytes:
    """One value: its tag, its length, and the parts as content."""
    body = b"".join(parts)
    size = len(body)
    if size < 0x80:
        return bytes((tag, size)) + body
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + body


def sequence(*parts: bytes) -> bytes:
    return tlv(SEQUENCE, *parts)


def set_of(*parts: bytes) -> bytes:
    """X.690 §11.6: in the order of their encodings."""
    return tlv(SET, *sorted(parts))


def oid(dotted: str) -> bytes:
    return tlv(OID, encode_oid(dotted))


def octets(data: bytes) -> bytes:
    return tlv(OCTETS, data)


def small(number: int) -> bytes:
    """An INTEGER from 0 to 127."""
    return tlv(INTEGER, bytes((number,)))


def null() -> bytes:
    return tlv(NULL)
