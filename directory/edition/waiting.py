"""Entries that mail resolves, made while the mailboxes of a first extraction are read: on PostgreSQL they wait in a
table beside the edition until it is in use, and the server takes them from there."""

from collections.abc import Callable

from sqlalchemy import text
from sqlalchemy.orm import Session

from core.db import Db
from directory.edition.card import FIELD, SECTOR
from directory.edition.tables import WAITING
from directory.extracts.entry import NAMES
from directory.tables import directory_struck, entries

TYPES = tuple({"digital": "bool", "red_list": "bool", "rank": "int4"}.get(name, "text") for name in NAMES)
PAGES = 500  # of 8 KiB, some 15,000 entries: deliveries go on between two such batches
_SECTOR = f"COALESCE(split_part(cards.card, '{FIELD}', {SECTOR}), '')"  # which the mailboxes' extraction does not tell
_NEW = ", ".join(
    f"{name} = EXCLUDED.{name}"
    if name != "sector"
    else f"sector = COALESCE(NULLIF(EXCLUDED.sector, ''), {entries.name}.sector)"
    for name in NAMES[1:]
)
_TAKE = f"""
    INSERT INTO {entries.name} ({", ".join(NAMES)})
    SELECT {", ".join(_SECTOR if name == "sector" else f"w.{name}" for name in NAMES)}
    FROM {{schema}}.{WAITING} w LEFT JOIN {{schema}}.cards ON cards.key = NULLIF(w.structure_id, '')
    WHERE w.ctid >= CAST(:first AS tid) AND w.ctid < CAST(:end AS tid)
    AND w.national_id NOT IN (SELECT national_id FROM {directory_struck.name})
    ON CONFLICT (address) DO UPDATE SET {_NEW}
"""  # fmt: skip


def create_waiting(schema: str) -> str:
    """Not logged: whatever stops the server stops the import."""
    return f"CREATE UNLOGGED TABLE {schema}.{WAITING} AS TABLE {entries.name} WITH NO DATA"


def take_waiting(db: Db, schema: str, progress: Callable[[int], None]) -> None:
    """They become entries in batches, each durable; then nothing waits any more."""
    done = 0
    for first in range(0, db.read(_pages, schema), PAGES):
        done += db.run(_take, schema, first)
        progress(done)
    db.run(_forget, schema)


def _pages(session: Session, schema: str) -> int:
    query = text("SELECT pg_relation_size(CAST(:name AS regclass)) / current_setting('block_size')::int")
    return int(session.execute(query, {"name": f"{schema}.{WAITING}"}).scalar_one())


def _take(session: Session, schema: str, first: int) -> int:
    pages = {"first": f"({first},0)", "end": f"({first + PAGES},0)"}
    return int(session.connection().execute(text(_TAKE.format(schema=schema)), pages).rowcount)


def _forget(session: Session, schema: str) -> None:
    session.execute(text(f"DROP TABLE {schema}.{WAITING}"))
