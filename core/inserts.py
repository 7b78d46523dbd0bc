"""Many rows into one table by few statements of the driver: SQLAlchemy writes them once, and is not asked for each row.

SQLite takes many rows in one statement: each step of its own lets go of the interpreter and has to win it back from the
event loop, which costs more than the row. PostgreSQL's driver sends an executemany as one pipeline.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import chain
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import Connection, Dialect, Table, insert
from sqlalchemy.types import LargeBinary

from core.freight import Row
from core.statements import execute

MOST = 32  # rows in one statement; each number of them is a statement that the driver keeps prepared


class _Written(NamedTuple):
    """An INSERT in the driver's words. `pick` gives a row's values by position, None where they go by name; without
    `statement` SQLAlchemy has to translate them."""

    statement: str | None
    columns: int
    pick: Callable[[Row], Sequence[Any]] | None


def insert_rows(connection: Connection, table: Table, columns: tuple[str, ...], rows: list[Row]) -> None:
    """Insert `rows`, all of exactly these columns. Raises SQLAlchemy's errors, as `connection.execute`."""
    written = _written(table, columns, connection.dialect)
    if written.statement is None:
        connection.execute(insert(table), rows)
    elif written.pick is None:
        connection.exec_driver_sql(written.statement, rows)
    else:
        for at in range(0, len(rows), MOST):
            some = rows[at : at + MOST]
            values = tuple(chain.from_iterable(map(written.pick, some)))
            execute(connection, _repeated(written.statement, written.columns, len(some)), values)


@lru_cache(maxsize=1024)
def _repeated(statement: str, columns: int, size: int) -> str:
    one = f"({', '.join('?' * columns)})"
    head, values, rest = statement.rpartition(one)
    if not values or rest:
        raise ValueError("an INSERT ends with its values")
    return head + ", ".join([one] * size)


@lru_cache(maxsize=256)
def _written(table: Table, columns: tuple[str, ...], dialect: Dialect) -> _Written:
    """None where a column's values have to be translated on their way to the driver: then SQLAlchemy does it. Octets
    are taken by both drivers as they are."""
    kinds = [table.c[name].type for name in columns]
    if any(kind.dialect_impl(dialect).bind_processor(dialect) and not isinstance(kind, LargeBinary) for kind in kinds):
        return _Written(None, len(columns), None)
    made = insert(table).compile(dialect=dialect, column_keys=list(columns))
    if not made.positional:
        return _Written(str(made), len(columns), None)
    places = made.positiontup or []
    return _Written(str(made), len(places), _picker(places))


def _picker(places: Sequence[str]) -> Callable[[Row], Sequence[Any]]:
    return itemgetter(*places) if len(places) > 1 else lambda row: (row[places[0]],)
