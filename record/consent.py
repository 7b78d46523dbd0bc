"""Consents of a patient, one for each purpose and grantee: asked, granted or refused; the last answer counts."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from core import outbox
from core.audit import Event, Trail
from core.clock import epoch_ms
from core.errors import NotFound
from core.ids import new_id
from directory.patients import get_patient
from record.documents import AWAITING, FILED, REFUSED, rows_of, wipe
from record.replacing import keep_promises
from record.tables import consents, documents

FILING = "filing"  # keep in the record what professionals send
ACCESS = "access"  # let one professional or structure read the record; refused for 0: an opposition to them all
SOFTWARE = "software"  # let one registered program read it; the grantee is its number in the register
EMERGENCY = "emergency"  # refused: nobody reads the record in an emergency either
REMINDERS = "reminders"  # refused: none is sent
EVERYBODY = 0
ASKED, GRANTED, DENIED = "asked", "granted", "refused"
ASK_KIND = "consent.ask"
MOVED_KIND = "consent.moved"  # promised when what waited for an answer was filed; its ref is the consent


@dataclass(frozen=True, slots=True)
class Consent:
    """`grantee_id` is a mailbox, 0 where the purpose has none."""

    id: int
    patient_id: int
    purpose: str
    grantee_id: int
    state: str
    asked_message_id: int | None


@dataclass(frozen=True, slots=True)
class Answered:
    """What an answer did: documents filed, documents dropped, files to discard after the commit."""

    consent: Consent
    filed: int = 0
    dropped: int = 0
    files: tuple[int, ...] = ()


_FACTS = tuple(consents.c[name] for name in Consent.__slots__)


def find(session: Session, patient_id: int, purpose: str, grantee_id: int = 0) -> Consent | None:
    row = session.execute(
        select(*_FACTS).where(
            consents.c.patient_id == patient_id, consents.c.purpose == purpose, consents.c.grantee_id == grantee_id
        )
    ).one_or_none()
    return Consent(*row) if row else None


def get(session: Session, consent_id: int) -> Consent:
    """Raises NotFound."""
    row = session.execute(select(*_FACTS).where(consents.c.id == consent_id)).one_or_none()
    if row is None:
        raise NotFound("accord introuvable", "no such consent")
    return Consent(*row)


def open_questions(session: Session, patient_id: int) -> tuple[Consent, ...]:
    """Asked and not answered yet, oldest first."""
    query = select(*_FACTS).where(consents.c.patient_id == patient_id, consents.c.state == ASKED)
    return tuple(Consent(*row) for row in session.execute(query.order_by(consents.c.id)))


def all_of(session: Session, patient_id: int) -> tuple[Consent, ...]:
    """Every consent of the patient, oldest first."""
    query = select(*_FACTS).where(consents.c.patient_id == patient_id)
    return tuple(Consent(*row) for row in session.execute(query.order_by(consents.c.id)))


def is_granted(session: Session, patient_id: int, purpose: str, grantee_id: int = 0) -> bool:
    found = find(session, patient_id, purpose, grantee_id)
    return found is not None and found.state == GRANTED


def is_denied(session: Session, patient_id: int, purpose: str, grantee_id: int = EVERYBODY) -> bool:
    found = find(session, patient_id, purpose, grantee_id)
    return found is not None and found.state == DENIED


def admits(session: Session, patient_id: int, mailbox_id: int) -> bool:
    """Whether the patient lets this professional read: agreed to, and no opposition to all of them stands."""
    granted = is_granted(session, patient_id, ACCESS, mailbox_id)
    return granted and not is_denied(session, patient_id, ACCESS)


def ask(session: Session, patient_id: int, purpose: str, now: datetime, grantee_id: int = 0) -> Consent:
    """The consent as it stands; when nobody asked before, a question is promised to the patient by mail."""
    known = find(session, patient_id, purpose, grantee_id)
    if known:
        return known
    consent = _put(session, patient_id, purpose, now, grantee_id)
    outbox.put(session, ASK_KIND, consent.id, now=now)
    return consent


def _put(session: Session, patient_id: int, purpose: str, now: datetime, grantee_id: int) -> Consent:
    consent = Consent(new_id(), patient_id, purpose, grantee_id, ASKED, None)
    row = {name: getattr(consent, name) for name in Consent.__slots__}
    session.execute(insert(consents), row | {"at": epoch_ms(now)})
    return consent


def settle(
    session: Session,
    trail: Trail,
    patient_id: int,
    purpose: str,
    granted: bool,
    actor: str,
    now: datetime,
    grantee_id: int = EVERYBODY,
) -> Answered:
    """What the patient decides of their own accord, asked or not: a consent, its end, an opposition, its end."""
    known = find(session, patient_id, purpose, grantee_id)
    if known is None:
        known = _put(session, patient_id, purpose, now, grantee_id)
    return answer(session, trail, known.id, granted, actor, now)


def asked_by(session: Session, consent_id: int, message_id: int) -> None:
    """Keep which message put the question."""
    session.execute(update(consents).where(consents.c.id == consent_id).values(asked_message_id=message_id))


def answer(session: Session, trail: Trail, consent_id: int, granted: bool, actor: str, now: datetime) -> Answered:
    """The patient's answer, which may change an earlier one. Waiting documents move on at once.

    `actor` is an account's id or a part of the system. Raises NotFound. Harmless twice.
    """
    consent = get(session, consent_id)
    state = GRANTED if granted else DENIED
    if consent.state == state:
        return Answered(consent)
    session.execute(update(consents).where(consents.c.id == consent_id).values(state=state, at=epoch_ms(now)))
    holder_id = get_patient(session, consent.patient_id).holder_id
    trail.record(session, Event(actor, "consent.answer", state, now, consent_id, holder_id, consent.purpose))
    if consent.purpose != FILING:
        return Answered(consent)
    return _move_on(session, consent, granted, now)


def _move_on(session: Session, consent: Consent, granted: bool, now: datetime) -> Answered:
    waiting = rows_of(session, documents.c.patient_id == consent.patient_id, documents.c.state == AWAITING)
    ids = [row.id for row in waiting]
    chosen = update(documents).where(documents.c.id.in_(ids))
    keep_promises(session, ids, granted)
    if granted:
        session.execute(chosen.values(state=FILED, reason="", filed_at=epoch_ms(now)))
        if ids:
            outbox.put(session, MOVED_KIND, consent.id, now=now)
        return Answered(consent, filed=len(ids))
    session.execute(chosen.values(state=REFUSED, reason="consent"))
    return Answered(consent, dropped=len(ids), files=tuple(wipe(session, ids)))
