"""Passwords of single devices, for mail programs: made by us, long and random, revoked one by one.

A stolen telephone costs its own password only, and nobody has to type the account's on it. They open SMTP and IMAP,
never the pages. 120 random bits need no slow hash: a keyed digest finds them.
"""

import base64
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from core.clock import epoch_ms, from_epoch_ms
from core.errors import BadInput, NotFound, Refused
from core.ids import new_id
from crypto.keyring import Keyring
from crypto.sealed import object_aad, seal, unseal
from directory.holders import holder_key
from mail.accounts import Account
from mail.tables import app_passwords

OCTETS, CHARACTERS, GROUP = 15, 24, 4
ALPHABET = frozenset("abcdefghijklmnopqrstuvwxyz234567")
LABEL_MOST, MOST = 60, 20
NOTED_EVERY = timedelta(hours=12)


@dataclass(frozen=True, slots=True, repr=False)
class Device:
    """One device's password, without it. `used`: None until it was used, then right to half a day."""

    id: int
    label: str
    created: datetime
    used: datetime | None


def add(session: Session, keyring: Keyring, account: Account, label: str, now: datetime) -> tuple[int, str]:
    """Unit of work: a new one; its number, and the password, which is never shown again. Raises BadInput, Refused."""
    words = " ".join(label.split())
    if not 0 < len(words) <= LABEL_MOST:
        raise BadInput(f"le nom de l'appareil a 1 à {LABEL_MOST} caractères", "device label empty or too long")
    mine = select(func.count()).where(app_passwords.c.account_id == account.id)
    if session.execute(mine).scalar_one() >= MOST:
        raise Refused(f"ce compte a déjà {MOST} mots de passe d'appareil", "too many device passwords")
    number, text = new_id(), base64.b32encode(secrets.token_bytes(OCTETS)).decode().lower()
    key = holder_key(session, keyring, account.holder_id)
    facts = {"id": number, "account_id": account.id, "created_at": epoch_ms(now), "used_at": None}
    kept = {"sealed_label": seal(key, words.encode(), _aad(number)), "digest": _digest(keyring, text)}
    session.execute(insert(app_passwords), facts | kept)
    return number, "-".join(text[at : at + GROUP] for at in range(0, CHARACTERS, GROUP))


def devices_of(session: Session, keyring: Keyring, account: Account) -> tuple[Device, ...]:
    """Oldest first."""
    query = select(app_passwords).where(app_passwords.c.account_id == account.id).order_by(app_passwords.c.id)
    rows = session.execute(query).all()
    key = holder_key(session, keyring, account.holder_id) if rows else b""
    return tuple(
        Device(
            row.id,
            unseal(key, row.sealed_label, _aad(row.id)).decode(),
            from_epoch_ms(row.created_at),
            None if row.used_at is None else from_epoch_ms(row.used_at),
        )
        for row in rows
    )


def revoke(session: Session, account_id: int, number: int) -> None:
    """Unit of work: it opens nothing from the next login on. Raises NotFound."""
    mine = delete(app_passwords).where(app_passwords.c.id == number, app_passwords.c.account_id == account_id)
    if session.execute(mine.returning(app_passwords.c.id)).one_or_none() is None:
        raise NotFound("appareil introuvable", "no such device password")


def looks_like_one(text: str) -> bool:
    """Whether it has the form of ours, however people type it."""
    plain = _plain(text)
    return len(plain) == CHARACTERS and ALPHABET.issuperset(plain)


def find(session: Session, keyring: Keyring, account_id: int, text: str, now: datetime) -> tuple[int, bool] | None:
    """The number of this account's device, and whether its use is to be noted; None where it is none of them."""
    query = select(app_passwords.c.id, app_passwords.c.used_at).where(
        app_passwords.c.digest == _digest(keyring, _plain(text)), app_passwords.c.account_id == account_id
    )
    row = session.execute(query).one_or_none()
    return None if row is None else (row.id, row.used_at is None or row.used_at <= epoch_ms(now - NOTED_EVERY))


def note_use(session: Session, number: int, now: datetime) -> None:
    """Unit of work."""
    session.execute(update(app_passwords).where(app_passwords.c.id == number).values(used_at=epoch_ms(now)))


def _plain(text: str) -> str:
    return text.replace("-", "").replace(" ", "").lower()


def _digest(keyring: Keyring, plain: str) -> bytes:
    return keyring.blind("app-password", plain)


def _aad(number: int) -> bytes:
    return object_aad("app-password", number, 1)
