"""What may be done to a filed document: hide it, show it again, announce it to its patient, remove it. All traced."""

from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from core.audit import Event, Trail
from core.errors import NotFound, Refused
from crypto.keyring import Keyring
from directory.patients import get_patient
from record.documents import AWAITING, FILED, REMOVED, SUPERSEDED, DocumentRow, get_row, wipe
from record.rights import Reader, Rights
from record.tables import documents
from record.visibility import Ground, Mask, checked

# Who may move which mark: patients hide from professionals and, from the age at which they act alone, from parents;
# the professional who has the document lifts what the patient was not to see yet.
_MAY_SET = {
    Ground.OWN: Mask.PROFESSIONALS | Mask.REPRESENTATIVES,
    Ground.REPRESENTATIVE: Mask.PROFESSIONALS,
    Ground.MESSAGE: Mask.PATIENT | Mask.REPRESENTATIVES,
    Ground.CONSENT: Mask.NONE,
    Ground.EMERGENCY: Mask.NONE,
}
_KEPT = (FILED, AWAITING, SUPERSEDED)


class Masking:
    """Units of work for one instance."""

    def __init__(self, keyring: Keyring, trail: Trail) -> None:
        self._rights, self._trail = Rights(keyring), trail

    def mask(
        self, session: Session, reader: Reader, document_id: int, mark: Mask, is_set: bool, now: datetime
    ) -> DocumentRow:
        """Set or lift one mark. Raises NotFound, Refused, and BadInput where nobody could see it any more."""
        row, ground = self._found(session, reader, document_id, now)
        if mark & ~_MAY_SET[ground]:
            raise Refused("vous ne pouvez pas changer qui voit ce document", f"{ground.value} may not set {mark!r}")
        mask = checked(Mask(row.mask | mark if is_set else row.mask & ~mark))
        session.execute(update(documents).where(documents.c.id == row.id).values(mask=int(mask)))
        action = "document.mask" if is_set else "document.unmask"
        self._record(session, reader, action, row, (mark.name or "").lower(), now)
        return _again(session, row.id)

    def remove(self, session: Session, reader: Reader, document_id: int, now: datetime) -> tuple[int, ...]:
        """The patient takes a document out: content and key are destroyed, the row says so. Returns files to discard.

        Raises NotFound, Refused: it is nobody else's to remove.
        """
        row, ground = self._found(session, reader, document_id, now)
        if ground not in (Ground.OWN, Ground.REPRESENTATIVE):
            raise Refused("seul le patient retire un document de son dossier", "not the patient")
        return take_out(session, self._trail, row, reader.actor, "patient", now)

    def _found(self, session: Session, reader: Reader, document_id: int, now: datetime) -> tuple[DocumentRow, Ground]:
        row = get_row(session, document_id)
        if row is None or row.patient_id is None or row.state not in _KEPT:
            raise NotFound("document introuvable", "no such document in a record")
        ground = self._rights.of_document(session, reader, row, now)
        if ground is None:
            raise NotFound("document introuvable", "document of somebody else")
        return row, ground

    def _record(
        self, session: Session, reader: Reader, action: str, row: DocumentRow, word: str, now: datetime
    ) -> None:
        holder_id = get_patient(session, row.patient_id or 0).holder_id
        self._trail.record(session, Event(reader.actor, action, "done", now, row.id, holder_id, word))


def take_out(
    session: Session, trail: Trail, row: DocumentRow, actor: str, reason: str, now: datetime
) -> tuple[int, ...]:
    """Unit of work: content, key and the marks by which it was known go. Returns the files to discard afterwards."""
    files = wipe(session, [row.id])
    gone = {"state": REMOVED, "reason": reason, "content_blind": None, "id_blind": None}
    session.execute(update(documents).where(documents.c.id == row.id).values(gone))
    holder_id = get_patient(session, row.patient_id).holder_id if row.patient_id else None
    trail.record(session, Event(actor, "document.remove", "done", now, row.id, holder_id, reason))
    return tuple(files)


def _again(session: Session, document_id: int) -> DocumentRow:
    row = get_row(session, document_id)
    if row is None:
        raise NotFound("document introuvable")
    return row
