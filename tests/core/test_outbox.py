"""The outbox: a promise is kept at least once, by one worker at a time, and never forgotten."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from core import outbox
from core.clock import FakeClock
from core.db import Db, Freight
from core.errors import NotFound
from core.tables import outbox as rows


def state_of(db: Db, row_id: int) -> str:
    return db.read(lambda s: s.execute(select(rows.c.state).where(rows.c.id == row_id)).scalar_one())


def promise(db: Db, now: datetime, delay_s: float = 0) -> int:
    return db.run(outbox.put, "record.file", 7, now=now, delay_s=delay_s)


def test_a_promise_is_leased_once(db: Db) -> None:
    now = FakeClock().now()
    row_id = promise(db, now)
    task = db.run(outbox.lease, row_id, now, 60)
    assert task == outbox.Task(row_id, "record.file", 7, 1)
    assert db.run(outbox.lease, row_id, now, 60) is None


def test_a_promise_dies_with_its_transaction(db: Db) -> None:
    now = FakeClock().now()

    def work(session: object) -> None:
        outbox.put(session, "k", 1, now=now)  # type: ignore[arg-type]
        raise NotFound("no")

    with pytest.raises(NotFound):
        db.run(work)
    assert db.read(outbox.due, now) == []


def test_a_lease_that_ran_out_is_due_again(db: Db) -> None:
    clock = FakeClock()
    row_id = promise(db, clock.now())
    db.run(outbox.lease, row_id, clock.now(), 60)
    assert db.read(outbox.due, clock.now()) == []
    clock.advance(61)
    assert db.read(outbox.due, clock.now()) == [row_id]
    again = db.run(outbox.lease, row_id, clock.now(), 60)
    assert again is not None and again.attempts == 2


def test_what_is_done_is_never_due(db: Db) -> None:
    clock = FakeClock()
    row_id = promise(db, clock.now())
    db.run(outbox.lease, row_id, clock.now(), 60)
    db.run(outbox.done, row_id)
    clock.advance(10_000)
    assert db.read(outbox.due, clock.now()) == []
    assert db.run(outbox.lease, row_id, clock.now(), 60) is None


def test_a_delayed_promise_waits(db: Db) -> None:
    clock = FakeClock()
    row_id = promise(db, clock.now(), delay_s=30)
    assert db.run(outbox.lease, row_id, clock.now(), 60) is None
    clock.advance(31)
    assert db.read(outbox.due, clock.now()) == [row_id]


def test_after_the_last_attempt_it_is_buried_and_can_be_revived(db: Db) -> None:
    clock = FakeClock()
    row_id = promise(db, clock.now())
    for _ in range(outbox.ATTEMPTS):
        clock.advance(outbox.LONGEST_WAIT_S + 1)
        task = db.run(outbox.lease, row_id, clock.now(), 60)
        assert task is not None
        db.run(outbox.retry, task, clock.now(), "peer silent")
    assert state_of(db, row_id) == outbox.BURIED
    clock.advance(100_000)
    assert db.read(outbox.due, clock.now()) == []
    assert db.run(outbox.revive, row_id, clock.now())
    assert db.read(outbox.due, clock.now()) == [row_id]


def test_only_what_is_buried_is_revived(db: Db) -> None:
    now = FakeClock().now()
    assert not db.run(outbox.revive, promise(db, now), now)


def test_a_promise_rides_as_freight(db: Db) -> None:
    now = FakeClock().now()
    values, wake = outbox.row("chat.mirror", 3, now)
    heard: list[object] = []
    db.on_commit(heard.extend)
    db.load(Freight({rows: [values]}, [wake]))
    assert heard == [("outbox", values["id"])]
    assert db.read(outbox.due, now) == [values["id"]]


@given(st.integers(1, 200))
def test_waits_grow_and_stay_bounded(attempts: int) -> None:
    assert outbox.FIRST_WAIT_S / 2 <= outbox.wait_s(attempts) <= outbox.LONGEST_WAIT_S


def test_what_was_kept_long_ago_is_forgotten_and_nothing_else(db: Db) -> None:
    clock = FakeClock()
    kept, apart, waiting = (db.run(outbox.put, kind, 1, now=clock.now()) for kind in ("a", "b", "a"))
    db.run(outbox.done, kept, apart)
    assert db.run(outbox.forget, clock.now(), {"b"}) == 0
    clock.advance(1)
    assert db.run(outbox.forget, clock.now(), {"b"}) == 1
    left = db.read(lambda session: set(session.execute(select(rows.c.id)).scalars()))
    assert left == {apart, waiting}


def test_what_was_kept_is_forgotten_piece_by_piece(db: Db) -> None:
    clock = FakeClock()
    for _ in range(3):
        db.run(outbox.done, db.run(outbox.put, "a", 1, now=clock.now()))
    clock.advance(1)
    assert [db.run(outbox.forget, clock.now(), (), 2) for _ in range(3)] == [2, 1, 0]
