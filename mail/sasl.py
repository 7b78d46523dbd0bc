"""SASL answers, for SMTP and IMAP alike: base64 and PLAIN. Pure. RFC 4422, RFC 4616, RFC 4954 §4."""

import base64
import binascii

from core.errors import BadInput

PASSWORDS = ("PLAIN", "LOGIN")


class BadSasl(BadInput):
    """The answer is not of the mechanism's form."""


def decode_answer(text: bytes) -> bytes:
    """One base64 answer; "=" alone is an empty initial response. Raises BadSasl."""
    if text == b"=":
        return b""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BadSasl("this is not base64") from None


def decode_plain(answer: bytes) -> tuple[str, str]:
    """Login and password. Nobody may act for another: an authorisation identity other than the login is refused.

    Raises BadSasl.
    """
    parts = answer.split(b"\0")
    if len(parts) != 3:
        raise BadSasl("PLAIN has three parts")
    acts_for, login, password = (decode_text(part) for part in parts)
    if acts_for not in {"", login} or not login or not password:
        raise BadSasl("PLAIN has a login and a password of its own")
    return login, password


def decode_text(answer: bytes) -> str:
    """UTF-8 text without NUL. Raises BadSasl."""
    try:
        text = answer.decode()
    except UnicodeDecodeError:
        raise BadSasl("this is not UTF-8") from None
    if "\0" in text:
        raise BadSasl("this holds a NUL")
    return text
