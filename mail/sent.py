"""What our users have sent, and what became of it: rows sealed for the sender, found again by Message-ID."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core.clock import epoch_ms
from core.freight import Row
from core.ids import new_id
from crypto.keyring import Keyring
from crypto.sealed import object_aad, seal, unseal
from directory.holders import holder_key
from directory.mailboxes import get_mailbox
from mail.conversations import message_id_lookup
from mail.headers import Headers
from mail.relay_tables import sent_events, sent_messages
from mail.words import decode_words

SUBJECT_CHARACTERS = 200
RELAYED, DELIVERED, DELAYED, READ, ANSWERED, FAILED = "relayed", "delivered", "delayed", "read", "answered", "failed"


@dataclass(frozen=True, slots=True, repr=False)
class SentTo:
    """One recipient of a sent message; a local one had it at once."""

    address: str
    local: bool


@dataclass(frozen=True, slots=True, repr=False)
class Event:
    """News about a sent message: `kind` is a word above, `recipient` whom it concerns (empty: nobody in particular),
    `text` what people read, `code` an enhanced status or an application error code, often empty."""

    kind: str
    at: datetime
    recipient: str = ""
    code: str = ""
    text: str = ""


def sent_row(
    keyring: Keyring, key: bytes, mailbox_id: int, message_id: int, headers: Headers, to: Sequence[SentTo], at: datetime
) -> Row:
    """The row of a message that this mailbox sends. `key` is its holder's."""
    rfc_id = (headers.first(b"message-id") or b"").decode("latin-1").strip()
    subject = decode_words(headers.first(b"subject") or b"")[:SUBJECT_CHARACTERS]
    values = {"message_id": rfc_id, "to": [[each.address, each.local] for each in to], "subject": subject}
    return {
        "message_id": message_id,
        "mailbox_id": mailbox_id,
        "lookup": message_id_lookup(keyring, bare_id(rfc_id)),
        "sent_at": epoch_ms(at),
        "sealed": seal(key, json.dumps(values).encode(), sent_aad(message_id)),
    }


def note(session: Session, keyring: Keyring, message_id: int, event: Event) -> bool:
    """Write news down once; False when it was known, or when the message is none that we remember."""
    mailbox_id = session.execute(
        select(sent_messages.c.mailbox_id).where(sent_messages.c.message_id == message_id)
    ).scalar_one_or_none()
    if mailbox_id is None:
        return False
    key = holder_key(session, keyring, get_mailbox(session, mailbox_id).holder_id)
    try:
        with session.begin_nested():
            session.execute(sent_events.insert(), _event_row(keyring, key, message_id, event))
    except IntegrityError:
        return False
    return True


def find_sent(session: Session, keyring: Keyring, mailbox_id: int, rfc_id: str) -> int | None:
    """Our number of the message that this mailbox sent under this Message-ID, the newest where there are several."""
    query = select(sent_messages.c.message_id).where(
        sent_messages.c.lookup == message_id_lookup(keyring, bare_id(rfc_id)), sent_messages.c.mailbox_id == mailbox_id
    )
    found: int | None = session.execute(query.order_by(sent_messages.c.sent_at.desc()).limit(1)).scalar_one_or_none()
    return found


def open_event(key: bytes, row_id: int, kind: str, at: datetime, sealed: bytes) -> Event:
    """From its row. Raises SealBroken."""
    found = json.loads(unseal(key, sealed, event_aad(row_id)))
    return Event(kind, at, found["recipient"], found["code"], found["text"])


def bare_id(rfc_id: str) -> str:
    """A Message-ID without white space and angle brackets."""
    return rfc_id.strip().removeprefix("<").removesuffix(">").strip()


def sent_aad(message_id: int) -> bytes:
    """What a sealed row of `sent_messages` is bound to."""
    return object_aad("sent", message_id, 1)


def event_aad(row_id: int) -> bytes:
    """What a sealed row of `sent_events` is bound to."""
    return object_aad("event", row_id, 1)


def _event_row(keyring: Keyring, key: bytes, message_id: int, event: Event) -> Row:
    row_id = new_id()
    values = {"recipient": event.recipient, "code": event.code, "text": event.text}
    return {
        "id": row_id,
        "message_id": message_id,
        "kind": event.kind,
        "at": epoch_ms(event.at),
        "mark": keyring.blind("event", f"{message_id} {event.kind} {event.recipient.lower()}"),
        "sealed": seal(key, json.dumps(values, ensure_ascii=False).encode(), event_aad(row_id)),
    }
