"""Named people who act for a mailbox that is not their own: for a service's or a practice's, and for a minor's.

Each is named by their own mailbox. Professionals act for organisational mailboxes; a patient acts for a minor, whose
mailbox stands under the minor's own INS, until the eighteenth birthday.
"""

from datetime import date, datetime

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from core.clock import epoch_ms
from core.errors import NotFound, Refused
from crypto.keyring import Keyring
from directory.mailboxes import Mailbox, get_mailbox
from directory.patients import identity_of, patient_of_mailbox
from directory.tables import mailbox_delegates

OF_AGE = 18  # article 414 of the Code civil
_PAIRS = {"ORG": "PER", "CAB": "PER", "PAT": "PAT"}  # kind of the mailbox → kind of whoever acts for it


def add_delegate(session: Session, keyring: Keyring, mailbox_id: int, delegate_id: int, now: datetime) -> None:
    """Harmless twice. Raises NotFound, Refused (kinds that do not go together, itself, somebody of age)."""
    mailbox, delegate = get_mailbox(session, mailbox_id), get_mailbox(session, delegate_id)
    if mailbox_id == delegate_id or _PAIRS.get(mailbox.kind) != delegate.kind:
        raise Refused("un délégué est une personne, nommée pour une boîte d'organisation ou de mineur", "wrong kinds")
    if mailbox.kind == "PAT" and not _is_minor(session, keyring, mailbox_id, now.date()):
        raise Refused("cette personne est majeure : elle seule ouvre sa boîte", "patient is of age")
    if not _named(session, mailbox_id, delegate_id):
        row = {"mailbox_id": mailbox_id, "delegate_id": delegate_id, "since": epoch_ms(now)}
        session.execute(insert(mailbox_delegates), row)


def remove_delegate(session: Session, mailbox_id: int, delegate_id: int) -> None:
    """Takes effect at the next login. Raises NotFound."""
    ours = mailbox_delegates.c
    gone = delete(mailbox_delegates).where(ours.mailbox_id == mailbox_id, ours.delegate_id == delegate_id)
    if session.execute(gone.returning(ours.delegate_id)).one_or_none() is None:
        raise NotFound("cette personne n'est pas déléguée pour cette boîte", "no such delegate")


def delegates_of(session: Session, mailbox_id: int) -> list[tuple[int, int]]:
    """Mailbox and moment (epoch ms) of each, oldest first."""
    ours = mailbox_delegates.c
    query = select(ours.delegate_id, ours.since).where(ours.mailbox_id == mailbox_id).order_by(ours.since)
    return [(row.delegate_id, row.since) for row in session.execute(query)]


def acts_for(session: Session, keyring: Keyring, mailbox: Mailbox, delegate_id: int, now: datetime) -> bool:
    """Whether the holder of `delegate_id` may act for this mailbox at this moment."""
    if mailbox.state == "closed" or not _named(session, mailbox.id, delegate_id):
        return False
    return mailbox.kind != "PAT" or _is_minor(session, keyring, mailbox.id, now.date())


def _named(session: Session, mailbox_id: int, delegate_id: int) -> bool:
    ours = mailbox_delegates.c
    query = select(ours.since).where(ours.mailbox_id == mailbox_id, ours.delegate_id == delegate_id)
    return session.execute(query).one_or_none() is not None


def _is_minor(session: Session, keyring: Keyring, mailbox_id: int, today: date) -> bool:
    patient = patient_of_mailbox(session, mailbox_id)
    if patient is None:
        return False
    born = identity_of(session, keyring, patient.id).birth_date
    return born > f"{today.year - OF_AGE:04d}-{today.month:02d}-{today.day:02d}"
