"""Connections to SQLite and PostgreSQL, set so that a commit is durable, and their errors in our words."""

from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.pool import NullPool

from core.errors import DatabaseDown, PliError, StorageFull
from core.statements import execute

READERS = 12
CONNECT_WAIT_S = 3
GONE_AFTER_MS = 25_000
BUSY_WAIT_MS = 5_000
CHECKPOINT_PAGES = 4_000  # 16 MiB: a page that is written often goes from the log to the database once in a while
CACHE_KIB = 32 * 1024  # the writer puts new entries all over a few indexes; with 2 MiB it reads their pages again
PREPARED = 512  # statements that the writer keeps: an INSERT for each number of rows

_SQLITE_FULL = 13
_SQLITE_IOERR = 10
_SQLITE_IOERR_NO_ROOM = {4874, 5386}  # SHMSIZE, SHMMAP: seen when the disk has no room for the index file
_PG_DISK_FULL = "53100"
_PG_TRY_AGAIN = {"40001", "40P01"}  # serialization failure, deadlock


class StoreBroken(DatabaseDown):
    """A sync failed: what was written is unknown, nothing may be acknowledged any more; the process must restart."""


def parse(url: str) -> URL:
    """The database's URL; PostgreSQL always by psycopg 3."""
    parsed = make_url(url)
    return parsed.set(drivername="postgresql+psycopg") if parsed.get_backend_name() == "postgresql" else parsed


def writer_engine(url: URL) -> Engine:
    """One connection, held by the commit train."""
    if url.get_backend_name() != "sqlite":
        return create_engine(url, pool_size=1, max_overflow=0, hide_parameters=True, connect_args=pg_arguments())
    arguments = {"check_same_thread": False, "cached_statements": PREPARED}
    engine = create_engine(url, pool_size=1, max_overflow=0, hide_parameters=True, connect_args=arguments)
    pragmas = (
        "PRAGMA secure_delete=ON",
        f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}",
        f"PRAGMA cache_size=-{CACHE_KIB}",
    )
    _own_transactions(engine, "BEGIN IMMEDIATE", pragmas)
    return engine


def reader_engine(url: URL) -> Engine:
    """Snapshot connections that cannot write."""
    if url.get_backend_name() != "sqlite":
        arguments = pg_arguments()
        arguments["options"] = "-c default_transaction_read_only=on -c default_transaction_isolation=repeatable\\ read"
        return create_engine(url, pool_size=READERS, pool_pre_ping=True, hide_parameters=True, connect_args=arguments)
    return _sqlite_readers(url, pool_size=READERS)


def looker_engine(url: URL, readers: Engine) -> Engine:
    """The same for connections that are kept by who uses them; for PostgreSQL the pool of `readers`."""
    return readers if url.get_backend_name() != "sqlite" else _sqlite_readers(url, poolclass=NullPool)


def _sqlite_readers(url: URL, **pool: Any) -> Engine:
    engine = create_engine(url, hide_parameters=True, connect_args={"check_same_thread": False}, **pool)
    # Readers never checkpoint: only the writer moves the WAL.
    _own_transactions(engine, "BEGIN", ("PRAGMA query_only=ON", "PRAGMA wal_autocheckpoint=0"))
    return engine


def pg_arguments() -> dict[str, Any]:
    """A host that has vanished is noticed within seconds, whether we wait for it or have something to send."""
    gone = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": GONE_AFTER_MS}
    return {"connect_timeout": CONNECT_WAIT_S, "application_name": "pli", **gone}


def _own_transactions(engine: Engine, begin: str, pragmas: tuple[str, ...]) -> None:
    """The driver's own BEGIN comes too late for SAVEPOINT and for snapshots: we say it."""

    @event.listens_for(engine, "connect")
    def connect(raw: Any, _record: Any) -> None:
        raw.isolation_level = None
        for pragma in (
            "PRAGMA journal_mode=WAL",
            "PRAGMA synchronous=FULL",
            "PRAGMA foreign_keys=ON",
            "PRAGMA temp_store=MEMORY",  # else savepoints keep pages in files of the system's temporary folder
            f"PRAGMA busy_timeout={BUSY_WAIT_MS}",
            *pragmas,
        ):
            raw.execute(pragma)

    @event.listens_for(engine, "begin")
    def start(connection: Any) -> None:
        execute(connection, begin, ())


def translate(error: BaseException) -> BaseException:
    """The error in our words; integrity errors and foreign exceptions pass unchanged."""
    if not isinstance(error, DBAPIError) or not isinstance(error, OperationalError | InterfaceError):
        return error
    code = getattr(error.orig, "sqlite_errorcode", None)
    return _sqlite_words(code) if code is not None else pg_words(getattr(error.orig, "sqlstate", None))


def _sqlite_words(code: int) -> PliError:
    if code & 0xFF == _SQLITE_FULL or code in _SQLITE_IOERR_NO_ROOM:
        return StorageFull("no room to store this now", f"sqlite error {code}")
    if code & 0xFF == _SQLITE_IOERR:
        return StoreBroken("storage is not available", f"sqlite input/output error {code}")
    return DatabaseDown("the database does not answer", f"sqlite error {code}")


def pg_words(state: str | None) -> PliError:
    """A state of PostgreSQL (SQLSTATE), or none, in our words."""
    if state == _PG_DISK_FULL:
        return StorageFull("no room to store this now", "postgresql: disk full")
    return DatabaseDown("the database does not answer", f"postgresql: {state or 'connection lost'}")


def is_collision(error: BaseException) -> bool:
    """Two processes met: the same work, tried again, will pass."""
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) in _PG_TRY_AGAIN
