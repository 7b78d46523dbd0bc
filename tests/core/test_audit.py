"""The trail: each entry is numbered and tagged, and no change to it goes unseen."""

import hashlib
import hmac
from collections.abc import Callable

import pytest
from sqlalchemy import delete, insert, select, update

from core.audit import Event, Trail, count
from core.clock import FakeClock
from core.db import Db, Freight
from core.tables import audit, counters
from core.value import replace

TRAIL = Trail(lambda data: hmac.digest(b"k" * 32, data, hashlib.sha256))


def event(number: int) -> Event:
    return Event(str(number), "record.read", "ok", FakeClock().now(), ref=number, holder_id=3)


@pytest.fixture
def five(db: Db) -> Db:
    for number in range(3):
        db.run(TRAIL.record, event(number))
    db.load(Freight({audit: [TRAIL.row(event(3)), TRAIL.row(event(4))]}))
    return db


def test_a_whole_trail_has_no_problem(five: Db) -> None:
    assert five.read(TRAIL.problems) == []
    assert five.read(count) == 5
    assert five.read(lambda s: list(s.execute(select(audit.c.seq).order_by(audit.c.seq)).scalars())) == [1, 2, 3, 4, 5]


def test_one_event_about_many_is_written_as_each_by_itself(db: Db) -> None:
    one = Event("7", "mail.read", "read", FakeClock().now(), None, 3)
    db.load(Freight({audit: TRAIL.rows(one, [5, 9, 2**62])}))
    db.load(Freight({audit: TRAIL.rows(one, [])}))
    for ref in (5, 9, 2**62):
        db.run(TRAIL.record, replace(one, ref=ref))
    assert db.read(TRAIL.problems) == []
    columns = [column for column in audit.c if column.name not in {"seq", "tag"}]
    found = db.read(lambda session: [tuple(row) for row in session.execute(select(*columns).order_by(audit.c.seq))])
    assert len(found) == 6 and found[:3] == found[3:]


HARMS: dict[str, Callable[[], object]] = {
    "actor": lambda: update(audit).where(audit.c.seq == 2).values(actor="9"),
    "time": lambda: update(audit).where(audit.c.seq == 2).values(at=1),
    "outcome": lambda: update(audit).where(audit.c.seq == 4).values(outcome="refused"),
    "ref": lambda: update(audit).where(audit.c.seq == 4).values(ref=None),
    "tag": lambda: update(audit).where(audit.c.seq == 1).values(tag=b"\0" * 32),
    "taken out": lambda: delete(audit).where(audit.c.seq == 3),
    "truncated": lambda: delete(audit).where(audit.c.seq == 5),
    "counter turned back": lambda: update(counters).where(counters.c.name == "audit").values(value=4),
    "renumbered": lambda: update(audit).where(audit.c.seq == 5).values(seq=6),
    "put in": lambda: insert(audit).values(seq=6, at=0, actor="1", action="a", outcome="ok", detail="", tag=b"\1" * 32),
}


@pytest.mark.parametrize("harm", HARMS)
def test_each_harm_is_seen(five: Db, harm: str) -> None:
    five.run(lambda session: session.execute(HARMS[harm]()))  # type: ignore[call-overload]
    assert five.read(TRAIL.problems)


def test_a_trail_with_another_key_is_no_proof(five: Db) -> None:
    forged = Trail(lambda data: hmac.digest(b"x" * 32, data, hashlib.sha256))
    assert len(five.read(forged.problems)) == 5
