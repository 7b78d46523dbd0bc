"""The outbox: promises made in the transaction that makes them true, kept later by a worker.

A row lives or dies with the change that asks for it. It carries a kind and a row number, never health data. Lease = one
conditional UPDATE; retries grow with jitter; after the last one the row is buried, where `pli doctor` shows it.
"""

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

from sqlalchemy import Connection, and_, bindparam, delete, insert, or_, select, update
from sqlalchemy.orm import Session

from core.clock import epoch_ms
from core.db import signal
from core.freight import Row, Signal
from core.ids import new_id
from core.tables import outbox

TOPIC = "outbox"
ATTEMPTS = 12
FIRST_WAIT_S = 2.0
LONGEST_WAIT_S = 3_600.0

WAITING, LEASED, DONE, BURIED, HELD = "waiting", "leased", "done", "buried", "held"


@dataclass(frozen=True)
class Task:
    """A leased promise: what to do (`kind`), about which row (`ref`), and how often it was tried."""

    id: int
    kind: str
    ref: int
    attempts: int


def gathered(kind: str) -> str:
    """The topic of promises whose handler is `Several`: one message may stand for many of them."""
    return f"{TOPIC}:{kind}"


@runtime_checkable
class Several(Protocol):
    """A handler of short works: whatever waits of its kind is done together. Harmless twice, whether one or many."""

    def __call__(self, ref: int, /) -> None:
        """One."""
        ...

    def many(self, refs: Sequence[int], /) -> None:
        """All; raises what one of them raises, while others may be done by then."""
        ...


def row(kind: str, ref: int, now: datetime, delay_s: float = 0, topic: str = TOPIC) -> tuple[Row, Signal]:
    """A promise as freight: its row and the signal that wakes a worker. Another `topic` wakes who listens to that."""
    row_id = new_id()
    values = {
        "id": row_id,
        "kind": kind,
        "ref": ref,
        "due_at": epoch_ms(now) + int(delay_s * 1000),
        "attempts": 0,
        "leased_until": 0,
        "state": WAITING,
        "last_error": None,
    }
    return values, Signal(topic, row_id)


def put(session: Session, kind: str, ref: int, *, now: datetime, delay_s: float = 0) -> int:
    """Promise `kind` about `ref`; returns the row's id. It dies with the transaction."""
    values, wake = row(kind, ref, now, delay_s)
    session.execute(insert(outbox), values)
    signal(session, *wake)
    return wake.ref


def lease(session: Session, row_id: int, now: datetime, seconds: float) -> Task | None:
    """Take the row for `seconds`; None when it is done, buried, not due, or somebody else's."""
    return next(iter(lease_all(session, [row_id], now, seconds)), None)


def lease_all(session: Session, row_ids: Collection[int], now: datetime, seconds: float) -> list[Task]:
    """Those of the rows that nobody has and that are due, for `seconds`."""
    at = epoch_ms(now)
    taken = session.execute(
        update(outbox)
        .where(outbox.c.id.in_(row_ids), outbox.c.due_at <= at, free(at))
        .values(state=LEASED, leased_until=at + int(seconds * 1000), attempts=outbox.c.attempts + 1)
        .returning(outbox.c.id, outbox.c.kind, outbox.c.ref, outbox.c.attempts)
    )
    return [Task(*row) for row in taken]


def asked(look: Connection, row_id: int, now: datetime, several: Collection[str], most: int) -> list[int]:
    """What a message about this row asks for: itself, where it is free and due; where its kind is one of `several`,
    up to `most` in all of those that wait, oldest first, whether it is among them or not.

    A look that rides no train: messages may come late, and one may stand for many.
    """
    at = epoch_ms(now)
    found = look.execute(_ROW, {"row": row_id, "at": at}).one_or_none()
    if found is None:
        return []
    if found.kind not in several:
        return [row_id] if found.is_free else []
    waiting = look.execute(_WAITING, {"kind": found.kind, "at": at, "most": most}).scalars().all()
    return list(dict.fromkeys(([row_id] if found.is_free else []) + list(waiting)))[:most]


def due(session: Session, now: datetime, limit: int = 500, apart: Collection[str] = ()) -> list[int]:
    """Ids of rows that should run now, oldest first; leases that ran out are among them. Kinds `apart` are left out:
    somebody else keeps those."""
    at = epoch_ms(now)
    query = select(outbox.c.id).where(outbox.c.due_at <= at, free(at), outbox.c.kind.not_in(apart))
    return list(session.execute(query.order_by(outbox.c.due_at, outbox.c.id).limit(limit)).scalars())


