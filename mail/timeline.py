"""One timeline per sent message, for its sender: accepted, relayed, delivered, delayed, read, answered, failed."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.clock import from_epoch_ms
from core.errors import NotFound
from crypto.keyring import Keyring
from crypto.sealed import unseal
from directory.holders import holder_key
from directory.mailboxes import get_mailbox
from mail.consign import HERE
from mail.relay_reasons import Reason
from mail.relay_tables import consigned, consignments, sent_events, sent_messages
from mail.sent import DELAYED, DELIVERED, FAILED, RELAYED, Event, SentTo, find_sent, open_event, sent_aad

ACCEPTED = "accepted"
LABELS = {
    ACCEPTED: "Accepté",
    RELAYED: "Transmis à l'opérateur du destinataire",
    DELIVERED: "Remis",
    DELAYED: "Retardé",
    FAILED: "Non distribué",
    "read": "Lu",
    "answered": "Répondu",
}


@dataclass(frozen=True, slots=True, repr=False)
class Timeline:
    """`events` in the order of time; `to` as the sender named them; `subject` is empty where it was not kept yet."""

    message_id: int
    sent_at: datetime
    to: tuple[SentTo, ...]
    events: tuple[Event, ...]
    subject: str = ""


def timeline(session: Session, keyring: Keyring, mailbox_id: int, rfc_id: str) -> Timeline:
    """Of the message that this mailbox sent under this Message-ID. Raises NotFound.

    Whoever calls writes the reading into the trail: recipients are personal data.
    """
    message_id = find_sent(session, keyring, mailbox_id, rfc_id)
    if message_id is None:
        raise NotFound("message introuvable", "no message of this mailbox has this Message-ID")
    return timeline_of(session, keyring, mailbox_id, message_id)


def latest_sent(session: Session, keyring: Keyring, mailbox_id: int, most: int) -> list[Timeline]:
    """What this mailbox sent, newest first. Whoever calls writes the reading into the trail."""
    mine = select(sent_messages.c.message_id).where(sent_messages.c.mailbox_id == mailbox_id)
    ids = session.execute(mine.order_by(sent_messages.c.sent_at.desc(), sent_messages.c.message_id.desc()).limit(most))
    return [timeline_of(session, keyring, mailbox_id, one) for one in ids.scalars().all()]


def latest_recipients(session: Session, keyring: Keyring, mailbox_id: int, most: int) -> set[str]:
    """Addresses to which this mailbox wrote lately. Whoever calls writes the reading into the trail."""
    mine = select(sent_messages.c.message_id, sent_messages.c.sealed).where(sent_messages.c.mailbox_id == mailbox_id)
    rows = session.execute(mine.order_by(sent_messages.c.sent_at.desc()).limit(most)).all()
    key = holder_key(session, keyring, get_mailbox(session, mailbox_id).holder_id)
    return {each.address for row in rows for each in opened_recipients(key, row.message_id, row.sealed)}


def timeline_of(session: Session, keyring: Keyring, mailbox_id: int, message_id: int) -> Timeline:
    """By our own number; as `timeline`. Raises NotFound, also for another mailbox's message."""
    mine = (sent_messages.c.message_id == message_id) & (sent_messages.c.mailbox_id == mailbox_id)
    row = session.execute(select(sent_messages).where(mine)).one_or_none()
    if row is None:
        raise NotFound("message introuvable", "no message of this mailbox has this number")
    key = holder_key(session, keyring, get_mailbox(session, mailbox_id).holder_id)
    to = opened_recipients(key, message_id, row.sealed)
    sent_at = from_epoch_ms(row.sent_at)
    events = [Event(ACCEPTED, sent_at), *(Event(DELIVERED, sent_at, each.address) for each in to if each.local)]
    events += _relayed(session, message_id, to)
    noted = select(sent_events).where(sent_events.c.message_id == message_id)
    events += [
        open_event(key, each.id, each.kind, from_epoch_ms(each.at), each.sealed) for each in session.execute(noted)
    ]
    subject = str(_row(key, message_id, row.sealed).get("subject", ""))
    return Timeline(message_id, sent_at, to, tuple(sorted(events, key=lambda event: event.at)), subject)


def opened_recipients(key: bytes, message_id: int, sealed: bytes) -> tuple[SentTo, ...]:
    """From the row of `sent_messages`. Raises SealBroken."""
    return tuple(SentTo(address, local) for address, local in _row(key, message_id, sealed)["to"])


def _row(key: bytes, message_id: int, sealed: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(unseal(key, sealed, sent_aad(message_id)))
    return found


def _relayed(session: Session, message_id: int, to: tuple[SentTo, ...]) -> Iterator[Event]:
    """What the queue knows: its places are those of the recipients of one domain, in the sender's order."""
    query = (
        select(consigned, consignments.c.domain, consignments.c.warned)
        .join(consignments, consignments.c.id == consigned.c.consignment_id)
        .where(consignments.c.message_id == message_id, consignments.c.domain != HERE)
    )
    for row in session.execute(query):
        there = [each.address for each in to if not each.local and each.address.lower().endswith(f"@{row.domain}")]
        kind = DELAYED if row.state == "waiting" and row.warned else row.state
        if row.place < len(there) and kind in LABELS:
            text = Reason(row.reason).told.french if row.reason else ""
            yield Event(kind, from_epoch_ms(row.at), there[row.place], row.code, text)
