"""A new edition's rows into a fresh PostgreSQL schema. By itself: what it needs takes half a second to load."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import structlog

from core.driver import connect
from directory.edition.faults import told
from directory.edition.marks import MARK
from directory.edition.sinks import Rows
from directory.edition.tables import COLUMNS, COMPLETE_FIRST, SECTORS, WAITING, WAITING_COLUMNS, create, index, keys
from directory.edition.waiting import TYPES, create_waiting

# Binary, so that no text is looked through for what must be escaped and no octet is written as two figures.
_TYPES = {
    "lines": ("int8", "text", "text", "text", "text"),
    "cards": ("int8", "text", "text"),
    "words": ("int8", "text", "int8", "bytea"),
    "neighbours": ("int8", "text"),
    "boxes": ("text", "int8"),
    "facts": ("text", "text"),
    **TYPES,
}
_NAMES = COLUMNS | WAITING_COLUMNS
_UNASKED = {"lines": "line", "cards": "card", "words": "postings", "neighbours": "words"}  # in no condition by itself
# One core for each index: who builds, with less right to a core than the server, has another one.
_INDEXING = ("SET LOCAL maintenance_work_mem = '256MB'", "SET LOCAL max_parallel_maintenance_workers = 0")
_DROP = "DROP SCHEMA IF EXISTS {} CASCADE"
_PATIENCE = "SET LOCAL lock_timeout = '500ms'"  # whoever waits for such a lock keeps all others waiting behind

log = structlog.get_logger()


def make_schema(url: str, schema: str, *, waiting: bool) -> None:
    """Fresh, with empty tables: committed, so that several may fill them. Nobody reads it before it is named in use."""
    with _cursor(url) as cursor:
        made = (f"CREATE SCHEMA {schema}", f"COMMENT ON SCHEMA {schema} IS '{MARK}'")
        for statement in (_DROP.format(schema), *made, *create("postgresql", f"{schema}.")):
            cursor.execute(statement)
        for table, column in _UNASKED.items():
            cursor.execute(f"ALTER TABLE {schema}.{table} ALTER COLUMN {column} SET STATISTICS 0")
        # Maps and lists of numbers: to squeeze them takes longer than it spares.
        cursor.execute(f"ALTER TABLE {schema}.words ALTER COLUMN postings SET STORAGE EXTERNAL")
        for statement in create_waiting(schema) if waiting else ():
            cursor.execute(statement)


def drop_schema(url: str, schema: str) -> bool:
    """Once nobody fills it any more. False when somebody still reads there, dumps it, or the server is away: it goes at
    another time."""
    return _dropped(url, _DROP.format(schema))


def drop_waiting(url: str, schema: str) -> bool:
    """The same of what waited beside an edition; else it goes with the schema."""
    return _dropped(url, f"DROP TABLE IF EXISTS {schema}.{WAITING}, {schema}.{SECTORS}")


def _dropped(url: str, statement: str) -> bool:
    """By a connection of its own: the train's would keep all commits waiting."""
    try:
        with _cursor(url) as cursor:
            cursor.execute(_PATIENCE)
            cursor.execute(statement)
    except Exception as error:
        log.warning("directory.not_dropped", cause=told(error).cause)
        return False
    return True


class PostgresSink:
    """Some tables of a schema that was made, filled by COPY in one transaction. A COPY goes on until another table's
    turn comes: whoever writes does not wait for the server between two batches."""

    def __init__(self, url: str, schema: str, tables: Sequence[str]) -> None:
        self._schema = f"{schema}."
        self._tables = tables
        self._connection = connect(url)
        self._cursor: Any = self._connection.cursor()
        self._table = ""
        self._copy: Any = None
        self._open = ExitStack()

    def write(self, table: str, rows: Rows) -> None:
        if table != self._table:
            self._open.close()
            names = ", ".join(_NAMES[table])
            statement = f"COPY {self._schema}{table} ({names}) FROM STDIN (FORMAT BINARY)"
            self._table, self._copy = table, self._open.enter_context(self._cursor.copy(statement))
            self._copy.set_types(_TYPES[table])
        for row in rows:
            self._copy.write_row(row)

    def complete(self) -> None:
        """One connection makes one thing after another."""

    def finish(self) -> None:
        self._open.close()
        for statement in (*_INDEXING, *keys(self._tables, self._schema), *index(self._tables, self._schema)):
            self._cursor.execute(statement)
        for table in self._tables:
            self._cursor.execute(f"ANALYZE {self._schema}{table}")
        self._connection.commit()
        self._connection.close()

    def abandon(self) -> None:
        """What was not committed goes with the connection."""
        with suppress(Exception):  # a COPY whose connection is gone says so
            self._open.close()
        self._connection.close()


class PostgresSinks:
    """A `Sink` of two connections: cards and boxes are committed before the words, so that somebody can index them."""

    def __init__(self, url: str, schema: str, tables: Sequence[str]) -> None:
        """As `PostgresSink`; keys and indexes of cards and boxes are never its to make."""
        self._first = PostgresSink(url, schema, [])
        self._rest = PostgresSink(url, schema, tables)

    def write(self, table: str, rows: Rows) -> None:
        (self._first if table in COMPLETE_FIRST else self._rest).write(table, rows)

    def complete(self) -> None:
        self._first.finish()

    def finish(self) -> None:
        self._rest.finish()

    def abandon(self) -> None:
        self._first.abandon()
        self._rest.abandon()


@contextmanager
def _cursor(url: str) -> Iterator[Any]:
    with connect(url) as connection:
        yield connection.cursor()
