"""Sealed objects: AES-256-GCM under a key of their own, bound to holder, object and version.

Layout: magic (8) · salt (16) · commitment (32) · nonce (12) · ciphertext and tag. Large bodies: see `crypto.stream`.
"""

from __future__ import annotations

import struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from crypto.committing import HEAD_BYTES, KEY_BYTES, SealBroken, new_head, new_key, open_head
from crypto.entropy import random_octets
from crypto.stream import CHUNK_BYTES, SealedReader, SealedWriter

__all__ = [
    "CHUNK_BYTES",
    "KEY_MAGIC",
    "OBJECT_MAGIC",
    "SealBroken",
    "SealedReader",
    "SealedWriter",
    "Sealer",
    "new_key",
    "object_aad",
    "seal",
    "unseal",
    "unwrap_key",
    "wrap_key",
]

OBJECT_MAGIC = b"PliSeal1"
KEY_MAGIC = b"PliWrap1"
NONCE_BYTES = 12  # NIST SP 800-38D §8.2.2: random 96 bits
TAG_BYTES = 16
_START = HEAD_BYTES + NONCE_BYTES  # of the ciphertext
_NUMBERS = struct.Struct(">qqq").pack


def object_aad(kind: str, object_id: int, version: int = 1, *, holder_id: int = 0) -> bytes:
    """What a sealed object is bound to: its kind, its number, its version and, where it matters, its holder.

    Each field has a fixed width or a length before it, so that no two bindings share their bytes.
    """
    name = kind.encode()
    return b"pli" + len(name).to_bytes(2, "big") + name + _NUMBERS(object_id, version, holder_id)


class Sealer:
    """Seals several objects under one key, which is derived once: they share salt and commitment, never a nonce."""

    __slots__ = ("_cipher", "_head")

    def __init__(self, magic: bytes, key: bytes) -> None:
        """`magic`: OBJECT_MAGIC for what `unseal` opens, KEY_MAGIC for what `unwrap_key` opens."""
        inner, self._head = new_head(magic, key)
        self._cipher = AESGCM(inner)

    def seal(self, plaintext: bytes, aad: bytes) -> bytes:
        """As the function of that name."""
        nonce = random_octets(NONCE_BYTES)
        return b"".join((self._head, nonce, self._cipher.encrypt(nonce, plaintext, self._head + aad)))


def seal(key: bytes, plaintext: bytes, aad: bytes) -> bytes:
    """Out: sealed bytes, 84 longer than the plaintext. Two seals of one text never look alike."""
    return Sealer(OBJECT_MAGIC, key).seal(plaintext, aad)


def unseal(key: bytes, sealed: bytes, aad: bytes) -> bytes:
    """Out: the plaintext. Raises SealBroken for another key, another binding or one changed bit."""
    return _unseal(OBJECT_MAGIC, key, sealed, aad)


def wrap_key(holder_key: bytes, object_key: bytes, aad: bytes) -> bytes:
    """The object key, readable by this holder only: one stored body can serve several holders."""
    if len(object_key) != KEY_BYTES:
        raise ValueError("an object key has 32 bytes")
    return Sealer(KEY_MAGIC, holder_key).seal(object_key, aad)


def unwrap_key(holder_key: bytes, wrapped: bytes, aad: bytes) -> bytes:
    """Out: the object key. Raises SealBroken."""
    return _unseal(KEY_MAGIC, holder_key, wrapped, aad)


def _unseal(magic: bytes, key: bytes, sealed: bytes, aad: bytes) -> bytes:
    if len(sealed) < _START + TAG_BYTES:
        raise SealBroken
    head = bytes(sealed[:HEAD_BYTES])
    inner = open_head(magic, key, head)
    try:
        return AESGCM(inner).decrypt(bytes(sealed[HEAD_BYTES:_START]), sealed[_START:], head + aad)
    except InvalidTag:
        raise SealBroken from None
