"""`record.file`: the attachments of a delivered message go into the patient's record, once however often it runs.

Opened, judged and sealed first; then one unit of work decides consent and repeats, and writes rows, promises and trail.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core import outbox
from core.audit import Event, Trail
from core.clock import Clock, epoch_ms
from core.db import Db, tally
from core.errors import NotFound
from core.freight import Freight, Row
from core.ids import new_id
from core.tables import audit
from crypto.keyring import Keyring
from crypto.verdict import Verdict
from directory.mailboxes import find_mailbox
from directory.resolve import is_pharmacy
from mail.blobs import Blobs
from record import consent
from record.candidates import Candidate, Piece, Subject, open_pieces, prepare, unsigned
from record.documents import AWAITING, DUPLICATE, FILED, RECONCILE, REFUSED, DocumentMeta, own_id_blind, rows_of
from record.identity import accepted_oids
from record.letters import Letter, Letters
from record.replacing import promise, replaced_by, supersede
from record.survey import Survey, survey
from record.tables import documents
from record.unpack import Taken
from record.visibility import mask_said

FILE_KIND = "record.file"
DRAFT_KIND = "order.draft"
WORKER = "worker"
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class FilingRules:
    """The operator's choices. `consent_for_own`: ask even for what patients send themselves."""

    taken: Taken = field(default_factory=Taken)
    oids: frozenset[str] = field(default_factory=lambda: accepted_oids(False))
    consent_for_own: bool = False


@dataclass(frozen=True, slots=True)
class Filed:
    """What one run wrote: (document id, part, state, reason); nothing when all of it was there."""

    rows: tuple[tuple[int, str, str, str], ...] = ()
    draft_promised: bool = False


