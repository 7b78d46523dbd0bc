"""PostgreSQL asked by single SELECTs, many a second: no transaction, no look at the connection before each, octets as
octets. SQLAlchemy's way through pool and result costs several times what such a statement takes the server."""

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from sqlalchemy.engine import URL

from core.engines import pg_arguments, pg_words

# Such statements are planned once, by key or by range; none is worth compiling.
OPTIONS = "-c default_transaction_read_only=on -c plan_cache_mode=force_generic_plan -c jit=off"


class Asking:
    """A few connections, the latest used one first. Any number of threads may ask."""

    def __init__(self, url: URL, most: int) -> None:
        self._dsn = url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._turn = threading.BoundedSemaphore(most)
        self._idle: deque[psycopg.Connection] = deque()

    def rows(self, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        """`%s` stands for a value. What goes wrong on a connection of before is asked again on a fresh one. Raises
        DatabaseDown."""
        with self._turn:
            try:
                try:
                    return self._asked(sql, values)
                except psycopg.OperationalError:
                    self.close()
                    return self._asked(sql, values)
            except psycopg.Error as error:
                raise pg_words(error.sqlstate) from error

    def close(self) -> None:
        """Of those in use nobody knows; who asks next opens a fresh one."""
        while self._idle:
            self._idle.pop().close()

    def _asked(self, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        with self._connection() as connection, connection.cursor(binary=True) as cursor:
            return cursor.execute(sql.encode(), values).fetchall()

    @contextmanager
    def _connection(self) -> Iterator[psycopg.Connection]:
        """One that failed is not used again."""
        connection = self._idle.pop() if self._idle else self._fresh()
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)

    def _fresh(self) -> psycopg.Connection:
        return psycopg.connect(self._dsn, autocommit=True, options=OPTIONS, prepare_threshold=0, **pg_arguments())
