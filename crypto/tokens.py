"""One-use tokens: random text for the person, its hash for our table, a comparison that takes the same time."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import NamedTuple

TOKEN_BYTES = 32


class Token(NamedTuple):
    """`text` goes to the person and is never stored; `digest` (32 bytes) is stored and cannot give the text back."""

    text: str
    digest: bytes

    def __repr__(self) -> str:
        return "Token(…)"


def new_token() -> Token:
    """A fresh URL-safe token of 256 random bits."""
    text = secrets.token_urlsafe(TOKEN_BYTES)
    return Token(text, token_digest(text))


def token_digest(text: str) -> bytes:
    """SHA-256 of the token. The token is random, so no salt and no slow hash are needed."""
    return hashlib.sha256(b"pli/token/" + text.encode(errors="surrogatepass")).digest()


def token_matches(text: str, digest: bytes) -> bool:
    """True when the text is the token behind this digest; in constant time."""
    return hmac.compare_digest(token_digest(text), digest)
