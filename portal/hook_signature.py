"""How a call to a pharmacy's software is signed and judged: Standard Webhooks 1.0 (HMAC-SHA256, with time and id).

Pure. The receiver refuses what is older than REPLAY_S, and an id that it has seen already.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Mapping

PREFIX = "whsec_"
REPLAY_S = 300
ID, TIME, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"


def new_secret() -> str:
    """`whsec_` and 32 random octets in base64."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def signed(secret: str, call_id: str, at_s: int, body: bytes) -> dict[str, str]:
    """The three headers for this body; a repeat of the call has the same id and a time of its own."""
    return {ID: call_id, TIME: str(at_s), SIGNATURE: f"v1,{_mac(secret, call_id, str(at_s), body)}"}


def is_genuine(secret: str, headers: Mapping[str, str], body: bytes, now_s: int) -> bool:
    """What a receiver does: the time within REPLAY_S of its own clock, and one of the signatures ours.

    `headers` in lower case. Several signatures stand side by side while a secret is being changed.
    """
    call_id, at, given = (headers.get(name, "") for name in (ID, TIME, SIGNATURE))
    if not call_id or not at.isascii() or not at.isdecimal() or len(at) > 12 or abs(now_s - int(at)) > REPLAY_S:
        return False
    wanted = f"v1,{_mac(secret, call_id, at, body)}".encode()
    return any(hmac.compare_digest(wanted, each.encode()) for each in given.split()[:8])


def _mac(secret: str, call_id: str, at: str, body: bytes) -> str:
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("not a webhook secret") from None
    return base64.b64encode(hmac.digest(key, f"{call_id}.{at}.".encode() + body, hashlib.sha256)).decode()
