"""Who may write to whom, for patients (FAQ-MES, R2 2.2.8, and the pharmacists' exception of 22/05/2023).

A patient answers professionals who wrote, or starts with a pharmacy that dispensed reimbursed medicines within the past
year; never patient to patient. `[FIN]` as the whole subject closes all between that professional and that patient;
`X-MSS-MES: FIN` forbids answers to that message alone. The professional reopens by writing again.
"""

import enum
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core.address import Address
from core.clock import epoch_ms
from core.errors import BadInput
from core.ids import new_id
from crypto.keyring import Keyring
from directory.mailboxes import lookup_of
from mail.addresses import addresses
from mail.headers import Headers
from mail.recipients import Recipient
from mail.tables import closed_messages, conversations, dispensations
from mail.words import decode_words

OPEN, CLOSED = "open", "closed"
CLOSING_SUBJECT = "[FIN]"
DISPENSED_WITHIN_DAYS = 365  # the setting mail.dispensed_within_days, when none is given
_MESSAGE_ID = re.compile(rb"<([^<>\s]{1,998})>")


# Built once: on the delivery path, building a statement costs more than running it.
_STANDING = select(conversations.c.state).where(
    conversations.c.patient_mailbox_id == bindparam("patient"), conversations.c.other_lookup == bindparam("other")
)


class Standing(enum.Enum):
    """How a patient stands with one other address."""

    NONE = "none"  # nobody of the two has written yet
    OPEN = OPEN
    CLOSED = CLOSED


@dataclass(frozen=True, slots=True, repr=False)
class Turn:
    """A professional's message changes how a patient stands: with these addresses, to this state; `closed_answer` is
    the blind index of a Message-ID that may not be answered."""

    patient_mailbox_id: int
    others: tuple[bytes, ...]
    state: str
    closed_answer: bytes | None = None


def standing(session: Session | Connection, patient_mailbox_id: int, other: bytes) -> Standing:
    """`other` is the blind index of an address."""
    state = session.execute(_STANDING, {"patient": patient_mailbox_id, "other": other}).scalar_one_or_none()
    return Standing(state) if state else Standing.NONE


def dispensed(session: Session, patient_mailbox_id: int, pharmacy_mailbox_id: int, since: datetime) -> bool:
    """Whether this pharmacy dispensed reimbursed medicines to the patient at or after `since`."""
    at = session.execute(
        select(dispensations.c.dispensed_at).where(
            dispensations.c.patient_mailbox_id == patient_mailbox_id,
            dispensations.c.pharmacy_mailbox_id == pharmacy_mailbox_id,
        )
    ).scalar_one_or_none()
    return at is not None and at >= epoch_ms(since)


def may_write(
    session: Session,
    patient_mailbox_id: int,
    to: Recipient,
    now: datetime,
    within_days: int = DISPENSED_WITHIN_DAYS,
) -> bool:
    """Whether this patient may write to this recipient, answers to closed messages apart."""
    if to.is_patient:
        return False
    stands = standing(session, patient_mailbox_id, to.lookup)
    if stands is not Standing.NONE or to.kind != "ORG" or to.mailbox_id is None:
        return stands is Standing.OPEN
    return dispensed(session, patient_mailbox_id, to.mailbox_id, now - timedelta(days=within_days))


def answers_closed(session: Session, keyring: Keyring, patient_mailbox_id: int, headers: Headers) -> bool:
    """Whether the message answers one that forbade it (In-Reply-To, RFC 5322 §3.6.4)."""
    wanted = [message_id_lookup(keyring, found) for found in _ids(headers, b"in-reply-to")]
    if not wanted:
        return False
    found = session.execute(
        select(closed_messages.c.message_id_lookup).where(
            closed_messages.c.patient_mailbox_id == patient_mailbox_id,
            closed_messages.c.message_id_lookup.in_(wanted),
        )
    )
    return found.first() is not None


