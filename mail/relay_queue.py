"""The queue's rows: what is due, and who works on it. Units of work, no network.

Due and leased are said by the outbox row of each consignment; the relay keeps these promises itself, by destination.
"""

import random
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from core import outbox
from core.clock import epoch_ms, from_epoch_ms
from core.tables import outbox as promises
from mail.consign import DROPPED, RELAY_KIND, REPORT_KIND, WAITING
from mail.relay_reasons import Reason
from mail.relay_tables import consigned, consignments
from mail.sent import FAILED
from mail.tables import bodies, message_keys, messages


@dataclass(frozen=True)
class Patience:
    """How long mail waits: back-off from `first_s`, doubling, up to `longest_s`; a warning after `warn`."""

    first_s: float = 300.0
    longest_s: float = 4000.0
    warn: timedelta = timedelta(hours=4)

    def wait(self, attempts: int) -> timedelta:
        """Before the next attempt, after so many; with jitter, so that a queue does not come back at once."""
        longest = min(self.longest_s, self.first_s * 2 ** min(max(attempts - 1, 0), 20))
        return timedelta(seconds=random.uniform(max(self.first_s, longest / 2), longest))  # noqa: S311


@dataclass(frozen=True, repr=False)
class Load:
    """A leased consignment, still sealed. `places`: the recipients that still wait."""

    id: int
    promise_id: int
    message_id: int
    domain: str
    created_at: datetime
    expires_at: datetime
    warned: bool
    attempts: int
    sealed: bytes
    places: tuple[int, ...]
    body_id: int
    storage: str
    sealed_body: bytes | None
    wrapped: bytes


def due_domains(session: Session, now: datetime) -> dict[str, int]:
    """Destinations with mail that is due, and how much."""
    query = (
        select(consignments.c.domain, func.count())
        .join(promises, promises.c.id == consignments.c.promise_id)
        .where(*_due(now))
        .group_by(consignments.c.domain)
    )
    return {row[0]: row[1] for row in session.execute(query)}


def lease(session: Session, domain: str, now: datetime, seconds: float, most: int, queue_holder_id: int) -> list[Load]:
    """Take up to `most` due consignments of a destination for `seconds`, oldest first."""
    wanted = (
        select(promises.c.id)
        .join(consignments, promises.c.id == consignments.c.promise_id)
        .where(*_due(now), consignments.c.domain == domain)
        .order_by(promises.c.due_at, promises.c.id)
        .limit(most)
    )
    ids = list(session.execute(wanted).scalars())
    if not ids:
        return []
    at = epoch_ms(now)
    taken = session.execute(
        update(promises)
        .where(promises.c.id.in_(ids), promises.c.due_at <= at, outbox.free(at))
        .values(state=outbox.LEASED, leased_until=at + int(seconds * 1000), attempts=promises.c.attempts + 1)
        .returning(promises.c.id)
    )
    return _loads(session, list(taken.scalars()), queue_holder_id)


def _due(now: datetime) -> tuple[Any, ...]:
    at = epoch_ms(now)
    return promises.c.kind == RELAY_KIND, promises.c.due_at <= at, outbox.free(at)


def _loads(session: Session, promise_ids: Collection[int], queue_holder_id: int) -> list[Load]:
    places: dict[int, list[int]] = {}
    query = (
        select(consigned.c.consignment_id, consigned.c.place)
        .join(consignments, consignments.c.id == consigned.c.consignment_id)
        .where(consignments.c.promise_id.in_(promise_ids), consigned.c.state == WAITING)
        .order_by(consigned.c.place)
    )
    for number, place in session.execute(query):
        places.setdefault(number, []).append(place)
    rows = session.execute(
        select(
            *(consignments.c.id, consignments.c.promise_id, consignments.c.message_id, consignments.c.domain),
            *(consignments.c.created_at, consignments.c.expires_at, consignments.c.warned, consignments.c.attempts),
            *(
                consignments.c.sealed,
                messages.c.body_id,
                bodies.c.storage,
                bodies.c.sealed.label("sealed_body"),
                message_keys.c.wrapped,
            ),
        )
        .join(messages, messages.c.id == consignments.c.message_id)
        .join(bodies, bodies.c.id == messages.c.body_id)
        .join(message_keys, message_keys.c.message_id == messages.c.id)
        .where(consignments.c.promise_id.in_(promise_ids), message_keys.c.holder_id == queue_holder_id)
        .order_by(consignments.c.id)
    )
    return [_load(row, tuple(places.get(row.id, ()))) for row in rows]


def _load(row: Any, places: tuple[int, ...]) -> Load:
    return Load(
        id=row.id,
        promise_id=row.promise_id,
        message_id=row.message_id,
        domain=row.domain,
        created_at=from_epoch_ms(row.created_at),
        expires_at=from_epoch_ms(row.expires_at),
        warned=row.warned,
        attempts=row.attempts,
        sealed=row.sealed,
        places=places,
        body_id=row.body_id,
        storage=row.storage,
        sealed_body=row.sealed_body,
        wrapped=row.wrapped,
    )


def drop(session: Session, consignment_id: int, now: datetime) -> bool:
    """The operator takes it out of the queue; the sender is told. False when it is over or somebody works on it."""
    row = session.execute(
        select(consignments.c.promise_id, consignments.c.message_id).where(
            consignments.c.id == consignment_id, consignments.c.state == WAITING
        )
    ).one_or_none()
    if row is None or not (outbox.hold(session, row.promise_id) or _is_held(session, row.promise_id)):
        return False
    outbox.done(session, row.promise_id)
    values = {"state": FAILED, "reason": Reason.DROPPED.value, "owed": FAILED, "at": epoch_ms(now)}
    session.execute(
        update(consigned)
        .where(consigned.c.consignment_id == consignment_id, consigned.c.state == WAITING)
        .values(**values)
    )
    session.execute(
        update(consignments)
        .where(consignments.c.id == consignment_id)
        .values(state=DROPPED, reason=Reason.DROPPED.value)
    )
    outbox.put(session, REPORT_KIND, consignment_id, now=now)
    return True


def _is_held(session: Session, promise_id: int) -> bool:
    query = select(promises.c.id).where(promises.c.id == promise_id, promises.c.state == outbox.HELD)
    return session.execute(query).first() is not None
