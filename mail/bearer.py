"""Login by access token: what SASL carries (XOAUTH2, RFC 7628 OAUTHBEARER), and who the wiring asks about it."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from mail.sasl import BadSasl, decode_text

MECHANISMS = ("OAUTHBEARER", "XOAUTH2")
_FAILED = {"status": "invalid_token", "schemes": "bearer", "scope": "openid scope_all"}


@dataclass(frozen=True, slots=True, repr=False)
class Bearer:
    """A person as a token proves it: national identifier (SubjectNameID), and until when the token itself is good.

    The token is asked for at login only; the session has a cap of its own (`limits.session_hours`).
    """

    subject: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, repr=False)
class TokenLogin:
    """`login`: the mailbox that the client wants; empty where it leaves that to the token. An empty `token` is no
    attempt: the client asks what is wanted here (RFC 7628 §4.3)."""

    login: str
    token: str


# Token, SHA-256 (hexadecimal) of the client certificate or "" → who it is; None for a token that does not hold.
# Raises Temporary when the issuer has to be asked and does not answer. The wiring makes it (`ops/bearing.py`).
TokenCheck = Callable[[str, str], Awaitable[Bearer | None]]


def decode_xoauth2(answer: bytes) -> TokenLogin:
    """`user=…^Aauth=Bearer …^A^A`. Raises BadSasl."""
    if not answer.endswith(b"\x01\x01"):
        raise BadSasl("XOAUTH2 ends with two separators")
    fields = _fields(answer[:-2])
    if not fields.keys() <= {"user", "auth"}:
        raise BadSasl("XOAUTH2 has a user and a token")
    return TokenLogin(fields.get("user", ""), _token(fields))


def decode_oauthbearer(answer: bytes) -> TokenLogin:
    """`n,a=…,^Aauth=Bearer …^A^A`, RFC 7628 §3.1; channel bindings are not offered. Raises BadSasl."""
    if not answer.endswith(b"\x01\x01"):
        raise BadSasl("OAUTHBEARER ends with two separators")
    head, _separator, rest = answer[:-2].partition(b"\x01")
    flag, _comma, named = decode_text(head).partition(",")
    acts_for, comma, end = named.partition(",")
    if flag not in ("n", "y") or not comma or end or (acts_for and not acts_for.startswith("a=")):
        raise BadSasl("OAUTHBEARER begins with a GS2 header")
    login = acts_for[2:].replace("=2C", ",").replace("=3D", "=")
    return TokenLogin(login, _token(_fields(rest)))


def failure() -> bytes:
    """What is told in a last challenge, before the client's empty answer and the refusal. RFC 7628 §3.2.2."""
    return json.dumps(_FAILED).encode()


def _fields(text: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in decode_text(text).split("\x01"):
        name, equals, value = part.partition("=")
        if not equals or name in found:
            raise BadSasl("a field is not name=value, or stands twice")
        found[name] = value
    return found


def _token(fields: dict[str, str]) -> str:
    """Empty where there is none."""
    scheme, _space, token = fields.get("auth", "").strip().partition(" ")
    if scheme and scheme.lower() != "bearer":
        raise BadSasl("this is no bearer token")
    return token.strip()