def turns(keyring: Keyring, sender: Address, patients: Iterable[int], headers: Headers) -> tuple[Turn, ...]:
    """What a professional's message changes for the patients (mailbox ids) who receive it."""
    closing = decode_words(headers.first(b"subject") or b"") == CLOSING_SUBJECT
    others = tuple(dict.fromkeys(lookup_of(keyring, each) for each in (sender, *_reply_to(headers))))
    forbids = (headers.first(b"x-mss-mes") or b"").strip().upper() == b"FIN"
    own = _ids(headers, b"message-id")
    answer = message_id_lookup(keyring, own[0]) if forbids and own else None
    return tuple(Turn(patient, others, CLOSED if closing else OPEN, answer) for patient in patients)


def pending(look: Connection, wanted: Iterable[Turn]) -> tuple[Turn, ...]:
    """The turns that change something: most messages find the conversation as they would leave it."""
    return tuple(turn for turn in wanted if turn.closed_answer or not _holds(look, turn))


def take(session: Session, wanted: Iterable[Turn], now: datetime) -> None:
    """Record the turns, in the delivery's own unit of work."""
    for turn in wanted:
        for other in turn.others:
            _set_state(session, turn.patient_mailbox_id, other, turn.state, now)
        if turn.closed_answer is not None:
            values = {"patient_mailbox_id": turn.patient_mailbox_id, "message_id_lookup": turn.closed_answer}
            _insert_once(session, closed_messages, values)


def record_dispensation(session: Session, patient_mailbox_id: int, pharmacy_mailbox_id: int, at: datetime) -> None:
    """A pharmacy dispensed reimbursed medicines: the latest time counts."""
    who = {"patient_mailbox_id": patient_mailbox_id, "pharmacy_mailbox_id": pharmacy_mailbox_id}
    if not _insert_once(session, dispensations, {**who, "dispensed_at": epoch_ms(at)}):
        session.execute(
            update(dispensations)
            .where(*(dispensations.c[name] == value for name, value in who.items()))
            .where(dispensations.c.dispensed_at < epoch_ms(at))
            .values(dispensed_at=epoch_ms(at))
        )


def message_id_lookup(keyring: Keyring, message_id: str) -> bytes:
    """The blind index of a Message-ID, without its angle brackets."""
    return keyring.blind("message-id", message_id)


def _ids(headers: Headers, name: bytes) -> list[str]:
    found = _MESSAGE_ID.findall(headers.first(name) or b"")
    return [each.decode("utf-8", "replace") for each in found[:100]]  # more than a hundred answers nobody


def _reply_to(headers: Headers) -> list[Address]:
    """Where answers go when it is said; a patient's address is never opened this way."""
    found = []
    for item in addresses(headers.first(b"reply-to") or b"").mailboxes[:5]:
        try:
            address = Address.parse(item.address.decode("ascii", "replace"))
        except BadInput:
            continue
        if not address.is_patient:
            found.append(address)
    return found


def _holds(look: Connection, turn: Turn) -> bool:
    return all(standing(look, turn.patient_mailbox_id, other).value == turn.state for other in turn.others)


def _set_state(session: Session, patient_mailbox_id: int, other: bytes, state: str, now: datetime) -> None:
    who = {"patient_mailbox_id": patient_mailbox_id, "other_lookup": other}
    row = {"id": new_id(), **who, "state": state, "updated_at": epoch_ms(now)}
    if not _insert_once(session, conversations, row):
        session.execute(
            update(conversations)
            .where(*(conversations.c[name] == value for name, value in who.items()))
            .values(state=state, updated_at=epoch_ms(now))
        )


def _insert_once(session: Session, table: Any, values: dict[str, Any]) -> bool:
    """Insert unless it is there; a savepoint keeps the unit of work whole. True when it was new."""
    try:
        with session.begin_nested():
            session.execute(insert(table), values)
    except IntegrityError:
        return False
    return True
