"""Small looks at the database: a snapshot of their own, no writing, a new connection after one that failed."""

import threading

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from core.db import Db
from core.errors import DatabaseDown
from core.numbers import next_number
from core.statements import ask

READ = "SELECT value FROM counters WHERE name = 'looks'"


def value(connection: Connection) -> int | None:
    rows = ask(connection, READ)
    return rows[0][0] if rows else None


def test_each_look_sees_what_was_committed_before(db: Db) -> None:
    assert db.look(value) is None
    for expected in (1, 2):
        db.run(next_number, "looks")
        assert db.look(value) == expected


def test_threads_look_side_by_side(db: Db) -> None:
    db.run(next_number, "looks")
    both, found = threading.Barrier(2), []

    def slow(connection: Connection) -> int | None:
        both.wait()
        return value(connection)

    threads = [threading.Thread(target=lambda: found.append(db.look(slow))) for _ in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert found == [1, 1]


def test_nothing_is_written_by_a_look_and_the_next_one_works(db: Db) -> None:
    def write(connection: Connection) -> None:
        ask(connection, "INSERT INTO counters (name, value) VALUES ('looks', 7)")

    with pytest.raises((DatabaseDown, DBAPIError)):
        db.look(write)
    assert db.look(value) is None


def test_what_the_work_raises_passes(db: Db) -> None:
    def fails(connection: Connection) -> None:
        value(connection)
        raise LookupError

    with pytest.raises(LookupError):
        db.look(fails)
    db.run(next_number, "looks")
    assert db.look(value) == 1  # the failed look's snapshot is over
