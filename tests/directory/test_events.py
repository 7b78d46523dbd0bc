"""Events: written with the change, read in order from where one stopped."""

import pytest

from core.clock import FakeClock
from core.db import Db
from directory.events import REINSTATED, STRUCK_OFF, TOPIC, events_after, is_struck_off, put_event


def test_read_in_order_from_where_one_stopped(db: Db) -> None:
    now, heard = FakeClock().now(), []
    db.on_own_commit(heard.extend)
    first = db.run(put_event, STRUCK_OFF, "899000000019", now)
    second = db.run(put_event, REINSTATED, "899000000019", now)
    assert [event.id for event in db.read(events_after, 0)] == [first, second]
    assert [event.kind for event in db.read(events_after, first)] == [REINSTATED]
    assert [(found.topic, found.ref) for found in heard] == [(TOPIC, first), (TOPIC, second)]
    assert not db.read(is_struck_off, "899000000019")


def test_it_dies_with_its_transaction(db: Db) -> None:
    def work(session):
        put_event(session, STRUCK_OFF, "899000000019", FakeClock().now())
        raise KeyError("undone")

    with pytest.raises(KeyError):
        db.run(work)
    assert db.read(events_after, 0) == []


def test_another_kind_is_refused(db: Db) -> None:
    with pytest.raises(ValueError, match="kind"):
        db.run(put_event, "sneezed", "899000000019", FakeClock().now())
