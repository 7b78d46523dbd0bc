"""The queue's rows: what is due, who works on it, what became of it. Units of work, no network.

Due and leased are said by the outbox row of each consignment; the relay keeps these promises itself, by destination.
"""

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from core import outbox
from core.clock import epoch_ms, from_epoch_ms
from core.tables import outbox as promises
from crypto.sealed import seal
from mail import removal
from mail.consign import DONE, DROPPED, RELAY_KIND, REPORT_KIND, WAITING
from mail.dsn_parameters import Notify
from mail.envelope import Envelope, reply_aad
from mail.relay_connection import Result
from mail.relay_reasons import Reason
from mail.relay_tables import consigned, consignments
from mail.sent import DELAYED, FAILED, RELAYED
from mail.tables import bodies, folder_messages, message_keys, messages


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


def settle(
    session: Session,
    load: Load,
    envelope: Envelope,
    key: bytes,
    results: Sequence[Result],
    now: datetime,
    patience: Patience,
    queue_holder_id: int,
) -> None:
    """Write down what became of each recipient, promise the reports that are owed, and say when to come again."""
    at, expired = epoch_ms(now), now >= load.expires_at
    waiting, owed, last = [], False, results[-1]
    for result in results:
        values = _recipient(load, envelope, key, result, expired)
        owed = owed or bool(values["owed"])
        if values["state"] == WAITING:
            waiting.append(result.place)
            last = result
        _update(session, load.id, result.place, {**values, "at": at})
    facts = {
        "attempts": load.attempts + 1,
        "reason": last.reason.value if last.reason else "",
        "code": last.reply.code if last.reply else "",
        "state": WAITING if waiting else DONE,
    }
    if waiting and _warns(load, now, patience):
        facts["warned"] = True
        owed = _owe_delay(session, load.id, envelope, waiting) or owed
    session.execute(update(consignments).where(consignments.c.id == load.id).values(**facts))
    if waiting:
        outbox.postpone(session, load.promise_id, now + patience.wait(load.attempts + 1), str(facts["reason"]))
    else:
        outbox.done(session, load.promise_id)
    if owed:
        outbox.put(session, REPORT_KIND, load.id, now=now)
    elif not waiting:
        release(session, load.message_id, queue_holder_id, now)


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


def release(session: Session, message_id: int, queue_holder_id: int, now: datetime) -> None:
    """When nothing of a message waits or is owed: the queue lets go of its key, and of the message nobody else has."""
    if keeps(session, message_id):
        return
    held = session.execute(select(folder_messages.c.uid).where(folder_messages.c.message_id == message_id).limit(1))
    if held.first() is None:
        removal.release(session, [message_id], now)
        return
    session.execute(
        delete(message_keys).where(message_keys.c.message_id == message_id, message_keys.c.holder_id == queue_holder_id)
    )


def keeps(session: Session, message_id: int) -> bool:
    """Whether the queue still needs this message: to send it, or to report about it."""
    waiting = select(consignments.c.id).where(
        consignments.c.message_id == message_id, consignments.c.domain != "", consignments.c.state == WAITING
    )
    owed = (
        select(consigned.c.place)
        .join(consignments, consignments.c.id == consigned.c.consignment_id)
        .where(consignments.c.message_id == message_id, consigned.c.owed != "")
    )
    return any(session.execute(query.limit(1)).first() is not None for query in (waiting, owed))


def _recipient(load: Load, envelope: Envelope, key: bytes, result: Result, expired: bool) -> dict[str, object]:
    """The row of one recipient after this attempt."""
    wishes = envelope.rcpts[result.place].wishes
    reason, reply = result.reason, result.reply
    if reason is not None and not reason.permanent and expired:
        reason = Reason.EXPIRED
    over = reason is None or reason.permanent or reason is Reason.EXPIRED
    state = RELAYED if reason is None else FAILED if over else WAITING
    owed = ""
    if envelope.sender and state == FAILED and wishes.wants(Notify.FAILURE):
        owed = FAILED
    elif envelope.sender and state == RELAYED and wishes.wants(Notify.SUCCESS) and not result.told:
        owed = RELAYED
    text = reply.text.encode() if reply and reason is not None else None
    return {
        "state": state,
        "reason": reason.value if reason else "",
        "code": reply.code if reply else "",
        "owed": owed,
        "sealed_reply": seal(key, text, reply_aad(load.id, result.place)) if text else None,
    }


def _warns(load: Load, now: datetime, patience: Patience) -> bool:
    return not load.warned and now - load.created_at >= patience.warn


def _owe_delay(session: Session, number: int, envelope: Envelope, places: Sequence[int]) -> bool:
    wanted = [place for place in places if envelope.sender and envelope.rcpts[place].wishes.wants(Notify.DELAY)]
    for place in wanted:
        _update(session, number, place, {"owed": DELAYED})
    return bool(wanted)


def _update(session: Session, number: int, place: int, values: dict[str, object]) -> None:
    session.execute(
        update(consigned).where(consigned.c.consignment_id == number, consigned.c.place == place).values(**values)
    )


def _is_held(session: Session, promise_id: int) -> bool:
    query = select(promises.c.id).where(promises.c.id == promise_id, promises.c.state == outbox.HELD)
    return session.execute(query).first() is not None
