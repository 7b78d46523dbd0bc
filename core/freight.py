"""Rows as passengers: a delivery is data (table → rows), which the commit train merges into few statements."""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, NamedTuple

from sqlalchemy import Table

from core.value import Value, field

Row = dict[str, Any]


class Next(NamedTuple):
    """In a row: the next number of this counter, gapless, taken in the same transaction."""

    counter: str


class Same(NamedTuple):
    """In a row: the number that this passenger took last from this counter."""

    counter: str


class Derived(NamedTuple):
    """In a row: computed from the row once its numbers are known (a MAC over them, say)."""

    of: Callable[[Mapping[str, Any]], Any]


class Signal(NamedTuple):
    """What listeners hear after the commit: a topic and the id that it speaks of, no content."""

    topic: str
    ref: int


class Freight(Value, frozen=True, dict=True):
    """What one passenger loads: rows by table, what to announce, and by how much row counts grow."""

    tables: Mapping[Table, list[Row]]
    signals: list[Signal] = field(default_factory=list)
    tallies: dict[str, int] = field(default_factory=dict)

    @cached_property
    def open(self) -> list[tuple[Table, int, Row]]:
        """The rows in which something waits for a number, and where they stand; most rows are whole."""
        return [
            (table, place, row)
            for table, rows in self.tables.items()
            for place, row in enumerate(rows)
            if not _LATER.isdisjoint(map(type, row.values()))
        ]


class Loaded(Value, frozen=True):
    """What the train answers once the freight is durable: the numbers taken, by counter, in order."""

    numbers: Mapping[str, list[int]]


def wanted(freight: Freight) -> dict[str, int]:
    """How many numbers this freight takes from each counter."""
    counts: dict[str, int] = {}
    for _table, _place, row in freight.open:
        for value in row.values():
            if type(value) is Next:
                counts[value.counter] = counts.get(value.counter, 0) + 1
    return counts


def fill(freight: Freight, first: dict[str, int]) -> tuple[dict[Table, list[Row]], dict[str, list[int]]]:
    """The rows with their numbers, and the numbers. `first` is each counter's next number; it is moved on."""
    taken: dict[str, list[int]] = {}
    tables = {table: rows.copy() for table, rows in freight.tables.items()}
    for table, place, row in freight.open:
        tables[table][place] = _fill_row(row, first, taken)
    return tables, taken


def _fill_row(row: Row, first: dict[str, int], taken: dict[str, list[int]]) -> Row:
    filled = row.copy()
    derived: list[str] = []
    for column, value in row.items():
        kind = type(value)
        if kind is Next:
            number = first[value.counter]
            first[value.counter] = number + 1
            taken.setdefault(value.counter, []).append(number)
            filled[column] = number
        elif kind is Same:
            filled[column] = taken[value.counter][-1]
        elif kind is Derived:
            derived.append(column)
    for column in derived:
        filled[column] = row[column].of(filled)
    return filled


_LATER = frozenset({Next, Same, Derived})
