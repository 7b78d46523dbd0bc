"""Login codes: typed where a plain Matrix client asks for a password. Single use, short life, kept as a blind index."""

import base64
import secrets
from datetime import datetime, timedelta

from sqlalchemy import delete, insert, update
from sqlalchemy.orm import Session

from core.clock import epoch_ms
from crypto.keyring import Keyring
from instant.tables import codes

CODE_OCTETS = 10  # 80 bits: 16 letters and digits, four groups


def issue(
    session: Session, keyring: Keyring, account_id: int, now: datetime, valid: timedelta, *, uses: int = 1
) -> str:
    """A new code. `uses` above one is for the demonstration only."""
    text = base64.b32encode(secrets.token_bytes(CODE_OCTETS)).decode().lower()
    until = epoch_ms(now + valid)
    session.execute(delete(codes).where(codes.c.expires_at < epoch_ms(now)))
    row = {"lookup": _lookup(keyring, account_id, text), "account_id": account_id}
    session.execute(insert(codes), row | {"expires_at": until, "uses_left": uses})
    return "-".join(text[start : start + 4] for start in range(0, len(text), 4))


def redeem(session: Session, keyring: Keyring, account_id: int, typed: str, now: datetime) -> bool:
    """Whether this code opens this account now; that use of it is spent in the same transaction."""
    spent = session.execute(
        update(codes)
        .where(
            codes.c.lookup == _lookup(keyring, account_id, _plain(typed)),
            codes.c.expires_at >= epoch_ms(now),
            codes.c.uses_left > 0,
        )
        .values(uses_left=codes.c.uses_left - 1)
        .returning(codes.c.account_id)
    ).one_or_none()
    return spent is not None


def _plain(typed: str) -> str:
    return "".join(char for char in typed[:64].lower() if char.isascii() and char.isalnum())


def _lookup(keyring: Keyring, account_id: int, text: str) -> bytes:
    return keyring.blind("matrix-code", f"{account_id}:{text}")
