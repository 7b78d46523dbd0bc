"""One-time passwords by time: RFC 6238 over RFC 4226; SHA-1, 6 digits, 30 seconds, as authenticators read them."""

import base64
import hashlib
import hmac
import secrets
from urllib.parse import quote

STEP_S, DIGITS, WINDOW = 30, 6, 1


def new_secret() -> str:
    """160 random bits, base32 (RFC 4226 §4 R6)."""
    return base64.b32encode(secrets.token_bytes(20)).decode()


def uri(secret: str, label: str) -> str:
    """For the QR code of an authenticator; `label` says nothing of a person's health or number."""
    return f"otpauth://totp/Pli:{quote(label)}?secret={secret}&issuer=Pli"


def code_at(secret: str, step: int) -> str:
    """RFC 4226 §5.3."""
    mac = hmac.digest(base64.b32decode(secret), step.to_bytes(8, "big"), hashlib.sha1)
    offset = mac[-1] & 15
    number = int.from_bytes(mac[offset : offset + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**DIGITS:0{DIGITS}d}"


def matching_step(secret: str, given: str, epoch_s: float, last_step: int) -> int | None:
    """The step for which this code is right, one on either side of now, and later than the last one used (§5.2)."""
    now = int(epoch_s) // STEP_S
    plain = given.replace(" ", "").encode(errors="replace")
    found = None
    for step in range(now - WINDOW, now + WINDOW + 1):
        if hmac.compare_digest(code_at(secret, step).encode(), plain) and step > last_step:
            found = step
    return found
