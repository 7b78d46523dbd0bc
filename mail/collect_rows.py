"""Mailboxes kept at another operator: registered, sealed, followed by one process at a time. Units of work."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, insert, or_, select, update
from sqlalchemy.orm import Session

from core.clock import epoch_ms, from_epoch_ms
from core.errors import NotFound
from core.freight import Row
from core.ids import new_id
from crypto.keyring import Keyring
from crypto.sealed import object_aad, seal, unseal
from directory.holders import holder_key
from directory.mailboxes import get_mailbox
from mail.collect_tables import collected, collections


@dataclass(frozen=True, slots=True)
class Source:
    """Where it lives: IMAP over TLS from the first octet. `ca`: authorities in PEM, the machine's where empty."""

    host: str
    port: int
    login: str = field(repr=False)
    password: str = field(repr=False)
    folder: str = "INBOX"
    ca: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, repr=False)
class Collection:
    """A registered mailbox: the local one that it feeds, where it lives, how it goes."""

    id: int
    mailbox_id: int
    source: Source
    reason: str
    seen_at: datetime | None


def register(session: Session, keyring: Keyring, mailbox_id: int, source: Source) -> int:
    """Follow it from now on; returns its number. Raises NotFound."""
    number = new_id()
    key = holder_key(session, keyring, get_mailbox(session, mailbox_id).holder_id)
    values = {
        "id": number,
        "mailbox_id": mailbox_id,
        "sealed": seal(key, json.dumps(asdict(source)).encode(), _aad(number)),
        "reason": "",
        "seen_at": 0,
        "owner": 0,
        "leased_until": 0,
    }
    session.execute(insert(collections), values)
    return number


def remove(session: Session, number: int) -> None:
    """Follow it no longer; what was fetched stays. Raises NotFound."""
    gone = session.execute(delete(collections).where(collections.c.id == number).returning(collections.c.id)).all()
    if not gone:
        raise NotFound("no such collected mailbox")
    session.execute(delete(collected).where(collected.c.collection_id == number))


def listed(session: Session, keyring: Keyring) -> list[Collection]:
    """All of them; those whose holder's key was destroyed are left out."""
    found = []
    for row in session.execute(select(collections).order_by(collections.c.id)):
        try:
            found.append(_opened(session, keyring, row))
        except NotFound:
            continue
    return found


def take(session: Session, number: int, owner: int, now: datetime, seconds: float) -> bool:
    """Follow it for `seconds` more; False while another process does, or when it is gone."""
    at = epoch_ms(now)
    mine = or_(collections.c.leased_until <= at, collections.c.owner == owner)
    until = epoch_ms(now + timedelta(seconds=seconds))
    query = update(collections).where(collections.c.id == number, mine).values(owner=owner, leased_until=until)
    return session.execute(query.returning(collections.c.id)).one_or_none() is not None


def note(session: Session, number: int, reason: str, now: datetime) -> None:
    """How it goes: a word for what is wrong, or nothing."""
    values = {"reason": reason} if reason else {"reason": "", "seen_at": epoch_ms(now)}
    session.execute(update(collections).where(collections.c.id == number).values(**values))


def last_uid(session: Session, number: int, uidvalidity: int) -> int:
    """The highest UID fetched under this UIDVALIDITY; 0 for none."""
    query = select(func.max(collected.c.uid)).where(
        collected.c.collection_id == number, collected.c.uidvalidity == uidvalidity
    )
    return session.execute(query).scalar_one() or 0


def is_known(session: Session, mark: bytes) -> bool:
    """Whether this very message was fetched before, from another place."""
    return session.execute(select(collected.c.uid).where(collected.c.mark == mark).limit(1)).first() is not None


def place(number: int, uidvalidity: int, uid: int, mark: bytes) -> Row:
    """The row that says: fetched. It rides the delivery's own commit."""
    return {"collection_id": number, "uidvalidity": uidvalidity, "uid": uid, "mark": mark}


def skip(session: Session, rows: Sequence[Row]) -> None:
    """Fetched, and not to be delivered: a duplicate, or refused."""
    session.execute(insert(collected), list(rows))


def _opened(session: Session, keyring: Keyring, row: Any) -> Collection:
    key = holder_key(session, keyring, get_mailbox(session, row.mailbox_id).holder_id)
    source = Source(**json.loads(unseal(key, row.sealed, _aad(row.id))))
    return Collection(row.id, row.mailbox_id, source, row.reason, from_epoch_ms(row.seen_at) if row.seen_at else None)


def _aad(number: int) -> bytes:
    return object_aad("collection", number, 1)
