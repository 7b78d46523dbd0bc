"""PostgreSQL's own connection, for long work that rides no train: a COPY, a transaction of its own."""

import psycopg
from sqlalchemy.engine import make_url

from core.engines import pg_arguments


def connect(url: str) -> psycopg.Connection:
    """As a context manager it commits or undoes, and closes. Raises psycopg.Error."""
    dsn = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(dsn, **pg_arguments())
