"""The queue as the operator sees it: destinations, reasons, times; recipients masked, contents never."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core import outbox
from core.address import Address
from core.clock import from_epoch_ms
from core.errors import NotFound, PliError
from core.redact import redact_text
from core.tables import outbox as promises
from crypto.sealed import unseal, unwrap_key
from mail.consign import HERE, WAITING, Queue
from mail.envelope import Envelope, reply_aad
from mail.meta import key_aad
from mail.relay_reasons import explain
from mail.relay_tables import consigned, consignments
from mail.tables import message_keys

MOST_LISTED = 10_000
_STATES = {outbox.WAITING: "waiting", outbox.LEASED: "sending", outbox.HELD: "held"}


@dataclass(frozen=True, slots=True)
class Waiting:
    """One consignment. `reason` is a sentence, `code` the peer's last reply without its text; both empty before the
    first attempt. `due` None while it is held."""

    id: int
    domain: str
    state: str
    recipients: int
    reason: str
    code: str
    attempts: int
    size: int
    queued: datetime
    due: datetime | None
    expires: datetime


@dataclass(frozen=True, slots=True)
class WaitingFor:
    """One recipient of it, masked; `reply` is what the peer said, masked too."""

    recipient: str
    state: str
    reason: str
    code: str
    reply: str


def listed(session: Session, domain: str | None = None, number: int | None = None) -> list[Waiting]:
    """What waits, oldest first; of one destination, or one number."""
    waiting = (
        select(func.count())
        .where(consigned.c.consignment_id == consignments.c.id, consigned.c.state == WAITING)
        .scalar_subquery()
    )
    query = (
        select(consignments, promises.c.state.label("promise"), promises.c.due_at, waiting.label("waiting"))
        .join(promises, promises.c.id == consignments.c.promise_id)
        .where(consignments.c.state == WAITING, consignments.c.domain != HERE)
        .order_by(consignments.c.id)
        .limit(MOST_LISTED)
    )
    if domain is not None:
        query = query.where(consignments.c.domain == domain)
    if number is not None:
        query = query.where(consignments.c.id == number)
    return [
        Waiting(
            id=row.id,
            domain=row.domain,
            state=_STATES.get(row.promise, row.promise),
            recipients=row.waiting,
            reason=explain(row.reason),
            code=row.code,
            attempts=row.attempts,
            size=row.size,
            queued=from_epoch_ms(row.created_at),
            due=None if row.promise == outbox.HELD else from_epoch_ms(row.due_at),
            expires=from_epoch_ms(row.expires_at),
        )
        for row in session.execute(query)
    ]


def recipients(session: Session, queue: Queue, number: int) -> list[WaitingFor]:
    """All recipients of a consignment that waits. Raises NotFound."""
    row = session.execute(
        select(consignments.c.message_id, consignments.c.sealed, message_keys.c.wrapped)
        .join(message_keys, message_keys.c.message_id == consignments.c.message_id)
        .where(consignments.c.id == number, message_keys.c.holder_id == queue.holder_id)
    ).one_or_none()
    if row is None:
        raise NotFound("nothing in the queue has this number", "no such consignment")
    key = unwrap_key(queue.key, row.wrapped, key_aad(row.message_id))
    envelope = Envelope.unseal(key, row.sealed, number)
    rows = session.execute(
        select(consigned).where(consigned.c.consignment_id == number).order_by(consigned.c.place)
    ).all()
    return [
        WaitingFor(
            masked(envelope.rcpts[each.place].address),
            each.state,
            explain(each.reason),
            each.code,
            _reply(key, number, each.place, each.sealed_reply, envelope),
        )
        for each in rows
    ]


def promise_of(session: Session, number: int) -> int:
    """The outbox row of a consignment that waits. Raises NotFound."""
    found: int | None = session.execute(
        select(consignments.c.promise_id).where(consignments.c.id == number, consignments.c.state == WAITING)
    ).scalar_one_or_none()
    if found is None:
        raise NotFound("nothing in the queue has this number", "no such consignment, or it is over")
    return found


def masked(address: str) -> str:
    """An address of which only the domain is read."""
    try:
        return Address.parse(address).masked
    except PliError:
        return "…"


def _reply(key: bytes, number: int, place: int, sealed: bytes | None, envelope: Envelope) -> str:
    """The peer's text without addresses, nor local parts that it repeats."""
    if not sealed:
        return ""
    text = unseal(key, sealed, reply_aad(number, place)).decode()
    for to in envelope.rcpts:
        text = text.replace(to.address.partition("@")[0], "…")
    return redact_text(text)
