"""Where a new edition's rows go: a fresh SQLite file, or a fresh PostgreSQL schema. Nobody reads it before `finish`."""

import os
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import create_engine

from core import engines
from directory.edition.tables import COLUMNS, create, index

Rows = Iterable[tuple[Any, ...]]


class Sink(Protocol):
    """Takes rows of a table of `directory.edition.tables`, then makes everything durable."""

    def write(self, table: str, rows: Rows) -> None: ...

    def finish(self) -> None: ...

    def abandon(self) -> None: ...


class SqliteSink:
    """A file written without journal: until it is finished it is nothing, and is removed when it fails."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.unlink(missing_ok=True)
        self._connection = sqlite3.connect(path, isolation_level=None, cached_statements=32)
        for pragma in ("page_size=8192", "journal_mode=OFF", "synchronous=OFF", "cache_size=-131072",
                       "temp_store=FILE", "locking_mode=EXCLUSIVE"):  # fmt: skip
            self._connection.execute(f"PRAGMA {pragma}")
        for statement in ("BEGIN", *create("sqlite")):
            self._connection.execute(statement)

    def write(self, table: str, rows: Rows) -> None:
        names = COLUMNS[table]
        marks = ",".join("?" * len(names))
        self._connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)

    def finish(self) -> None:
        """Indexes, then the file and its name are on the disk."""
        for statement in index():
            self._connection.execute(statement)
        self._connection.execute("COMMIT")
        self._connection.close()
        for path in (self._path, self._path.parent):
            handle = os.open(path, os.O_RDONLY)
            os.fsync(handle)
            os.close(handle)

    def abandon(self) -> None:
        self._connection.close()
        self._path.unlink(missing_ok=True)


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

    def write(self, table: str, rows: Rows) -> None:
        names = ", ".join(COLUMNS[table])
        with self._cursor.copy(f"COPY {self._schema}{table} ({names}) FROM STDIN") as copy:
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