class FileMessage:
    """The handler of `record.file`; its ref is a message id."""

    def __init__(
        self,
        db: Db,
        keyring: Keyring,
        trail: Trail,
        clock: Clock,
        letters: Letters,
        blobs: Blobs,
        rules: FilingRules,
        pdf_judge: Callable[[bytes, datetime], Verdict] | None = None,
    ) -> None:
        """`pdf_judge`: a PDF's octets and the time → the verdict on its own signature."""
        self._db, self._keyring, self._trail, self._clock = db, keyring, trail, clock
        self._letters, self._blobs, self._rules, self._pdf_judge = letters, blobs, rules, pdf_judge

    def __call__(self, message_id: int) -> None:
        """Raises Temporary to be tried again; a message that is gone is no failure."""
        try:
            letter = self._letters.open(message_id)
        except NotFound:
            log.info("record.message_gone", message_id=message_id)
            return
        self.file(letter)

    def file(self, letter: Letter) -> Filed:
        """Harmless twice, and twice at once: the second to come finds the rows of the first."""
        pieces = open_pieces(letter, self._rules.taken)
        if not pieces:
            return Filed()
        known = self._db.read(survey, self._keyring, letter, pieces)
        if known.subject is None:
            return self._db.run(self._reconcile_all, letter, pieces) if known.several else Filed()
        try:
            return self._once(letter, pieces, known.subject, known)
        except IntegrityError:  # another worker was faster
            return self._once(letter, pieces, known.subject, None)

    def _once(self, letter: Letter, pieces: tuple[Piece, ...], subject: Subject, known: Survey | None) -> Filed:
        rules, keyring = self._rules, self._keyring
        candidates = prepare(pieces, letter.verdict, subject, keyring, rules.oids, self._blobs, self._judged)
        try:
            rows = self._plain(letter, subject, candidates, known) if known else None
            filed, kept = self._load(rows, subject) if rows else self._db.run(self._write, letter, subject, candidates)
        except IntegrityError:
            self._discard(candidates, frozenset())
            raise
        # After any other failure the commit's outcome is unknown: files stay, the sweep at the start sorts them out.
        self._discard(candidates, kept)
        log.info("record.filed", message_id=letter.message_id, states=[row[2] for row in filed.rows])
        return filed

    def _judged(self, data: bytes) -> Verdict:
        return self._pdf_judge(data, self._clock.now()) if self._pdf_judge else unsigned(data)

    def _plain(
        self, letter: Letter, subject: Subject, candidates: tuple[Candidate, ...], known: Survey
    ) -> list[Row] | None:
        """The rows where nothing but rows has to be written, which the train merges with others'; else None.

        The patient's answer may change in between: then these were filed a moment before it. What else may change ends
        in a unique key, and is decided again.
        """
        new = [each for each in candidates if each.part not in known.there]
        blinds = [each.blind for each in new if each.blind]
        if not new or known.same & set(blinds) or len(set(blinds)) < len(blinds):
            return None
        rows = []
        for each in new:
            row = self._of(letter.message_id, subject, each)
            if not row["state"]:
                row |= self._by_consent(subject, known.filing)
            is_plain = row["state"] and not (each.meta and each.meta.replaces and row["state"] == FILED)
            if not is_plain or (each.orderable and _may_order(row)):
                return None
            rows.append(row | _content(each, row))
        return rows

    def _by_consent(self, subject: Subject, state: str) -> Row:
        """Empty where the patient has to be asked."""
        if state == consent.DENIED:
            return {"state": REFUSED, "reason": "consent"}
        is_agreed = (subject.own and not self._rules.consent_for_own) or state == consent.GRANTED
        return {"state": FILED} if is_agreed else {}

    def _load(self, rows: list[Row], subject: Subject) -> tuple[Filed, frozenset[int]]:
        events = [self._trail.row(self._event(row, subject.patient.holder_id)) for row in rows]
        self._db.load(Freight({documents: rows, audit: events}, tallies={"documents": len(rows)}))
        return Filed(_facts(rows)), _files(rows)

    def _discard(self, candidates: tuple[Candidate, ...], kept: frozenset[int]) -> None:
        for candidate in candidates:
            if candidate.sealed and candidate.sealed.storage == "file" and candidate.id not in kept:
                self._blobs.discard(candidate.id)

    def _write(
        self, session: Session, letter: Letter, subject: Subject, candidates: tuple[Candidate, ...]
    ) -> tuple[Filed, frozenset[int]]:
        """Unit of work. Returns what was written, and the ids whose content a row now holds."""
        there = {row.part for row in rows_of(session, documents.c.message_id == letter.message_id)}
        written: list[Row] = []
        orderable = False
        for candidate in candidates:
            if candidate.part not in there:
                row = self._decide(session, subject, candidate, letter.message_id)
                session.execute(insert(documents), row)
                self._trace(session, row, subject.patient.holder_id)
                written.append(row)
                orderable |= candidate.orderable and _may_order(row)
        tally(session, "documents", len(written))
        promised = orderable and self._promise_draft(session, letter)
        return Filed(_facts(written), promised), _files(written)

    def _decide(self, session: Session, subject: Subject, candidate: Candidate, message_id: int) -> Row:
        """The row, by judgement first, then repeat, then consent."""
        row = self._of(message_id, subject, candidate)
        if not candidate.judgement.state:
            row |= self._placed(session, subject, candidate)
        if row["state"] in (FILED, AWAITING) and candidate.meta:
            row |= self._replacing(session, subject, candidate.meta, row)
        return row | _content(candidate, row)

    def _of(self, message_id: int, subject: Subject, candidate: Candidate) -> Row:
        """The row as far as the document itself decides it."""
        row = self._row(message_id, candidate.part, candidate.judgement.state, candidate.judgement.reason)
        row |= {"id": candidate.id, "patient_id": subject.patient.id, "content_blind": candidate.blind}
        if candidate.meta:
            row["id_blind"] = own_id_blind(self._keyring, subject.patient.id, candidate.meta.document_id)
            row["mask"] = int(mask_said(candidate.meta.confidentiality))
        return row

    def _placed(self, session: Session, subject: Subject, candidate: Candidate) -> Row:
        same = rows_of(
            session,
            documents.c.patient_id == subject.patient.id,
            documents.c.content_blind == candidate.blind,
            documents.c.state.in_((FILED, AWAITING)),
        )
        if same:
            return {"state": DUPLICATE, "reason": "same_content", "same_as": same[0].id}
        known = consent.find(session, subject.patient.id, consent.FILING)
        decided = self._by_consent(subject, known.state if known else "")
        if decided:
            return decided
        consent.ask(session, subject.patient.id, consent.FILING, self._clock.now())
        return {"state": AWAITING}

    def _replacing(self, session: Session, subject: Subject, meta: DocumentMeta, row: Row) -> Row:
        """An earlier version is no longer current; a person decides where this author may not replace it."""
        found = replaced_by(session, self._keyring, subject.patient.id, meta)
        if found.reason:
            return {"state": RECONCILE, "reason": found.reason}
        settled = supersede if row["state"] == FILED else promise
        settled(session, found.rows, int(row["id"]))
        return {}

    def _reconcile_all(self, session: Session, letter: Letter, pieces: tuple[Piece, ...]) -> Filed:
        """Unit of work. Several patients could be meant: rows without content, so that nobody reads another's."""
        there = {row.part for row in rows_of(session, documents.c.message_id == letter.message_id)}
        rows = [
            self._row(letter.message_id, piece.part, RECONCILE, "several_patients")
            for piece in pieces
            if piece.part not in there
        ]
        for row in rows:
            session.execute(insert(documents), row)
            self._trace(session, row, None)
        tally(session, "documents", len(rows))
        return Filed(tuple((row["id"], row["part"], row["state"], row["reason"]) for row in rows))

    def _row(self, message_id: int, part: str, state: str, reason: str) -> Row:
        facts = {"id": new_id(), "patient_id": None, "message_id": message_id, "part": part}
        empty = dict.fromkeys(
            ("content_blind", "same_as", "sealed", "sealed_meta", "wrapped_key", "id_blind", "sealed_text")
        )
        at = epoch_ms(self._clock.now())
        return facts | empty | {"state": state, "reason": reason, "storage": "none", "filed_at": at, "mask": 0}

    def _trace(self, session: Session, row: Row, holder_id: int | None) -> None:
        self._trail.record(session, self._event(row, holder_id))

    def _event(self, row: Row, holder_id: int | None) -> Event:
        return Event(WORKER, "document.file", row["state"], self._clock.now(), row["id"], holder_id, row["reason"])

    def _promise_draft(self, session: Session, letter: Letter) -> bool:
        """An order, when a pharmacy of ours is among the recipients."""
        for address in letter.recipients:
            mailbox = find_mailbox(session, self._keyring, address)
            if mailbox and is_pharmacy(session, self._keyring, mailbox):
                outbox.put(session, DRAFT_KIND, letter.message_id, now=self._clock.now())
                return True
        return False


def _content(candidate: Candidate, row: Row) -> Row:
    """What is sealed; nothing of what is not kept."""
    if candidate.sealed is None or row["state"] in (DUPLICATE, REFUSED):
        return {}
    sealed = candidate.sealed
    content = {"storage": sealed.storage, "sealed": sealed.sealed, "wrapped_key": sealed.wrapped_key}
    return content | {"sealed_meta": sealed.sealed_meta, "sealed_text": sealed.sealed_text}


def _facts(rows: list[Row]) -> tuple[tuple[int, str, str, str], ...]:
    return tuple((row["id"], row["part"], row["state"], row["reason"]) for row in rows)


def _files(rows: list[Row]) -> frozenset[int]:
    return frozenset(row["id"] for row in rows if row["storage"] == "file")


def _may_order(row: Row) -> bool:
    """What is filed, waits or is known already; a patient may refuse the record and still want the medicine."""
    return row["state"] in (FILED, AWAITING, DUPLICATE) or (row["state"], row["reason"]) == (REFUSED, "consent")
