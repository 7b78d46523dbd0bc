"""Legal representatives: a parent until the child's eighteenth birthday, a guardian until somebody ends it."""

import enum
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from core.audit import Event, Trail
from core.clock import epoch_ms
from core.errors import NotFound, Refused
from crypto.keyring import Keyring
from directory.patients import get_patient, identity_of, patient_of_mailbox
from record.tables import representatives

MAJORITY_YEARS = 18  # Code civil, art. 414


class Kind(enum.StrEnum):
    PARENT = "parent"
    GUARDIAN = "guardian"


@dataclass(frozen=True, slots=True)
class Representative:
    """`mailbox_id`: the representative's own mailbox, a patient's."""

    patient_id: int
    mailbox_id: int
    kind: Kind


_FACTS = tuple(representatives.c[name] for name in Representative.__slots__)


def appoint(
    session: Session,
    keyring: Keyring,
    trail: Trail,
    found: Representative,
    actor: str,
    now: datetime,
) -> None:
    """Unit of work; whoever calls has seen the papers. Harmless twice.

    Raises NotFound, Refused: no patient's mailbox, the patient's own, or a parent of somebody of age.
    """
    patient = get_patient(session, found.patient_id)
    if patient_of_mailbox(session, found.mailbox_id) is None or patient.mailbox_id == found.mailbox_id:
        raise Refused("un représentant légal a sa propre messagerie de patient", "no mailbox of another patient")
    if found.kind is Kind.PARENT and not is_minor(session, keyring, found.patient_id, now):
        raise Refused("ce patient est majeur", "patient is of age")
    _delete(session, found.patient_id, found.mailbox_id)
    row = {"patient_id": found.patient_id, "mailbox_id": found.mailbox_id, "kind": found.kind.value}
    session.execute(insert(representatives), row | {"at": epoch_ms(now)})
    event = Event(actor, "representative.appoint", "done", now, found.mailbox_id, patient.holder_id, found.kind.value)
    trail.record(session, event)


def dismiss(session: Session, trail: Trail, patient_id: int, mailbox_id: int, actor: str, now: datetime) -> None:
    """Unit of work. Raises NotFound when there is none."""
    if not _delete(session, patient_id, mailbox_id):
        raise NotFound("représentant introuvable", "no such representative")
    holder_id = get_patient(session, patient_id).holder_id
    trail.record(session, Event(actor, "representative.dismiss", "done", now, mailbox_id, holder_id))


def stands(session: Session, keyring: Keyring, patient_id: int, mailbox_id: int, now: datetime) -> bool:
    """Whether this mailbox's owner acts for the patient at this moment."""
    return any(each.mailbox_id == mailbox_id for each in standing(session, keyring, patient_id, now))


def standing(session: Session, keyring: Keyring, patient_id: int, now: datetime) -> tuple[Representative, ...]:
    """Who acts for the patient; parents no longer once the patient is of age."""
    found = _rows(session, representatives.c.patient_id == patient_id)
    if any(each.kind is Kind.PARENT for each in found) and not is_minor(session, keyring, patient_id, now):
        return tuple(each for each in found if each.kind is not Kind.PARENT)
    return found


def wards(session: Session, keyring: Keyring, mailbox_id: int, now: datetime) -> tuple[Representative, ...]:
    """For whom this mailbox's owner acts."""
    found = _rows(session, representatives.c.mailbox_id == mailbox_id)
    return tuple(each for each in found if stands(session, keyring, each.patient_id, mailbox_id, now))


def is_minor(session: Session, keyring: Keyring, patient_id: int, now: datetime) -> bool:
    """By the day of birth, which is sealed: no row says when somebody comes of age. Raises NotFound."""
    try:
        born = date.fromisoformat(identity_of(session, keyring, patient_id).birth_date)
    except ValueError:  # a day that no calendar has: of age is the safer side, nobody else acts then
        return False
    today = now.date()
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day)) < MAJORITY_YEARS


def _rows(session: Session, *conditions: object) -> tuple[Representative, ...]:
    query = select(*_FACTS).where(*conditions).order_by(representatives.c.at, representatives.c.mailbox_id)  # type: ignore[arg-type]
    return tuple(Representative(row.patient_id, row.mailbox_id, Kind(row.kind)) for row in session.execute(query))


def _delete(session: Session, patient_id: int, mailbox_id: int) -> bool:
    gone = delete(representatives).where(
        representatives.c.patient_id == patient_id, representatives.c.mailbox_id == mailbox_id
    )
    return bool(session.execute(gone.returning(representatives.c.patient_id)).all())
