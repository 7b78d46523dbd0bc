"""A new edition's rows into a fresh PostgreSQL schema. By itself: what it needs takes half a second to load."""

from typing import Any

from sqlalchemy import create_engine

from core import engines
from directory.edition.sinks import Rows
from directory.edition.tables import COLUMNS, create, index

# Binary, so that no text is looked through for what must be escaped and no octet is written as two figures.
_TYPES = {
    "lines": ("int8", "text", "text", "text", "text"),
    "cards": ("int8", "text", "text"),
    "words": ("int8", "text", "int8", "bytea"),
    "neighbours": ("int8", "text"),
    "boxes": ("text", "int8"),
    "facts": ("text", "text"),
}


class PostgresSink:
    """A schema filled by COPY in one transaction."""

    def __init__(self, url: str, schema: str) -> None:
        self._schema = f"{schema}."
        self._engine = create_engine(engines.parse(url))
        self._pooled = self._engine.raw_connection()
        self._cursor: Any = self._pooled.cursor()
        self._cursor.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
        for statement in (f"CREATE SCHEMA {schema}", *create("postgresql", self._schema)):
            self._cursor.execute(statement)
        # Maps and lists of numbers: to squeeze them takes longer than it spares.
        self._cursor.execute(f"ALTER TABLE {self._schema}words ALTER COLUMN postings SET STORAGE EXTERNAL")

    def write(self, table: str, rows: Rows) -> None:
        names = ", ".join(COLUMNS[table])
        with self._cursor.copy(f"COPY {self._schema}{table} ({names}) FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types(_TYPES[table])
            for row in rows:
                copy.write_row(row)

    def finish(self) -> None:
        self._cursor.execute("SET LOCAL maintenance_work_mem = '256MB'")
        for statement in index(self._schema):
            self._cursor.execute(statement)
        for table in COLUMNS:
            self._cursor.execute(f"ANALYZE {self._schema}{table}")
        self._pooled.commit()
        self._pooled.close()
        self._engine.dispose()

    def abandon(self) -> None:
        self._pooled.rollback()
        self._pooled.close()
        self._engine.dispose()
