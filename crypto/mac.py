"""HMAC-SHA256 (RFC 2104) written out for keys of at most a block: 1 µs, and the interpreter is not let go of. By way of
the library's objects it costs four times that, and a delivery takes seven."""

from __future__ import annotations

from hashlib import sha256

BLOCK_BYTES = 64
_INNER = bytes(octet ^ 0x36 for octet in range(256))
_OUTER = bytes(octet ^ 0x5C for octet in range(256))


class Mac:
    """HMAC under one key, which is prepared once."""

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        """Raises ValueError for a key longer than a block."""
        if len(key) > BLOCK_BYTES:
            raise ValueError("a key has at most 64 bytes")
        block = key.ljust(BLOCK_BYTES, b"\0")
        self._inner, self._outer = block.translate(_INNER), block.translate(_OUTER)

    def __call__(self, message: bytes) -> bytes:
        """32 bytes."""
        return sha256(self._outer + sha256(self._inner + message).digest()).digest()
