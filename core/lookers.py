"""A connection to read with that each thread keeps, for looks that are smaller than a trip to the pool."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError


class Lookers:
    """SQLite's are kept until `close`; PostgreSQL's may be lost at any moment, so the pool looks after them."""

    def __init__(self, engine: Engine) -> None:
        """`engine`: for SQLite one without a pool, which a thread that has gone would not give back to."""
        self._engine = engine
        self._keeps = engine.dialect.name == "sqlite"
        self._own = threading.local()
        self._all: list[Connection] = []

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """For one look, in no transaction yet. One that failed is not used again."""
        if not self._keeps:
            with self._engine.connect() as lent:
                yield lent
            return
        kept: Connection | None = getattr(self._own, "connection", None)
        if kept is None:
            kept = self._own.connection = self._engine.connect()
            self._all.append(kept)
        try:
            yield kept
        except DBAPIError:
            self._forget(kept)
            raise

    def close(self) -> None:
        """Nobody looks any more."""
        for connection in self._all:
            connection.close()
        self._all.clear()

    def _forget(self, kept: Connection) -> None:
        self._own.connection = None
        self._all.remove(kept)
        kept.close()
