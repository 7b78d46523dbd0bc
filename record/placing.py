"""Which row a candidate becomes: the document's own judgement first, then repeat, then consent.

Most become rows and nothing else, which the train merges with others'. The rest takes a unit of work: a patient to be
asked, an earlier version to be replaced, an order to be promised, a content that is there already.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import insert
from sqlalchemy.orm import Session

from core import outbox
from core.audit import Event, Trail
from core.clock import Clock, epoch_ms
from core.db import tally
from core.freight import Freight, Row
from core.ids import new_id
from core.tables import audit
from crypto.keyring import Keyring
from directory.mailboxes import find_mailbox
from directory.resolve import is_pharmacy
from record import consent
from record.candidates import Candidate
from record.documents import AWAITING, DUPLICATE, FILED, RECONCILE, REFUSED, DocumentMeta, own_id_blind, rows_of
from record.identity import accepted_oids
from record.letters import Letter
from record.replacing import promise, replaced_by, supersede
from record.subject import Piece, Subject
from record.survey import Survey
from record.tables import KEPT, documents
from record.unpack import Taken
from record.visibility import mask_said

DRAFT_KIND = "order.draft"
WORKER = "worker"


@dataclass(frozen=True, slots=True)
class FilingRules:
    """The operator's choices. `consent_for_own`: ask even for what patients send themselves."""

    taken: Taken = field(default_factory=Taken)
    oids: frozenset[str] = field(default_factory=lambda: accepted_oids(False))
    consent_for_own: bool = False


@dataclass(frozen=True)
class Placing:
    """Makes rows and writes them."""

    keyring: Keyring
    trail: Trail
    clock: Clock
    rules: FilingRules

    def plain(
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

    def freight(self, rows: Sequence[Row], subject: Subject) -> Freight:
        """What `plain` gave, with its trail."""
        events = [self.trail.row(self._event(row, subject.patient.holder_id)) for row in rows]
        return Freight({documents: list(rows), audit: events}, tallies={"documents": len(rows)})

    def write(self, session: Session, letter: Letter, subject: Subject, candidates: tuple[Candidate, ...]) -> list[Row]:
        """Unit of work. Returns the rows that it wrote."""
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
        if orderable:
            self._promise_draft(session, letter)
        return written

    def reconcile_all(self, session: Session, letter: Letter, pieces: tuple[Piece, ...]) -> list[Row]:
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
        return rows

    def _of(self, message_id: int, subject: Subject, candidate: Candidate) -> Row:
        """The row as far as the document itself decides it."""
        row = self._row(message_id, candidate.part, candidate.judgement.state, candidate.judgement.reason)
        row |= {"id": candidate.id, "patient_id": subject.patient.id, "content_blind": candidate.blind}
        if candidate.meta:
            row["id_blind"] = own_id_blind(self.keyring, subject.patient.id, candidate.meta.document_id)
            row["mask"] = int(mask_said(candidate.meta.confidentiality))
        return row

    def _by_consent(self, subject: Subject, state: str) -> Row:
        """Empty where the patient has to be asked."""
        if state == consent.DENIED:
            return {"state": REFUSED, "reason": "consent"}
        is_agreed = (subject.own and not self.rules.consent_for_own) or state == consent.GRANTED
        return {"state": FILED} if is_agreed else {}

    def _decide(self, session: Session, subject: Subject, candidate: Candidate, message_id: int) -> Row:
        """The row, by judgement first, then repeat, then consent."""
        row = self._of(message_id, subject, candidate)
        if not candidate.judgement.state:
            row |= self._placed(session, subject, candidate)
        if row["state"] in (FILED, AWAITING) and candidate.meta:
            row |= self._replacing(session, subject, candidate.meta, row)
        return row | _content(candidate, row)

    def _placed(self, session: Session, subject: Subject, candidate: Candidate) -> Row:
        same = rows_of(
            session,
            documents.c.patient_id == subject.patient.id,
            documents.c.content_blind == candidate.blind,
            KEPT,
        )
        if same:
            return {"state": DUPLICATE, "reason": "same_content", "same_as": same[0].id}
        known = consent.find(session, subject.patient.id, consent.FILING)
        decided = self._by_consent(subject, known.state if known else "")
        if decided:
            return decided
        consent.ask(session, subject.patient.id, consent.FILING, self.clock.now())
        return {"state": AWAITING}

    def _replacing(self, session: Session, subject: Subject, meta: DocumentMeta, row: Row) -> Row:
        """An earlier version is no longer current; a person decides where this author may not replace it."""
        found = replaced_by(session, self.keyring, subject.patient.id, meta)
        if found.reason:
            return {"state": RECONCILE, "reason": found.reason}
        settled = supersede if row["state"] == FILED else promise
        settled(session, found.rows, int(row["id"]))
        return {}

    def _row(self, message_id: int, part: str, state: str, reason: str) -> Row:
        facts = {"id": new_id(), "patient_id": None, "message_id": message_id, "part": part}
        empty = dict.fromkeys(
            ("content_blind", "same_as", "sealed", "sealed_meta", "wrapped_key", "id_blind", "sealed_text")
        )
        at = epoch_ms(self.clock.now())
        return facts | empty | {"state": state, "reason": reason, "storage": "none", "filed_at": at, "mask": 0}

    def _trace(self, session: Session, row: Row, holder_id: int | None) -> None:
        self.trail.record(session, self._event(row, holder_id))

    def _event(self, row: Row, holder_id: int | None) -> Event:
        return Event(WORKER, "document.file", row["state"], self.clock.now(), row["id"], holder_id, row["reason"])

    def _promise_draft(self, session: Session, letter: Letter) -> None:
        """An order, when a pharmacy of ours is among the recipients."""
        for address in letter.recipients:
            mailbox = find_mailbox(session, self.keyring, address)
            if mailbox and is_pharmacy(session, self.keyring, mailbox):
                outbox.put(session, DRAFT_KIND, letter.message_id, now=self.clock.now())
                return


def _content(candidate: Candidate, row: Row) -> Row:
    """What is sealed; nothing of what is not kept."""
    if candidate.sealed is None or row["state"] in (DUPLICATE, REFUSED):
        return {}
    sealed = candidate.sealed
    content = {"storage": sealed.storage, "sealed": sealed.sealed, "wrapped_key": sealed.wrapped_key}
    return content | {"sealed_meta": sealed.sealed_meta, "sealed_text": sealed.sealed_text}


def _may_order(row: Row) -> bool:
    """What is filed, waits or is known already; a patient may refuse the record and still want the medicine."""
    return row["state"] in (FILED, AWAITING, DUPLICATE) or (row["state"], row["reason"]) == (REFUSED, "consent")
