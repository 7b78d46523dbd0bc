"""Passwords of tests: verified as ever, by what stands in their hash, which here asks for the least work it can."""

import unicodedata
from functools import cache

from argon2 import PasswordHasher, Type

_QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1, hash_len=32, salt_len=16, type=Type.ID)


@cache
def hashed(text: str) -> str:
    """What `crypto.passwords.hash_password` makes, at hardly any of its cost; the same for all tests."""
    return _QUICK.hash(unicodedata.normalize("NFC", text))
