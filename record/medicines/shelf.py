"""The index over the edition in use, kept in memory and read again when another edition comes into use."""

import threading
from collections.abc import Iterable
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.db import Db
from record.medicines.import_bdpm import current_edition
from record.medicines.medicine import Medicine
from record.medicines.search import Index
from record.medicines.tables import medicine_packs, medicines

_LISTS = ("substances", "conditions", "groups", "shortage")
_FACTS = tuple(medicines.c[name] for name in Medicine.__dataclass_fields__)


class Shelf:
    """Where medicines are looked up. Without reference data there is no index, and everything goes on without it."""

    def __init__(self, db: Db) -> None:
        self._db, self._lock = db, threading.Lock()
        self._edition: int | None = None
        self._index: Index | None = None

    def index(self) -> Index | None:
        """The index of the edition in use; None when nothing was imported. Raises DatabaseDown."""
        edition = self._db.read(current_edition)
        with self._lock:
            if edition != self._edition:
                rows = self._db.read(load, edition) if edition is not None else ()
                self._index = Index(rows) if rows else None
                self._edition = edition
            return self._index

    def packs(self, cis: str) -> tuple[tuple[str, str], ...]:
        """(CIP13, label) of the marketed packs of a medicine, for the barcode that a pharmacy's software scans."""
        return self._db.read(_packs, cis)


def load(session: Session, edition: int) -> tuple[Medicine, ...]:
    """All medicines of an edition."""
    rows = session.execute(select(*_FACTS).where(medicines.c.edition == edition).order_by(medicines.c.cis))
    return tuple(medicine_of(row._mapping.items()) for row in rows)


def medicine_of(facts: Iterable[tuple[Any, Any]]) -> Medicine:
    """From the columns of a row."""
    columns: dict[str, Any] = {name: tuple(value.splitlines()) if name in _LISTS else value for name, value in facts}
    return Medicine(**columns)


def _packs(session: Session, cis: str) -> tuple[tuple[str, str], ...]:
    edition = current_edition(session)
    query = select(medicine_packs.c.cip13, medicine_packs.c.label).where(
        medicine_packs.c.edition == edition, medicine_packs.c.cis == cis, medicine_packs.c.marketed
    )
    return tuple((row.cip13, row.label) for row in session.execute(query.order_by(medicine_packs.c.cip13)))
