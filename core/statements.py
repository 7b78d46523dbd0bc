"""Statements in the driver's own words, for the few that ride in every train.

SQLAlchemy makes a context, a result and an event round for each; SQLite's own call costs a tenth of that. PostgreSQL's
connections may be lost at any moment, which SQLAlchemy notices: there it is asked as always.
"""

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

T = TypeVar("T")
MOST_VALUES = 500  # in one list of a statement


def chunks(values: Sequence[T], size: int = MOST_VALUES) -> Iterator[Sequence[T]]:
    """The values in their order, at most `size` at once."""
    return (values[at : at + size] for at in range(0, len(values), size))


def execute(connection: Connection, statement: str, values: Sequence[Any]) -> list[Any]:
    """Run one statement with values by position; out: its rows. Raises SQLAlchemy's errors."""
    if connection.dialect.name != "sqlite":
        found = connection.exec_driver_sql(statement, tuple(values))
        return list(found) if found.returns_rows else []
    driver = connection.dialect.loaded_dbapi
    raw: Any = connection.connection
    try:
        rows: list[Any] = raw.execute(statement, values).fetchall()
    except driver.Error as error:
        raise _wrapped(connection, statement, error, driver.Error) from error
    return rows


def ask(of: Session | Connection, statement: str, *values: Any) -> list[Any]:
    """`execute` inside a unit of work; each `?` of the statement stands for a value."""
    connection = of if isinstance(of, Connection) else of.connection()
    sqlite = connection.dialect.name == "sqlite"
    return execute(connection, statement if sqlite else statement.replace("?", "%s"), values)


def mark(connection: Connection) -> str:
    """How the driver writes a value by position."""
    return "?" if connection.dialect.name == "sqlite" else "%s"


def _wrapped(connection: Connection, statement: str, error: Exception, base: type[Exception]) -> BaseException:
    made: Any = DBAPIError.instance(
        statement, None, error, base, hide_parameters=True, dialect=connection.dialect
    )  # as the engine does: no value in a text
    return made  # type: ignore[no-any-return]
