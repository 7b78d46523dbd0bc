"""Entries that mail resolves, made while the mailboxes of a first extraction are read: they wait beside the edition, on
SQLite in a file, on PostgreSQL in its schema, until it is in use. The database takes them from there: of half a million
Python sees none in the process that serves mail and searches."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from functools import partial
from itertools import cycle
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from core.db import Db
from core.ids import new_id
from directory.edition.tables import SECTORS, WAITING
from directory.extracts.entry import NAMES
from directory.tables import directory_struck, entries

TYPES = {
    WAITING: tuple({"digital": "bool", "red_list": "bool", "rank": "int4"}.get(name, "text") for name in NAMES),
    SECTORS: ("text", "text"),
}
ROWS = 4_000  # deliveries go on between two such batches
PAGES = 500  # of 8 KiB, some 15,000 entries
_NEW = ", ".join(
    f"{name} = EXCLUDED.{name}"
    if name != "sector"
    else f"sector = COALESCE(NULLIF(EXCLUDED.sector, ''), {entries.name}.sector)"
    for name in NAMES[1:]
)
_TAKE = f"""
    INSERT INTO {entries.name} ({", ".join(NAMES)})
    SELECT {", ".join("COALESCE(s.sector, '')" if name == "sector" else f"w.{name}" for name in NAMES)}
    FROM {{place}}.{WAITING} w LEFT JOIN {{place}}.{SECTORS} s ON s.structure = w.structure_id
    WHERE {{part}} AND w.national_id NOT IN (SELECT national_id FROM {directory_struck.name})
    ON CONFLICT (address) DO UPDATE SET {_NEW}
"""
_ROWS = "w.rowid >= :first AND w.rowid < :end"
_PAGES = "w.ctid >= CAST(:first AS tid) AND w.ctid < CAST(:end AS tid)"


def create_waiting(schema: str) -> tuple[str, ...]:
    """PostgreSQL's tables. Not logged: whatever stops the server stops the import."""
    return (
        f"CREATE UNLOGGED TABLE {schema}.{WAITING} AS TABLE {entries.name} WITH NO DATA",
        f"CREATE UNLOGGED TABLE {schema}.{SECTORS} (structure TEXT PRIMARY KEY, sector TEXT NOT NULL)",
    )


def take_from_file(db: Db, path: Path, rows: int, progress: Callable[[int], None]) -> bool:
    """They become entries in batches, each durable. False when there are not as many as `rows`: some are lost."""
    done, place = 0, f"{WAITING}{new_id()}"
    try:
        last = db.run(_attach, path, place)
        for first in range(1, last + 1, ROWS):
            done += db.run(_take, place, _ROWS, first, first + ROWS)
            progress(done)
        return last == rows
    finally:
        db.run(_detach)


def _attach(session: Session, path: Path, place: str) -> int:
    """Beside the database that the train writes; the last row's number. The name is new each time: an ATTACH outlives
    a transaction that fails."""
    connection = session.connection()
    connection.exec_driver_sql(f"ATTACH ? AS {place}", (str(path),))
    return int(connection.exec_driver_sql(f"SELECT COALESCE(MAX(rowid), 0) FROM {place}.{WAITING}").scalar_one())


def _detach(session: Session) -> None:
    """Whatever is attached. Where the driver prepared its BEGIN anew since, the transaction holds the file, and it
    stays attached until the next import tries."""
    connection = session.connection()
    for _, place, _ in connection.exec_driver_sql("PRAGMA database_list").all():
        if place.startswith(WAITING):
            with suppress(OperationalError):
                connection.exec_driver_sql(f"DETACH {place}")


def take_from_schema(db: Db, schema: str, rows: int, progress: Callable[[int], None]) -> bool:
    """The same on PostgreSQL, by two trains: one would use half of what the server has. A crash of the server empties
    what is not logged, whatever was taken of it: so it is counted last."""
    pages, done = db.read(_pages, schema), 0
    url = db.url.render_as_string(hide_password=False)
    with closing(Db.open(url)) as second, ThreadPoolExecutor(2, thread_name_prefix="take") as beside:
        parts = beside.map(partial(_take_pages, schema), cycle((db, second)), range(0, pages, PAGES))
        for taken in parts:
            done += taken
            progress(done)
    return db.read(_count, schema) == rows


def _take_pages(schema: str, db: Db, first: int) -> int:
    return db.run(_take, schema, _PAGES, f"({first},0)", f"({first + PAGES},0)")


def _pages(session: Session, schema: str) -> int:
    query = text("SELECT pg_relation_size(CAST(:name AS regclass)) / current_setting('block_size')::int")
    return int(session.execute(query, {"name": f"{schema}.{WAITING}"}).scalar_one())


def _count(session: Session, schema: str) -> int:
    return int(session.execute(text(f"SELECT COUNT(*) FROM {schema}.{WAITING}")).scalar_one())


def _take(session: Session, place: str, part: str, first: int | str, end: int | str) -> int:
    statement = text(_TAKE.format(place=place, part=part))
    return int(session.connection().execute(statement, {"first": first, "end": end}).rowcount)
