"""Passwords: argon2id (RFC 9106) with the OWASP minimum, and the same wait whether the account exists or not."""

from __future__ import annotations

import functools
import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import Type, hash_secret_raw

# OWASP Password Storage Cheat Sheet: argon2id, 19 MiB, 2 passes, 1 lane.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1, hash_len=32, salt_len=16, type=Type.ID)
MAX_BYTES = 1024  # a longer "password" is an attempt to keep us busy


def hash_password(text: str) -> str:
    """Out: the encoded hash (parameters and salt inside). Raises ValueError for an empty or oversized password."""
    if not 0 < len(text.encode()) <= MAX_BYTES:
        raise ValueError("a password has 1 to 1024 bytes")
    return _HASHER.hash(_normal(text))


def verify_password(encoded: str | None, text: str) -> bool:
    """True when the text is the hashed password. Never raises.

    For an unknown account give None: the answer is False after the work of a true check, so the time tells nothing.
    """
    if len(text) > MAX_BYTES:
        return False
    try:
        return _HASHER.verify(encoded or _decoy(), _normal(text)) and bool(encoded)
    except (VerificationError, InvalidHashError):
        return False


@functools.lru_cache(maxsize=4)
def stretch(passphrase: str, salt: bytes) -> bytes:
    """A key of 32 bytes from a passphrase: argon2id, 3 passes over 64 MiB (RFC 9106 §4, second choice)."""
    return hash_secret_raw(
        _normal(passphrase), salt, time_cost=3, memory_cost=65536, parallelism=4, hash_len=32, type=Type.ID
    )


def _normal(text: str) -> bytes:
    """RFC 8265 §4.2 (OpaqueString): NFC, so that two keyboards that compose é differently agree."""
    return unicodedata.normalize("NFC", text).encode(errors="surrogatepass")


@functools.cache
def _decoy() -> str:
    return _HASHER.hash(b"no account has this hash")
