"""`pli migrate`: brings a database to the schema of this version, in one transaction. Going back is a restore.

Two processes that migrate at once wait for each other: SQLite by its write lock, PostgreSQL by an advisory lock.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.resources import files

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection, MetaData, inspect, text
from sqlalchemy.exc import DBAPIError

import directory.tables  # noqa: F401  each room's tables stand on the one MetaData
import instant.tables  # noqa: F401
import mail.collect_tables
import mail.relay_tables
import mail.tables  # noqa: F401
import portal.tables  # noqa: F401
import record.medicines.tables
import record.tables  # noqa: F401
from core import engines
from core.errors import DatabaseDown, Permanent, Refused
from core.tables import metadata

_LOCK = 0x506C69  # "Pli"


def schema() -> MetaData:
    """All tables of this version."""
    return metadata


def head() -> str:
    """The revision that this version's code works with."""
    return ScriptDirectory.from_config(_config()).get_current_head() or ""


def current(url: str) -> str | None:
    """The revision of the database; None when it is empty. Raises DatabaseDown, Permanent (tables without revision)."""
    with _transaction(url) as connection:
        return _revision(connection)


def check(url: str) -> None:
    """Raises Refused where the tables are of another version, whose rows would be answered with failures; Permanent as
    `current`. A database that is down is waited for elsewhere."""
    with suppress(DatabaseDown):
        if current(url) != head():
            raise Refused("the database is of another version of Pli: run `pli migrate` first")


def upgrade(url: str) -> str:
    """Bring it to `head()` and return that; harmless when it is there already.

    Raises DatabaseDown, StorageFull; Permanent for tables that no migration made, or a database of a newer version.
    """
    with _transaction(url) as connection:
        _wait_for_others(connection)
        _revision(connection)
        config = _config()
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise Permanent("the database was made by another version", "unknown revision") from error
        return _revision_after(connection)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(files("ops").joinpath("migrations")).replace("%", "%%"))
    return config


@contextmanager
def _transaction(url: str) -> Iterator[Connection]:
    engine = engines.writer_engine(engines.parse(url))
    try:
        with engine.begin() as connection:
            yield connection
    except DBAPIError as error:
        raise engines.translate(error) from error
    finally:
        engine.dispose()


def _wait_for_others(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


def _revision_after(connection: Connection) -> str:
    """Asked inside the transaction: what is answered is what is committed."""
    return _revision(connection) or ""


def _revision(connection: Connection) -> str | None:
    found = MigrationContext.configure(connection).get_current_revision()
    if found is None and inspect(connection).has_table("counters"):
        raise Permanent("the database has tables that no migration made", "tables without a revision")
    return found
