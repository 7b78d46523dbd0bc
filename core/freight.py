"""Rows as passengers: a delivery is data (table → rows), which the commit train merges into few statements."""

from collections.abc import Callable, Iterable, Mapping
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
    def open(self) -> "list[Open]":
        """The rows in which something waits for a number; most rows are whole."""
        return [
            Open(table, place, row, _later(row))
            for table, rows in self.tables.items()
            for place, row in enumerate(rows)
            if not _LATER.isdisjoint(map(type, row.values()))
        ]


class Open(NamedTuple):
    """A row, where it stands, and its columns that are filled later, in the order in which they are."""

    table: Table
    place: int
    row: Row
    later: list[tuple[str, Any]]


class Loaded(Value, frozen=True):
    """What the train answers once the freight is durable: the numbers taken, by counter, in order."""

    numbers: Mapping[str, list[int]]


def wanted(freights: Iterable[Freight]) -> dict[str, int]:
    """How many numbers these freights take from each counter."""
    counts: dict[str, int] = {}
    for freight in freights:
        for _table, _place, _row, later in freight.open:
            for _column, value in later:
                if type(value) is Next:
                    counts[value.counter] = counts.get(value.counter, 0) + 1
    return counts


def fill(freight: Freight, first: dict[str, int]) -> tuple[dict[Table, list[Row]], dict[str, list[int]]]:
    """The rows with their numbers, and the numbers. `first` is each counter's next number; it is moved on."""
    taken: dict[str, list[int]] = {}
    tables = dict(freight.tables)
    for table, place, row, later in freight.open:
        if tables[table] is freight.tables[table]:
            tables[table] = tables[table].copy()
        tables[table][place] = _fill_row(row, later, first, taken)
    return tables, taken


def _fill_row(row: Row, later: list[tuple[str, Any]], first: dict[str, int], taken: dict[str, list[int]]) -> Row:
    filled = row.copy()
    for column, value in later:
        kind = type(value)
        if kind is Next:
            number = filled[column] = first[value.counter]
            first[value.counter] = number + 1
            taken.setdefault(value.counter, []).append(number)
        elif kind is Same:
            filled[column] = taken[value.counter][-1]
        else:
            filled[column] = value.of(filled)
    return filled


def _later(row: Row) -> list[tuple[str, Any]]:
    """What is derived from the others comes last."""
    later = [(column, value) for column, value in row.items() if type(value) in _LATER]
    return sorted(later, key=lambda each: type(each[1]) is Derived) if len(later) > 1 else later


_LATER = frozenset({Next, Same, Derived})
