"""Counters without gaps and row tallies: one row each, moved inside the transaction that uses them."""

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, cast

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from core.statements import ask, chunks, execute, mark

MOST_AT_ONCE = 64  # counters in one statement


def take_all(connection: Connection, counts: Mapping[str, int]) -> dict[str, int]:
    """The first number of each block; counters in sorted order, so that two trains never lock crosswise."""
    first: dict[str, int] = {}
    for some in chunks(sorted(counts), MOST_AT_ONCE):
        asked = [value for name in some for value in (name, counts[name])]
        for name, last in _taken(connection, some, asked):
            first[name] = last - counts[name] + 1
    return first


def _taken(connection: Connection, names: Sequence[str], asked: Sequence[Any]) -> Iterable[tuple[str, int]]:
    """The last number of each block. SQLite says them all in one row: each row of a result lets go of the interpreter,
    as each statement does, and the train would have to win it back forty times."""
    statement = _move_many("counters", mark(connection), len(names))
    if connection.dialect.name != "sqlite":
        return execute(connection, f"{statement} RETURNING name, value", asked)
    execute(connection, statement, asked)
    [(told,)] = execute(connection, _read_many(len(names)), names)
    return cast("dict[str, int]", json.loads(told)).items()


def tally_all(connection: Connection, deltas: Mapping[str, int]) -> None:
    """Move row counts."""
    for some in chunks(sorted(deltas), MOST_AT_ONCE):
        moved = [value for name in some for value in (name, deltas[name])]
        execute(connection, _move_many("tallies", mark(connection), len(some)), moved)


# The same words on SQLite and on PostgreSQL; the row lock keeps takers in order until the commit.
@lru_cache(maxsize=4 * MOST_AT_ONCE)
def _move_many(table: str, mark: str, count: int) -> str:
    """Several counters in one statement: a train with mail for twenty folders takes forty numbers."""
    rows = ", ".join([f"({mark}, {mark})"] * count)
    return (
        f"INSERT INTO {table} (name, value) VALUES {rows} "
        f"ON CONFLICT (name) DO UPDATE SET value = {table}.value + excluded.value"
    )


@lru_cache(maxsize=MOST_AT_ONCE)
def _read_many(count: int) -> str:
    marks = ", ".join("?" * count)
    return f"SELECT json_group_object(name, value) FROM counters WHERE name IN ({marks})"


def next_number(session: Session, counter: str, count: int = 1) -> int:
    """For function passengers: the first of `count` numbers in a row of this counter, which starts at 1."""
    return take_all(session.connection(), {counter: count})[counter]


def last_number(session: Session, counter: str) -> int:
    """The number taken last, 0 when none was."""
    found = ask(session, "SELECT value FROM counters WHERE name = ?", counter)
    return int(found[0][0]) if found else 0


def tally(session: Session, name: str, delta: int) -> None:
    """Move a row count that `pli verify-data` checks."""
    tally_all(session.connection(), {name: delta})


def tally_of(session: Session, name: str) -> int:
    """The row count as it was kept, 0 when never moved."""
    found = ask(session, "SELECT value FROM tallies WHERE name = ?", name)
    return int(found[0][0]) if found else 0
