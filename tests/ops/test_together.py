"""Short works of one kind are leased together; each ends by itself, whatever becomes of the others."""

from collections.abc import Sequence

from sqlalchemy import select

from core import outbox
from core.clock import FakeClock
from core.db import Db
from core.errors import Temporary
from core.freight import Signal
from core.tables import outbox as rows
from ops.courier import rows_to_tell
from ops.keeper import TOGETHER, Keeper

KIND, OTHER = "record.file", "order.draft"


class Handler:
    """Notes what was done, once each; fails on request."""

    def __init__(self, *failing: int) -> None:
        self.failing, self.done, self.rounds = failing, [], []

    def __call__(self, ref: int) -> None:
        if ref in self.failing:
            raise Temporary("plus tard", "on request")
        if ref not in self.done:
            self.done.append(ref)


class Several(Handler):
    """The same, of several at once."""

    def many(self, refs: Sequence[int]) -> None:
        self.rounds.append(len(refs))
        for ref in refs:
            self(ref)


class Follows(Handler):
    """Each work asks for the next one, a second later."""

    def __init__(self, db: Db, clock: FakeClock) -> None:
        super().__init__()
        self.db, self.clock = db, clock

    def __call__(self, ref: int) -> None:
        super().__call__(ref)
        self.clock.advance(1)
        self.db.run(outbox.put, KIND, ref + 1, now=self.clock.now())


def keeper(db: Db, handler: Handler, clock: FakeClock | None = None) -> Keeper:
    return Keeper(db, clock or FakeClock(), {KIND: handler, OTHER: Handler()}, 300, 8)


def promised(db: Db, kind: str, *refs: int) -> list[int]:
    return [db.run(outbox.put, kind, ref, now=FakeClock().now()) for ref in refs]


def states(db: Db) -> dict[int, str]:
    return dict(db.read(lambda session: list(session.execute(select(rows.c.ref, rows.c.state)))))


def test_what_waits_is_taken_along_and_done_once(db: Db) -> None:
    ids, handler = promised(db, KIND, *range(10)), Several()
    promised(db, OTHER, 99)
    assert keeper(db, handler).run_one(ids[3])
    assert sorted(handler.done) == list(range(10)) and states(db)[99] == outbox.WAITING
    assert not keeper(db, handler).run_one(ids[0]) and len(handler.done) == 10 and handler.rounds == [10]


def test_one_failure_is_tried_again_and_hurts_no_other(db: Db) -> None:
    ids, handler = promised(db, KIND, *range(5)), Several(2)
    keeper(db, handler).run_one(ids[0])
    assert sorted(handler.done) == [0, 1, 3, 4] and states(db)[2] == outbox.WAITING
    assert {state for ref, state in states(db).items() if ref != 2} == {outbox.DONE}


def test_no_more_than_is_bounded_is_taken(db: Db) -> None:
    ids, handler = promised(db, KIND, *range(TOGETHER + 5)), Several()
    keeper(db, handler).run_one(ids[-1])
    assert len(handler.done) == TOGETHER


def test_other_kinds_are_done_one_at_a_time(db: Db) -> None:
    ids, handler = promised(db, KIND, 1, 2), Handler()
    assert keeper(db, handler).run_one(ids[0]) and handler.done == [1]


def test_a_late_message_still_takes_what_waits(db: Db) -> None:
    """One message stands for many rows: that its own is over does not matter."""
    over, handler = promised(db, KIND, 1), Several()
    keeper(db, handler).run_one(over[0])
    promised(db, KIND, 2, 3)
    assert keeper(db, handler).run_one(over[0]) and handler.done == [1, 2, 3]
    assert not keeper(db, handler).run_one(over[0])


def test_a_sweep_does_all_that_is_due_in_rounds(db: Db) -> None:
    promised(db, OTHER, *range(100, 103))
    promised(db, KIND, *range(TOGETHER + 80))
    handler = Several()
    assert keeper(db, handler).sweep() == TOGETHER + 83
    assert set(states(db).values()) == {outbox.DONE} and max(handler.rounds) == TOGETHER
    assert keeper(db, handler).sweep() == 0


def test_a_sweep_leaves_what_comes_meanwhile_to_its_message(db: Db) -> None:
    clock = FakeClock()
    handler = Follows(db, clock)
    promised(db, KIND, 1)
    kept = keeper(db, handler, clock)
    for done in ([1], [1, 2]):
        assert kept.sweep() == 1 and handler.done == done


def test_as_many_messages_as_rounds() -> None:
    many = [Signal(outbox.gathered(KIND), ref) for ref in range(TOGETHER + 1)]
    others = [Signal(outbox.TOPIC, ref) for ref in (97, 98, 99)]
    assert list(rows_to_tell([others[0], *many, *others[1:]])) == [97, 0, TOGETHER, 98, 99]