def extend(session: Session, row_ids: Collection[int], now: datetime, seconds: float) -> None:
    """Hold these leased rows for `seconds` from now on: their work goes on."""
    session.execute(
        update(outbox)
        .where(outbox.c.id.in_(row_ids), outbox.c.state == LEASED)
        .values(leased_until=epoch_ms(now) + int(seconds * 1000))
    )


def postpone(session: Session, row_id: int, due_at: datetime, cause: str) -> None:
    """Not now: it waits until `due_at`. `cause` is our own word for it, free of personal data."""
    values = {"state": WAITING, "leased_until": 0, "due_at": epoch_ms(due_at), "last_error": cause[:200]}
    session.execute(update(outbox).where(outbox.c.id == row_id, outbox.c.state != HELD).values(**values))


def hold(session: Session, row_id: int) -> bool:
    """Nobody takes it until `let_go`; False when it is over or somebody works on it."""
    return _move(session, row_id, (WAITING,), {"state": HELD})


def let_go(session: Session, row_id: int, now: datetime, topic: str = TOPIC) -> bool:
    """What was held or waits is due now; False when it is over or somebody works on it."""
    moved = _move(session, row_id, (WAITING, HELD), {"state": WAITING, "due_at": epoch_ms(now)})
    if moved:
        signal(session, topic, row_id)
    return moved


def done(session: Session, *row_ids: int) -> None:
    """These promises are kept."""
    kept = update(outbox).where(outbox.c.id.in_(row_ids))
    session.execute(kept.values(state=DONE, leased_until=0, last_error=None))


def retry(session: Session, task: Task, now: datetime, cause: str, attempts: int = ATTEMPTS) -> str:
    """Try again later, or bury after the last of `attempts`. `cause` is our own word for it, free of personal data."""
    state = BURIED if task.attempts >= attempts else WAITING
    values: dict[str, Any] = {"state": state, "leased_until": 0, "last_error": cause[:200]}
    values["due_at"] = epoch_ms(now) + int(wait_s(task.attempts) * 1000)
    session.execute(update(outbox).where(outbox.c.id == task.id).values(**values))
    return state


def forget(session: Session, before: datetime, apart: Collection[str] = (), most: int = 1000) -> int:
    """Remove promises kept whose day was before; at most `most`, so that nobody waits long for this work. Kinds
    `apart` stay: others point at their rows. Returns how many went."""
    old = select(outbox.c.id).where(
        outbox.c.state == DONE, outbox.c.due_at < epoch_ms(before), outbox.c.kind.not_in(apart)
    )
    gone = delete(outbox).where(outbox.c.id.in_(old.limit(most))).returning(outbox.c.id)
    return len(session.execute(gone).all())


def bury(session: Session, row_id: int, cause: str) -> None:
    """It can never succeed: keep it where people look."""
    session.execute(
        update(outbox).where(outbox.c.id == row_id).values(state=BURIED, leased_until=0, last_error=cause[:200])
    )


def revive(session: Session, row_id: int, now: datetime) -> bool:
    """Give a buried row its attempts back; False when it is not buried."""
    found = session.execute(
        update(outbox)
        .where(outbox.c.id == row_id, outbox.c.state == BURIED)
        .values(state=WAITING, attempts=0, due_at=epoch_ms(now))
        .returning(outbox.c.id)
    ).one_or_none()
    if found:
        signal(session, TOPIC, row_id)
    return found is not None


def wait_s(attempts: int) -> float:
    """Seconds before attempt `attempts` + 1: doubling, with jitter, at most an hour."""
    longest = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** (attempts - 1))
    return random.uniform(longest / 2, longest)  # noqa: S311  spreads load, hides nothing


def _move(session: Session, row_id: int, from_: tuple[str, ...], values: dict[str, Any]) -> bool:
    query = update(outbox).where(outbox.c.id == row_id, outbox.c.state.in_(from_)).values(**values)
    return session.execute(query.returning(outbox.c.id)).one_or_none() is not None


def free(at: Any) -> Any:
    """The condition under which nobody has a row at this time (epoch, ms)."""
    return or_(outbox.c.state == WAITING, and_(outbox.c.state == LEASED, outbox.c.leased_until <= at))


_ROW = select(outbox.c.kind, ((outbox.c.due_at <= bindparam("at")) & free(bindparam("at"))).label("is_free")).where(
    outbox.c.id == bindparam("row")
)
_WAITING = (  # by index, in its order; leases that ran out are for the sweep
    select(outbox.c.id)
    .where(outbox.c.state == WAITING, outbox.c.due_at <= bindparam("at"), outbox.c.kind == bindparam("kind"))
    .order_by(outbox.c.due_at)
    .limit(bindparam("most"))
)
