"""A patient's right to erasure: the keys are destroyed, here and in whatever is restored from an older backup.

The ledger of erased holders lies beside the keyring, not in the database: a restored database still has the wrapped
keys, and `pli restore` destroys again what the ledger names.
"""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from core.audit import Event, Trail
from core.clock import Clock
from core.db import Db
from core.durable import sync
from core.errors import BadInput
from directory.erasure import forget_patient
from directory.holders import destroy_holder
from directory.mailboxes import get_mailbox
from directory.patients import get_patient
from mail.blobs import Blobs
from mail.erasure import forget_mail
from mail.tables import accounts
from portal.tables import web_sessions
from record.erasure import forget_record

LEDGER = "erased"


class Eraser:
    """Erases patients, for the operator and for the patient's own page."""

    def __init__(self, db: Db, trail: Trail, blobs: Blobs, clock: Clock, ledger: Path) -> None:
        self._db, self._trail, self._blobs, self._clock, self._ledger = db, trail, blobs, clock, ledger

    def erase(self, patient_id: int, actor: str) -> None:
        """For good. `actor` is the account that asks, or "operator". Raises NotFound, OSError, DatabaseDown."""
        note(
            self._ledger, self._db.read(_holders, patient_id)
        )  # first: a crash in between erases too much, not too little
        for document_id in self._db.run(self._forget, patient_id, actor):
            self._blobs.discard(document_id)
        empty_log(self._db)

    def again(self) -> int:
        """Destroy the keys that the ledger names, after a restore; returns how many had come back."""
        return self._db.run(_destroy, noted(self._ledger))

    def _forget(self, session: Session, patient_id: int, actor: str) -> list[int]:
        patient, now = get_patient(session, patient_id), self._clock.now()
        holder_id = None
        if patient.mailbox_id is not None:
            holder_id = get_mailbox(session, patient.mailbox_id).holder_id
            mine = select(accounts.c.id).where(accounts.c.mailbox_id == patient.mailbox_id)
            session.execute(delete(web_sessions).where(web_sessions.c.account_id.in_(mine)))
            forget_mail(session, patient.mailbox_id, holder_id, now)
        files = forget_record(session, patient_id)
        forget_patient(session, patient, holder_id)
        self._trail.record(session, Event(actor, "patient.erase", "done", now, patient_id, patient.holder_id))
        return files


def note(ledger: Path, holder_ids: list[int]) -> None:
    """Append durably."""
    handle = os.open(ledger, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(handle, "a") as file:
        file.writelines(f"{holder_id}\n" for holder_id in holder_ids)
        file.flush()
        os.fsync(file.fileno())
    sync(ledger.parent)


def noted(ledger: Path) -> list[int]:
    """The holders that the ledger names. Raises BadInput when it is none."""
    if not ledger.exists():
        return []
    try:
        return sorted({int(line) for line in ledger.read_text().split()})
    except ValueError:
        raise BadInput(f"{ledger.name} is no ledger of erased holders") from None


def empty_log(db: Db) -> None:
    """SQLite: what was overwritten leaves the write-ahead log, too. PostgreSQL recycles its log by itself."""
    if db.url.get_backend_name() == "sqlite" and db.url.database:
        with closing(sqlite3.connect(db.url.database, timeout=10)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _holders(session: Session, patient_id: int) -> list[int]:
    patient = get_patient(session, patient_id)
    own = [] if patient.mailbox_id is None else [get_mailbox(session, patient.mailbox_id).holder_id]
    return [patient.holder_id, *own]


def _destroy(session: Session, holder_ids: list[int]) -> int:
    return sum(destroy_holder(session, holder_id) for holder_id in holder_ids)
