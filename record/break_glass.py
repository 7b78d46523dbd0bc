"""Break-glass: a professional opens one patient's record without consent, in an emergency, for sixty minutes.

Nobody is asked and nothing is hidden: the reason is written down first, the patient is told by mail at once, each read
is in the trail as ever, and somebody else reviews it afterwards.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from core import outbox
from core.address import Address
from core.audit import Event, Trail
from core.clock import Clock, epoch_ms, from_epoch_ms
from core.db import Db, signal
from core.errors import BadInput, NotFound, Refused
from core.ids import new_id
from crypto.keyring import Keyring
from crypto.sealed import object_aad, seal, unseal
from directory.holders import holder_key
from directory.mailboxes import address_of, get_mailbox
from directory.patients import get_patient
from directory.resolve import find_entry
from record import consent
from record.order_facts import patient_topic
from record.post import Submitter
from record.tables import break_glass

MINUTES = 60
REASON_LEAST, REASON_MOST = 10, 500  # characters: a sentence, not a word
A_DAY = 5  # openings of one account in 24 hours; more is no emergency any more. Our default.
GLASS_KIND = "record.glass"
JUSTIFIED, UNJUSTIFIED = "justified", "unjustified"
MAY_OPEN = frozenset({"PER", "ORG"})  # mailboxes of professionals; never a software, never another patient
NO_REASON = f"Expliquez l'urgence en une phrase ({REASON_LEAST} à {REASON_MOST} caractères)."
NO_PROFESSIONAL = "L'accès d'urgence est réservé aux professionnels."
OBJECTED = "Ce patient s'est opposé aux accès d'urgence."
TOO_MANY = "Trop d'accès d'urgence en un jour : demandez l'accord des patients, ou appelez l'exploitant."
OWN = "On ne contrôle pas son propre accès d'urgence."
REVIEWED = "Cet accès d'urgence a déjà été contrôlé."
log = structlog.get_logger()


@dataclass(frozen=True, slots=True, repr=False)
class Glass:
    """One opening. `reviewed` is empty until somebody reviewed it, then justified or unjustified."""

    id: int
    patient_id: int
    mailbox_id: int
    account_id: int
    reason: str
    opened_at: datetime
    until: datetime
    reviewed: str
    reviewer_id: int | None
    reviewed_at: datetime | None

    def __repr__(self) -> str:
        return f"Glass({self.id}, {self.reviewed or 'to review'})"


def open_glass(
    session: Session,
    keyring: Keyring,
    trail: Trail,
    *,
    account_id: int,
    mailbox_id: int,
    patient_id: int,
    reason: str,
    now: datetime,
) -> Glass:
    """Unit of work: for an hour this account reads this patient's record. An opening that still lasts is given back.

    Raises BadInput (no reason), Refused (no professional's mailbox; the patient objected; too many today), NotFound.
    """
    words = " ".join(reason.split())
    if not REASON_LEAST <= len(words) <= REASON_MOST:
        raise BadInput(NO_REASON, "no reason given")
    patient, mailbox = get_patient(session, patient_id), get_mailbox(session, mailbox_id)
    if mailbox.kind not in MAY_OPEN or not mailbox.is_open:
        raise Refused(NO_PROFESSIONAL, "break-glass by another kind of mailbox")
    if consent.is_denied(session, patient_id, consent.EMERGENCY):
        raise Refused(OBJECTED, "break-glass against the patient's will")
    lasting = _lasting(session, account_id, patient_id, now)
    if lasting is not None:
        return _read(session, keyring, lasting)
    _check_pace(session, account_id, now)
    glass_id, until = new_id(), now + timedelta(minutes=MINUTES)
    sealed = seal(holder_key(session, keyring, patient.holder_id), words.encode(), _aad(glass_id))
    facts = {"id": glass_id, "patient_id": patient_id, "mailbox_id": mailbox_id, "account_id": account_id}
    times = {"opened_at": epoch_ms(now), "until": epoch_ms(until)}
    nobody = {"reviewed": "", "reviewer_id": None, "reviewed_at": None}
    session.execute(insert(break_glass), facts | times | nobody | {"sealed_reason": sealed})
    trail.record(session, Event(str(account_id), "glass.open", "allowed", now, glass_id, patient.holder_id))
    outbox.put(session, GLASS_KIND, glass_id, now=now)
    signal(session, patient_topic(patient_id), glass_id)
    return Glass(glass_id, patient_id, mailbox_id, account_id, words, now, until, "", None, None)


class OpenGlasses:
    """What `record.rights` asks: whether an account's emergency still lasts."""

    def standing(self, session: Session, patient_id: int, account_id: int, now: datetime) -> bool:
        return _lasting(session, account_id, patient_id, now) is not None


def close_glass(session: Session, trail: Trail, glass_id: int, account_id: int, now: datetime) -> None:
    """Unit of work: the emergency is over before its time. Only who opened it may. Raises NotFound. Harmless twice."""
    row = _row(session, glass_id)
    if row.account_id != account_id:
        raise NotFound("accès d'urgence introuvable", "break-glass of another account")
    if row.until > epoch_ms(now):
        session.execute(update(break_glass).where(break_glass.c.id == glass_id).values(until=epoch_ms(now)))
        holder_id = get_patient(session, row.patient_id).holder_id
        trail.record(session, Event(str(account_id), "glass.close", "allowed", now, glass_id, holder_id))
        signal(session, patient_topic(row.patient_id), glass_id)


def review(session: Session, trail: Trail, glass_id: int, reviewer_id: int, verdict: str, now: datetime) -> None:
    """Unit of work: somebody else says whether it was an emergency. Raises BadInput, NotFound, Refused (own, twice)."""
    if verdict not in {JUSTIFIED, UNJUSTIFIED}:
        raise BadInput("the verdict is justified or unjustified")
    row = _row(session, glass_id)
    if row.account_id == reviewer_id:
        raise Refused(OWN, "break-glass reviewed by its author")
    values = {"reviewed": verdict, "reviewer_id": reviewer_id, "reviewed_at": epoch_ms(now)}
    waiting = update(break_glass).where(break_glass.c.id == glass_id, break_glass.c.reviewed == "")
    if session.execute(waiting.values(**values).returning(break_glass.c.id)).one_or_none() is None:
        raise Refused(REVIEWED, "break-glass reviewed already")
    holder_id = get_patient(session, row.patient_id).holder_id
    trail.record(session, Event(str(reviewer_id), "glass.review", verdict, now, glass_id, holder_id))
    signal(session, patient_topic(row.patient_id), glass_id)


def get_glass(session: Session, keyring: Keyring, glass_id: int) -> Glass:
    """Raises NotFound, also where the patient's key is destroyed."""
    return _read(session, keyring, _row(session, glass_id))


def lasting_of(session: Session, keyring: Keyring, account_id: int, now: datetime) -> tuple[Glass, ...]:
    """What this account has open, the one that ends first in front; those of erased patients are left out."""
    query = select(break_glass).where(break_glass.c.account_id == account_id, break_glass.c.until > epoch_ms(now))
    return _readable(session, keyring, query.order_by(break_glass.c.until))


def of_patient(session: Session, keyring: Keyring, patient_id: int) -> tuple[Glass, ...]:
    """What the patient is shown, newest first. Raises NotFound, also where the patient's key is destroyed."""
    query = select(break_glass).where(break_glass.c.patient_id == patient_id).order_by(break_glass.c.opened_at.desc())
    return tuple(_read(session, keyring, row) for row in session.execute(query))


def to_review(session: Session, keyring: Keyring, most: int = 200) -> tuple[Glass, ...]:
    """What nobody has reviewed yet, oldest first; those of patients who were erased are left out."""
    query = select(break_glass).where(break_glass.c.reviewed == "").order_by(break_glass.c.opened_at).limit(most)
    return _readable(session, keyring, query)


def _readable(session: Session, keyring: Keyring, query: Any) -> tuple[Glass, ...]:
    found = []
    for row in session.execute(query).all():
        try:
            found.append(_read(session, keyring, row))
        except NotFound:
            continue
    return tuple(found)


def who_opened(session: Session, keyring: Keyring, glass: Glass) -> str:
    """The name that the annuaire gives the mailbox, else its address."""
    address = address_of(session, keyring, glass.mailbox_id)
    entry = find_entry(session, address)
    return (entry.label if entry else "") or address.text


class TellPatient:
    """The handler of `record.glass`; its ref is an opening. `desk_id` is the mailbox that tells."""

    def __init__(self, db: Db, keyring: Keyring, clock: Clock, submitter: Submitter, desk_id: int) -> None:
        self._db, self._keyring, self._clock = db, keyring, clock
        self._submitter, self._desk_id = submitter, desk_id

    def __call__(self, glass_id: int) -> None:
        """Once, however often it runs. Raises Temporary to be tried again."""
        try:
            to, text = self._db.read(self._letter, glass_id)
        except NotFound:
            log.info("glass.nobody_to_tell", glass_id=glass_id)
            return
        if to is not None:
            subject = "Votre dossier a été ouvert en urgence"
            self._submitter.submit(self._desk_id, (to,), subject, text, "", f"glass:{glass_id}")

    def _letter(self, session: Session, glass_id: int) -> tuple[Address | None, str]:
        glass = _read(session, self._keyring, _row(session, glass_id))
        mailbox_id = get_patient(session, glass.patient_id).mailbox_id
        to = address_of(session, self._keyring, mailbox_id) if mailbox_id else None
        return to, _text(glass, who_opened(session, self._keyring, glass))


def _text(glass: Glass, who: str) -> str:
    return (
        f"Bonjour,\n\n{who} a ouvert votre dossier sans votre accord préalable, en invoquant une urgence :\n"
        f"« {glass.reason} »\n\n"
        f"Cet accès dure au plus {MINUTES} minutes et sera contrôlé. Chaque document lu est inscrit dans la liste des\n"
        "accès de votre dossier. Si cet accès vous surprend, répondez à ce message.\n"
    )


def _lasting(session: Session, account_id: int, patient_id: int, now: datetime) -> Any:
    query = select(break_glass).where(
        break_glass.c.patient_id == patient_id,
        break_glass.c.account_id == account_id,
        break_glass.c.until > epoch_ms(now),
    )
    return session.execute(query.order_by(break_glass.c.opened_at.desc()).limit(1)).one_or_none()


def _check_pace(session: Session, account_id: int, now: datetime) -> None:
    since = epoch_ms(now - timedelta(days=1))
    query = select(break_glass.c.id).where(break_glass.c.account_id == account_id, break_glass.c.opened_at > since)
    if len(session.execute(query.limit(A_DAY)).all()) >= A_DAY:
        raise Refused(TOO_MANY, "too many break-glass openings")


def _row(session: Session, glass_id: int) -> Any:
    row = session.execute(select(break_glass).where(break_glass.c.id == glass_id)).one_or_none()
    if row is None:
        raise NotFound("accès d'urgence introuvable", "no such break-glass")
    return row


def _read(session: Session, keyring: Keyring, row: Any) -> Glass:
    key = holder_key(session, keyring, get_patient(session, row.patient_id).holder_id)
    return Glass(
        row.id,
        row.patient_id,
        row.mailbox_id,
        row.account_id,
        unseal(key, row.sealed_reason, _aad(row.id)).decode(),
        from_epoch_ms(row.opened_at),
        from_epoch_ms(row.until),
        row.reviewed,
        row.reviewer_id,
        from_epoch_ms(row.reviewed_at) if row.reviewed_at else None,
    )


def _aad(glass_id: int) -> bytes:
    return object_aad("glass", glass_id, 1)
