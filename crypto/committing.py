"""Key commitment: one object key, one salt, exactly one pair (encryption key, commitment).

AES-GCM alone can be made to open under two keys; a commitment in the header, derived beside the encryption key, cannot.
"""

from __future__ import annotations

import hmac

from crypto.entropy import random_octets
from crypto.mac import Mac

KEY_BYTES = 32
SALT_BYTES = 16
COMMITMENT_BYTES = 32
MAGIC_BYTES = 8
HEAD_BYTES = MAGIC_BYTES + SALT_BYTES + COMMITMENT_BYTES


class SealBroken(Exception):
    """The sealed bytes do not open: wrong key, wrong binding, or changed bytes. The text never tells which."""

    def __init__(self) -> None:
        super().__init__("sealed object does not open")


def new_key() -> bytes:
    """A fresh random key of 32 bytes."""
    return random_octets(KEY_BYTES)


def new_head(magic: bytes, key: bytes) -> tuple[bytes, bytes]:
    """Out: (encryption key, header = magic, salt, commitment). A fresh salt, so a fresh encryption key, each time."""
    salt = random_octets(SALT_BYTES)
    inner, commitment = _derive(magic, key, salt)
    return inner, magic + salt + commitment


def open_head(magic: bytes, key: bytes, head: bytes) -> bytes:
    """In: the first HEAD_BYTES of a sealed object. Out: its encryption key. Raises SealBroken."""
    if len(head) < HEAD_BYTES or head[:MAGIC_BYTES] != magic:
        raise SealBroken
    inner, commitment = _derive(magic, key, bytes(head[MAGIC_BYTES : MAGIC_BYTES + SALT_BYTES]))
    if not hmac.compare_digest(commitment, bytes(head[MAGIC_BYTES + SALT_BYTES : HEAD_BYTES])):
        raise SealBroken
    return inner


def _derive(magic: bytes, key: bytes, salt: bytes) -> tuple[bytes, bytes]:
    """RFC 5869: 64 bytes of output; the first half encrypts, the second is shown."""
    if len(key) != KEY_BYTES:
        raise SealBroken
    expand, info = Mac(Mac(salt)(key)), b"pli/seal/" + magic
    inner = expand(info + b"\x01")
    return inner, expand(inner + info + b"\x02")
