"""Which mails speak of an order: the one that asked for it, what the pharmacy sent, what the patient answered.

A patient's answer is known by the Message-ID that it answers (RFC 5322 §3.6.4), kept as a blind index.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core.clock import epoch_ms
from core.db import signal
from crypto.keyring import Keyring
from record.order_facts import Order, patient_topic, pharmacy_topic
from record.tables import order_letters, orders


@dataclass(frozen=True, slots=True)
class OrderLetter:
    """One mail of an order's thread. `inward`: the patient wrote it; `seen_at` is None while no pharmacist saw it."""

    message_id: int
    order_id: int
    inward: bool
    at: int
    seen_at: int | None


_FACTS = tuple(order_letters.c[name] for name in OrderLetter.__slots__)


def add_letter(
    session: Session, keyring: Keyring, order: Order, message_id: int, rfc_id: str, inward: bool, now: datetime
) -> bool:
    """Keep that this mail speaks of the order; False when it is known already. Open pages are told."""
    row: dict[str, Any] = {"message_id": message_id, "order_id": order.id, "lookup": _lookup(keyring, rfc_id)}
    row |= {"inward": inward, "at": epoch_ms(now), "seen_at": None if inward else epoch_ms(now)}
    try:
        with session.begin_nested():
            session.execute(insert(order_letters), row)
    except IntegrityError:
        return False
    signal(session, pharmacy_topic(order.pharmacy_mailbox_id), order.id)
    signal(session, patient_topic(order.patient_id), order.id)
    return True


def answered_order(session: Session, keyring: Keyring, rfc_ids: Iterable[str], pharmacy_mailbox_id: int) -> int | None:
    """The newest order of this pharmacy whose thread has one of these Message-IDs."""
    wanted = [_lookup(keyring, rfc_id) for rfc_id in rfc_ids if rfc_id]
    query = (
        select(order_letters.c.order_id)
        .join(orders, orders.c.id == order_letters.c.order_id)
        .where(order_letters.c.lookup.in_(wanted), orders.c.pharmacy_mailbox_id == pharmacy_mailbox_id)
        .order_by(orders.c.created_at.desc())
    )
    return session.execute(query.limit(1)).scalar_one_or_none() if wanted else None


def thread_of(session: Session, order_id: int) -> tuple[OrderLetter, ...]:
    """The mails of an order, oldest first."""
    return threads_of(session, (order_id,))[order_id]


def threads_of(session: Session, order_ids: Collection[int]) -> dict[int, tuple[OrderLetter, ...]]:
    """The mails of several orders, by order, oldest first."""
    query = select(*_FACTS).where(order_letters.c.order_id.in_(order_ids))
    found: dict[int, list[OrderLetter]] = {order_id: [] for order_id in order_ids}
    for row in session.execute(query.order_by(order_letters.c.at, order_letters.c.message_id)):
        found[row.order_id].append(OrderLetter(*row))
    return {order_id: tuple(letters) for order_id, letters in found.items()}


def unseen(session: Session, order_ids: Collection[int]) -> dict[int, int]:
    """How many of the patient's mails nobody at the pharmacy has seen yet, by order; the first one asks for it."""
    query = (
        select(order_letters.c.order_id, func.count())
        .where(order_letters.c.order_id.in_(order_ids), order_letters.c.seen_at.is_(None))
        .group_by(order_letters.c.order_id)
    )
    return {row[0]: row[1] for row in session.execute(query)}


def waits_since(session: Session, order_id: int) -> int | None:
    """When the oldest mail came that nobody at the pharmacy has seen (epoch, ms); None when all were."""
    query = select(func.min(order_letters.c.at)).where(
        order_letters.c.order_id == order_id, order_letters.c.seen_at.is_(None)
    )
    oldest: int | None = session.execute(query).scalar_one()
    return oldest


def mark_seen(session: Session, order: Order, now: datetime) -> int:
    """A pharmacist has the thread before their eyes; how many mails were new. The other posts are told."""
    waiting = (order_letters.c.order_id == order.id) & order_letters.c.seen_at.is_(None)
    changed = session.execute(
        update(order_letters).where(waiting).values(seen_at=epoch_ms(now)).returning(order_letters.c.message_id)
    ).all()
    if changed:
        signal(session, pharmacy_topic(order.pharmacy_mailbox_id), order.id)
    return len(changed)


def _lookup(keyring: Keyring, rfc_id: str) -> bytes:
    return keyring.blind("order-letter", rfc_id.strip().removeprefix("<").removesuffix(">"))
