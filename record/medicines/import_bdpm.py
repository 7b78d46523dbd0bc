"""An edition of the reference data into the database: written beside the one in use, then one row turns over.

Killed at any moment it leaves the edition in use as it was; what it had written goes with the next import.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Table, delete, insert, select, update
from sqlalchemy.orm import Session

from core.clock import epoch_ms
from core.db import Db
from core.errors import Temporary
from core.ids import new_id
from record.medicines.bdpm import Extract, Report, Row, read_folder
from record.medicines.tables import medicine_editions, medicine_packs, medicines

BATCH = 2000
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of it. `changed` is False when this very edition was in use already."""

    medicines: int
    packs: int
    changed: bool
    report: Report


def import_folder(db: Db, folder: Path, now: datetime, progress: Progress) -> Imported:
    """Read the files and put the edition into use. Raises BadInput, StorageFull, DatabaseDown."""
    extract = read_folder(folder)
    done = Imported(len(extract.medicines), len(extract.packs), True, extract.report)
    if db.read(current_edition, extract.digest):
        return Imported(done.medicines, done.packs, False, done.report)
    for other in db.read(_others):
        db.run(_remove, other)
    edition = new_id()
    _write(db, edition, extract, progress)
    for other in db.run(_turn_over, edition, epoch_ms(now)):
        db.run(_remove, other)
    return done


def current_edition(session: Session, digest: str = "") -> int | None:
    """The id of the edition in use; with `digest`, only if it is this one."""
    query = select(medicine_editions.c.id).where(medicine_editions.c.current)
    if digest:
        query = query.where(medicine_editions.c.digest == digest)
    return session.execute(query).scalar_one_or_none()


def _write(db: Db, edition: int, extract: Extract, progress: Progress) -> None:
    """Small transactions: mail goes on between them."""
    db.run(_announce, edition, extract)
    total, done = len(extract.medicines) + len(extract.packs), 0
    for table, rows in ((medicines, extract.medicines), (medicine_packs, extract.packs)):
        for batch in _batches(rows):
            db.run(_insert, table, edition, batch)
            done += len(batch)
            progress("medicines", done, total)


def _batches(rows: tuple[Row, ...]) -> Iterator[tuple[Row, ...]]:
    return (rows[at : at + BATCH] for at in range(0, len(rows), BATCH))


def _announce(session: Session, edition: int, extract: Extract) -> None:
    facts = {"digest": extract.digest, "medicines": len(extract.medicines), "packs": len(extract.packs)}
    session.execute(insert(medicine_editions), {"id": edition, "current": False, "imported_at": 0} | facts)


def _insert(session: Session, table: Table, edition: int, rows: tuple[Row, ...]) -> None:
    session.execute(insert(table), [row | {"edition": edition} for row in rows])


def _turn_over(session: Session, edition: int, at: int) -> list[int]:
    """From here on the new edition is the one in use; returns the ids of the others. Raises Temporary."""
    known = list(session.execute(select(medicine_editions.c.id)).scalars())
    if edition not in known:
        raise Temporary("another import was faster: try again", "edition removed by another import")
    others = [row for row in known if row != edition]
    session.execute(update(medicine_editions).values(current=False))
    session.execute(
        update(medicine_editions).where(medicine_editions.c.id == edition).values(current=True, imported_at=at)
    )
    return others


def _others(session: Session) -> list[int]:
    return list(session.execute(select(medicine_editions.c.id).where(~medicine_editions.c.current)).scalars())


def _remove(session: Session, edition: int) -> None:
    for table in (medicine_packs, medicines):
        session.execute(delete(table).where(table.c.edition == edition))
    session.execute(delete(medicine_editions).where(medicine_editions.c.id == edition))
