"""Where a new edition's rows go: here a fresh SQLite file. Nobody reads it before `finish`."""

import os
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

from directory.edition.tables import COLUMNS, WAITING_COLUMNS, create, create_waiting, index

Rows = Iterable[tuple[Any, ...]]
_FRESH = ("journal_mode=OFF", "synchronous=OFF", "locking_mode=EXCLUSIVE")
_NAMES = COLUMNS | WAITING_COLUMNS


class Sink(Protocol):
    """Takes rows of a table of `directory.edition.tables`, then makes everything durable."""

    def write(self, table: str, rows: Rows) -> None: ...

    def complete(self) -> None:
        """No more cards and boxes come: whoever indexes them may begin."""

    def finish(self) -> None: ...

    def abandon(self) -> None: ...


class SqliteSink:
    """A file written without journal: until it is finished it is nothing, and is removed when it fails."""

    def __init__(self, path: Path, waiting: Path | None = None) -> None:
        """`waiting`: the file of what waits beside the edition; it need not be durable."""
        self._path = path
        path.unlink(missing_ok=True)
        self._connection = sqlite3.connect(path, isolation_level=None, cached_statements=32)
        for pragma in ("page_size=8192", "cache_size=-131072", "temp_store=FILE", *_FRESH):
            self._connection.execute(f"PRAGMA {pragma}")
        if waiting:
            self._wait_in(waiting)
        for statement in ("BEGIN", *create("sqlite"), *(create_waiting() if waiting else ())):
            self._connection.execute(statement)

    def _wait_in(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        self._connection.execute("ATTACH ? AS waiting", (str(path),))
        for pragma in ("cache_size=-8192", *_FRESH):  # its rows come one after the other
            self._connection.execute(f"PRAGMA waiting.{pragma}")

    def write(self, table: str, rows: Rows) -> None:
        marks = ",".join("?" * len(_NAMES[table]))
        self._connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)

    def complete(self) -> None:
        """One connection makes one thing after another."""

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
