"""Counters without gaps and row tallies: one row each, moved inside the transaction that uses them."""

from collections.abc import Mapping
from functools import lru_cache

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from core.statements import ask, chunks, execute, mark

MOST_AT_ONCE = 64  # counters in one statement


def take_all(connection: Connection, counts: Mapping[str, int]) -> dict[str, int]:
    """The first number of each block; counters in sorted order, so that two trains never lock crosswise."""
    first: dict[str, int] = {}
    for some in chunks(sorted(counts), MOST_AT_ONCE):
        asked = [value for name in some for value in (name, counts[name])]
        for name, last in execute(connection, _take_many(mark(connection), len(some)), asked):
            first[name] = last - counts[name] + 1
    return first


def tally_all(connection: Connection, deltas: Mapping[str, int]) -> None:
    """Move row counts."""
    for some in chunks(sorted(deltas), MOST_AT_ONCE):
        moved = [value for name in some for value in (name, deltas[name])]
        execute(connection, _tally_many(mark(connection), len(some)), moved)


# The same words on SQLite and on PostgreSQL; the row lock keeps takers in order until the commit.
@lru_cache(maxsize=2 * MOST_AT_ONCE)
def _take_many(mark: str, count: int) -> str:
    """Several counters in one statement: a train with mail for twenty folders takes forty numbers."""
    rows = ", ".join([f"({mark}, {mark})"] * count)
    return (
        f"INSERT INTO counters (name, value) VALUES {rows} "
        "ON CONFLICT (name) DO UPDATE SET value = counters.value + excluded.value RETURNING name, value"
    )


@lru_cache(maxsize=2 * MOST_AT_ONCE)
def _tally_many(mark: str, count: int) -> str:
    rows = ", ".join([f"({mark}, {mark})"] * count)
    return (
        f"INSERT INTO tallies (name, value) VALUES {rows} "
        "ON CONFLICT (name) DO UPDATE SET value = tallies.value + excluded.value"
    )


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
