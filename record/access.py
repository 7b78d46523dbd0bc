"""Reading the record. Each read is written into the trail, durably, before any data leaves; no trail, no data.

Who may read, and why, is decided in `record.rights`; the ground stands in the entry. `record.visibility` says what is
hidden from whom.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.audit import Event, Trail
from core.clock import Clock
from core.db import Db
from core.errors import NotFound, Refused
from core.tables import audit
from crypto.keyring import Keyring
from directory.mailboxes import get_mailbox
from directory.patients import get_patient
from mail.blobs import Blobs
from record.documents import (
    AWAITING,
    FILED,
    DocumentMeta,
    DocumentRow,
    document_key,
    get_row,
    open_content,
    open_meta,
    open_text,
    rows_of,
)
from record.reconcile import waiting_for
from record.rights import Emergency, Reader, Rights, held_of, holds, is_shown
from record.tables import documents
from record.visibility import Ground, is_visible

__all__ = ["ALLOWED", "NOT_FOUND", "REFUSED", "ReadDocument", "Reader", "Records", "Shown", "Trace"]
ALLOWED, REFUSED, NOT_FOUND = "allowed", "refused", "not_found"
SEARCH = "record.search"
_WHOLE = frozenset(Ground) - {Ground.MESSAGE}  # grounds on which a record is seen as a whole
Verdict = tuple[str, Ground | None]


@dataclass(frozen=True, slots=True, repr=False)
class Shown:
    """A row with its unsealed meta-data; None where nothing was kept."""

    row: DocumentRow
    meta: DocumentMeta | None


@dataclass(frozen=True, slots=True, repr=False)
class ReadDocument:
    row: DocumentRow
    meta: DocumentMeta
    content: bytes


@dataclass(frozen=True, slots=True)
class Trace:
    """One entry of the trail that concerns a patient. `detail` is the ground of a reading."""

    seq: int
    at: int
    actor: str
    action: str
    ref: int | None
    outcome: str
    detail: str


class Records:
    """The one way to read documents."""

    def __init__(
        self,
        db: Db,
        keyring: Keyring,
        trail: Trail,
        blobs: Blobs,
        clock: Clock,
        emergency: Emergency | None = None,
    ) -> None:
        self._db, self._keyring, self._trail, self._blobs, self._clock = db, keyring, trail, blobs, clock
        self._rights = Rights(keyring, emergency)

    def read(self, reader: Reader, document_id: int) -> ReadDocument:
        """One document with its content. Raises Refused, NotFound; both are in the trail, too."""
        self._settle(self._db.run(self._trace_read, reader, document_id)[0])
        return self._db.read(self._open, document_id)

    def describe(self, reader: Reader, document_id: int) -> Shown:
        """What is known of one document, without its content. Traced as a reading. Raises Refused, NotFound."""
        self._settle(self._db.run(self._trace_read, reader, document_id)[0])
        (found,) = self._db.read(self._shown, documents.c.id == document_id)
        return found

    def list(self, reader: Reader, patient_id: int, action: str = "record.list") -> tuple[Shown, ...]:
        """The patient's record as this reader may see it: what is filed, and for the patient what waits for consent.

        `action` is the word for the trail. Raises Refused, NotFound.
        """
        outcome, ground = self._db.run(self._trace_list, reader, patient_id, action)
        self._settle(outcome)
        kept = documents.c.state.in_((FILED, AWAITING))
        found = self._db.read(self._shown, documents.c.patient_id == patient_id, kept)
        return tuple(
            each for each in found if ground and is_visible(each.row.mask, ground) and is_shown(each.row, ground)
        )

    def about(self, reader: Reader, patient_id: int, action: str = "record.list") -> tuple[Shown, ...]:
        """As `list`; and for whoever has no access to the record what the messages of their mailbox brought.

        Raises Refused, NotFound.
        """
        outcome, ground = self._db.run(self._trace_list, reader, patient_id, action, True)
        self._settle(outcome)
        return self._db.read(self._about, reader, patient_id, ground) if ground else ()

    def news(self, reader: Reader, since: Mapping[int, int]) -> dict[int, int]:
        """Patient → how many documents came since (epoch, ms) that this reader may see; those with none are left out.

        Counting is reading: an entry for each record that was looked into.
        """
        grounds = self._db.run(self._trace_news, reader, since)
        found = {one: self._db.read(self._count_about, reader, one, ground, since[one]) for one, ground in grounds}
        return {one: count for one, count in found.items() if count}

    def texts(self, reader: Reader, patient_id: int) -> tuple[tuple[Shown, str], ...]:
        """The words of each document that this reader may see, for a search. Raises Refused, NotFound."""
        return tuple((each, self._db.read(self._text, each.row)) for each in self.list(reader, patient_id, SEARCH))

    def traces(self, reader: Reader, patient_id: int, most: int = 500) -> tuple[Trace, ...]:
        """Who read or changed the record, newest first; others than the patient's side see what they did themselves.

        Raises Refused, NotFound.
        """
        outcome, ground = self._db.run(self._trace_list, reader, patient_id, "record.readers")
        self._settle(outcome)
        found = self._db.read(_traces, patient_id, most)
        is_own = ground in (Ground.OWN, Ground.REPRESENTATIVE)
        return tuple(each for each in found if is_own or each.actor == reader.actor)

    def ground(self, reader: Reader, patient_id: int) -> Ground | None:
        """On what ground this reader would see the record; nothing is read, so nothing is traced. Raises NotFound."""
        return self._db.read(
            lambda session: self._rights.of_record(session, reader, get_patient(session, patient_id), self._clock.now())
        )

    def to_reconcile(self, reader: Reader) -> tuple[Shown, ...]:
        """What waits for a person's eye among the messages of the reader's mailbox."""
        waiting = self._db.run(self._trace_waiting, reader)
        return self._db.read(self._shown, documents.c.id.in_([row.id for row in waiting]))

    def of_message(self, reader: Reader, message_id: int) -> tuple[Shown, ...]:
        """What became of the attachments of a message that the reader's mailbox holds. Raises NotFound."""
        self._settle(self._db.run(self._trace_message, reader, message_id))
        return self._db.read(self._shown, documents.c.message_id == message_id)

    def _settle(self, outcome: str) -> None:
        if outcome == NOT_FOUND:
            raise NotFound("document introuvable", "no such document")
        if outcome == REFUSED:
            raise Refused("vous n'avez pas accès à ce document", "access refused")

    def _trace_read(self, session: Session, reader: Reader, document_id: int) -> Verdict:
        """Unit of work: decides and writes the trail; it never raises for a refusal, or the trail would be undone."""
        row = get_row(session, document_id)
        ground = self._rights.of_document(session, reader, row, self._clock.now()) if row else None
        outcome = NOT_FOUND if row is None else _verdict(ground)
        self._record(session, reader, "document.read", outcome, document_id, row.patient_id if row else None, ground)
        return outcome, ground

    def _trace_list(
        self, session: Session, reader: Reader, patient_id: int, action: str, with_messages: bool = False
    ) -> Verdict:
        try:
            patient = get_patient(session, patient_id)
        except NotFound:
            self._record(session, reader, action, NOT_FOUND, patient_id, None)
            return NOT_FOUND, None
        ground = self._rights.of_record(session, reader, patient, self._clock.now())
        if ground is None and with_messages and held_of(session, reader, patient_id):
            ground = Ground.MESSAGE
        self._record(session, reader, action, _verdict(ground), patient_id, patient_id, ground)
        return _verdict(ground), ground

    def _trace_news(self, session: Session, reader: Reader, since: Mapping[int, int]) -> tuple[tuple[int, Ground], ...]:
        verdicts = [(one, self._trace_list(session, reader, one, "record.news", True)[1]) for one in since]
        return tuple((one, ground) for one, ground in verdicts if ground)

    def _about(self, session: Session, reader: Reader, patient_id: int, ground: Ground) -> tuple[Shown, ...]:
        rows = _rows_about(session, reader, patient_id, ground)
        return tuple(Shown(row, self._meta(session, row)) for row in rows)

    def _count_about(self, session: Session, reader: Reader, patient_id: int, ground: Ground, since: int) -> int:
        return sum(row.filed_at > since for row in _rows_about(session, reader, patient_id, ground))

    def _trace_waiting(self, session: Session, reader: Reader) -> tuple[DocumentRow, ...]:
        found = waiting_for(session, get_mailbox(session, reader.mailbox_id).holder_id)
        for row in found:
            self._record(session, reader, "document.show", ALLOWED, row.id, row.patient_id, Ground.MESSAGE)
        return found

    def _trace_message(self, session: Session, reader: Reader, message_id: int) -> str:
        outcome = ALLOWED if holds(session, reader, message_id) else NOT_FOUND
        self._record(session, reader, "message.documents", outcome, message_id, None)
        return outcome

    def _record(
        self,
        session: Session,
        reader: Reader,
        action: str,
        outcome: str,
        ref: int,
        patient_id: int | None,
        ground: Ground | None = None,
    ) -> None:
        holder_id = get_patient(session, patient_id).holder_id if patient_id else None
        detail = ground.value if ground else ""
        self._trail.record(session, Event(reader.actor, action, outcome, self._clock.now(), ref, holder_id, detail))

    def _open(self, session: Session, document_id: int) -> ReadDocument:
        row = get_row(session, document_id)
        if row is None:
            raise NotFound("document introuvable", "no such document")
        key = document_key(session, self._keyring, row)
        content = open_content(session, key, row.id, self._blobs)
        return ReadDocument(row, open_meta(session, key, row.id), content)

    def _text(self, session: Session, row: DocumentRow) -> str:
        try:
            return open_text(session, document_key(session, self._keyring, row), row.id)
        except NotFound:
            return ""

    def _shown(self, session: Session, *conditions: object) -> tuple[Shown, ...]:
        return tuple(Shown(row, self._meta(session, row)) for row in rows_of(session, *conditions))

    def _meta(self, session: Session, row: DocumentRow) -> DocumentMeta | None:
        try:
            return open_meta(session, document_key(session, self._keyring, row), row.id)
        except NotFound:
            return None


def _rows_about(session: Session, reader: Reader, patient_id: int, ground: Ground) -> Iterator[DocumentRow]:
    """What this reader may see of a patient, whatever waits for consent only where their own mailbox received it."""
    held = held_of(session, reader, patient_id)
    for row in rows_of(session, documents.c.patient_id == patient_id, documents.c.state.in_((FILED, AWAITING))):
        if row.id in held or (ground in _WHOLE and is_visible(row.mask, ground) and is_shown(row, ground)):
            yield row


def _traces(session: Session, patient_id: int, most: int) -> tuple[Trace, ...]:
    columns = [audit.c[name] for name in Trace.__slots__]
    mine = audit.c.holder_id == get_patient(session, patient_id).holder_id
    query = select(*columns).where(mine).order_by(audit.c.seq.desc()).limit(most)
    return tuple(Trace(*row) for row in session.execute(query))


def _verdict(ground: Ground | None) -> str:
    return ALLOWED if ground else REFUSED
