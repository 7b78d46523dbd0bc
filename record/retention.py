"""Documents whose time in the record is over, by their class: taken out as if removed, each with its entry."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from core.audit import Trail
from core.clock import epoch_ms
from core.db import Db
from core.errors import NotFound
from crypto.keyring import Keyring
from mail.blobs import Blobs
from record.documents import FILED, SUPERSEDED, DocumentRow, document_key, open_meta, rows_of
from record.masking import take_out
from record.pack.codes import class_of
from record.tables import documents

OTHERS = "other"  # for classes that have no number of their own
BATCH = 200


class Retention:
    """The nightly chore. `years` by class code (TRE_A03), OTHERS for the rest; what is not named stays for ever."""

    def __init__(self, db: Db, keyring: Keyring, trail: Trail, blobs: Blobs, years: Mapping[str, int]) -> None:
        self._db, self._keyring, self._trail, self._blobs, self._years = db, keyring, trail, blobs, years

    def run(self, now: datetime) -> int:
        """How many were taken out. Only documents older than the shortest time are opened, for their class alone."""
        if not self._years:
            return 0
        oldest = epoch_ms(now - timedelta(days=365 * min(self._years.values())))
        after, gone = (0, 0), 0
        while rows := self._db.read(_batch, oldest, after):
            over = [row for row in rows if self._is_over(row, now)]
            for file in self._db.run(self._take_out, over, now) if over else ():
                self._blobs.discard(file)
            gone += len(over)
            after = (rows[-1].filed_at, rows[-1].id)
        return gone

    def _is_over(self, row: DocumentRow, now: datetime) -> bool:
        try:
            kind = class_of(self._db.read(self._type, row))
        except NotFound:
            return False
        years = self._years.get(kind, self._years.get(OTHERS))
        return years is not None and row.filed_at <= epoch_ms(now - timedelta(days=365 * years))

    def _type(self, session: Session, row: DocumentRow) -> str:
        return open_meta(session, document_key(session, self._keyring, row), row.id).type_code

    def _take_out(self, session: Session, rows: list[DocumentRow], now: datetime) -> list[int]:
        return [file for row in rows for file in take_out(session, self._trail, row, "worker", "retention", now)]


def _batch(session: Session, oldest: int, after: tuple[int, int]) -> tuple[DocumentRow, ...]:
    kept = documents.c.state.in_((FILED, SUPERSEDED))
    at, number = after
    following = (documents.c.filed_at > at) | ((documents.c.filed_at == at) & (documents.c.id > number))
    return rows_of(session, kept, documents.c.filed_at <= oldest, following)[:BATCH]
