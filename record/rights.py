"""Why a mailbox may read a record or document: own, for a ward, by consent, by the message, in an emergency."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from crypto.keyring import Keyring
from directory.mailboxes import get_mailbox
from directory.patients import Patient, get_patient
from mail.tables import message_keys
from record import consent, representatives
from record.documents import AWAITING, DUPLICATE, FILED, SUPERSEDED, DocumentRow, rows_of
from record.tables import documents
from record.visibility import Ground, is_visible


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads: an account, in the name of one mailbox. The mailbox decides; the account is what the trail keeps.

    With `software_id` a registered program reads in the mailbox's name: it needs the patient's consent besides.
    """

    account_id: int
    mailbox_id: int
    software_id: int | None = None

    @property
    def actor(self) -> str:
        return str(self.account_id) if self.software_id is None else f"software:{self.software_id}"


class Emergency(Protocol):
    """Who broke the glass: whether this account may read this patient's record now, for a time, without consent."""

    def standing(self, session: Session, patient_id: int, account_id: int, now: datetime) -> bool: ...


class Nobody:
    """Without break-glass."""

    def standing(self, _session: Session, _patient_id: int, _account_id: int, _now: datetime) -> bool:
        return False


class Rights:
    """Decides; writes nothing. `emergency` is asked last, and not where the patient objected."""

    def __init__(self, keyring: Keyring, emergency: Emergency | None = None) -> None:
        self._keyring, self._emergency = keyring, emergency or Nobody()

    def of_record(self, session: Session, reader: Reader, patient: Patient, now: datetime) -> Ground | None:
        """Unit of work. None: this reader has no access to the record as a whole."""
        if reader.software_id is not None and not consent.is_granted(
            session, patient.id, consent.SOFTWARE, reader.software_id
        ):
            return None
        if patient.mailbox_id == reader.mailbox_id:
            return Ground.OWN
        if representatives.stands(session, self._keyring, patient.id, reader.mailbox_id, now):
            return Ground.REPRESENTATIVE
        if consent.admits(session, patient.id, reader.mailbox_id):
            return Ground.CONSENT
        return Ground.EMERGENCY if self._in_emergency(session, reader, patient, now) else None

    def of_document(self, session: Session, reader: Reader, row: DocumentRow, now: datetime) -> Ground | None:
        """Unit of work. The record's ground where the document's marks allow it, else the message that brought it."""
        if row.patient_id is not None and row.state in (FILED, AWAITING, SUPERSEDED):
            ground = self.of_record(session, reader, get_patient(session, row.patient_id), now)
            if ground and is_visible(row.mask, ground) and is_shown(row, ground):
                return ground
            if ground in (Ground.OWN, Ground.REPRESENTATIVE) or reader.software_id is not None:
                return None
        return Ground.MESSAGE if reader.software_id is None and _has_message(session, reader, row) else None

    def _in_emergency(self, session: Session, reader: Reader, patient: Patient, now: datetime) -> bool:
        if reader.software_id is not None or consent.is_denied(session, patient.id, consent.EMERGENCY):
            return False
        return self._emergency.standing(session, patient.id, reader.account_id, now)


def is_shown(row: DocumentRow, ground: Ground) -> bool:
    """What waits for consent is for the patient's own side."""
    return row.state != AWAITING or ground in (Ground.OWN, Ground.REPRESENTATIVE)


def holds(session: Session, reader: Reader, message_id: int) -> bool:
    """Whoever has the message has its attachments: showing them again gives nothing new."""
    holder_id = get_mailbox(session, reader.mailbox_id).holder_id
    held = select(message_keys.c.holder_id).where(
        message_keys.c.message_id == message_id, message_keys.c.holder_id == holder_id
    )
    return session.execute(held).one_or_none() is not None


def held_of(session: Session, reader: Reader, patient_id: int) -> frozenset[int]:
    """The documents of a patient that came by messages of the reader's mailbox, also where another message brought
    the copy that was kept. None for a program: it reads with the patient's consent alone."""
    if reader.software_id is not None:
        return frozenset()
    holder_id = get_mailbox(session, reader.mailbox_id).holder_id
    query = (
        select(documents.c.id, documents.c.same_as, documents.c.state)
        .join(message_keys, message_keys.c.message_id == documents.c.message_id)
        .where(documents.c.patient_id == patient_id, message_keys.c.holder_id == holder_id)
    )
    return frozenset(row.same_as if row.state == DUPLICATE else row.id for row in session.execute(query))


def _has_message(session: Session, reader: Reader, row: DocumentRow) -> bool:
    twins = rows_of(session, documents.c.same_as == row.id, documents.c.state == DUPLICATE)
    return any(holds(session, reader, found.message_id) for found in (row, *twins))
