"""Short works of one kind are leased together; each ends by itself, whatever becomes of the others."""

import threading

from sqlalchemy import select

from core import outbox
from core.clock import FakeClock
from core.db import Db
from core.errors import Temporary
from core.tables import outbox as rows
from ops.keeper import TAKEN_ALONG, Keeper

KIND, OTHER = "record.file", "order.draft"


class Handler:
    """Notes what it was given; fails on request."""

    def __init__(self, *failing: int) -> None:
        self.failing, self.done, self._lock = failing, [], threading.Lock()

    def __call__(self, ref: int) -> None:
        if ref in self.failing:
            raise Temporary("plus tard", "on request")
        with self._lock:
            self.done.append(ref)


def keeper(db: Db, handler: Handler, together: frozenset[str] = frozenset({KIND})) -> Keeper:
    return Keeper(db, FakeClock(), {KIND: handler, OTHER: handler}, 300, 8, together=together)


def promised(db: Db, kind: str, *refs: int) -> list[int]:
    return [db.run(outbox.put, kind, ref, now=FakeClock().now()) for ref in refs]


def states(db: Db) -> dict[int, str]:
    return dict(db.read(lambda session: list(session.execute(select(rows.c.ref, rows.c.state)))))


def test_what_waits_is_taken_along_and_done_once(db: Db) -> None:
    ids, handler = promised(db, KIND, *range(10)), Handler()
    promised(db, OTHER, 99)
    assert keeper(db, handler).run_one(ids[3])
    assert sorted(handler.done) == list(range(10)) and states(db)[99] == outbox.WAITING
    assert not keeper(db, handler).run_one(ids[0]) and len(handler.done) == 10


def test_one_failure_is_tried_again_and_hurts_no_other(db: Db) -> None:
    ids, handler = promised(db, KIND, *range(5)), Handler(2)
    keeper(db, handler).run_one(ids[0])
    assert sorted(handler.done) == [0, 1, 3, 4] and states(db)[2] == outbox.WAITING
    assert {state for ref, state in states(db).items() if ref != 2} == {outbox.DONE}


def test_no_more_than_is_bounded_is_taken(db: Db) -> None:
    ids, handler = promised(db, KIND, *range(TAKEN_ALONG + 5)), Handler()
    keeper(db, handler).run_one(ids[-1])
    assert len(handler.done) == TAKEN_ALONG + 1


def test_other_kinds_are_done_one_at_a_time(db: Db) -> None:
    ids, handler = promised(db, OTHER, 1, 2), Handler()
    assert keeper(db, handler).run_one(ids[0]) and handler.done == [1]
