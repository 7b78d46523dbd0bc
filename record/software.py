"""The register of connected software: a name, scopes, a key; it reads in the name of one mailbox, where patients agree.

Scopes are those of SMART App Launch 2.0 (`system/DocumentReference.rs`). The key is shown once and known by its blind
index; a key that was revoked, or of a mailbox that is not open, opens nothing.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from core.audit import Event, Trail
from core.clock import epoch_ms
from core.errors import BadInput, NotFound, Refused
from core.ids import new_id
from core.ids import token as new_token
from crypto.keyring import Keyring
from directory.mailboxes import get_mailbox
from record.tables import software

DOCUMENTS, BINARIES, LISTS = "system/DocumentReference.rs", "system/Binary.r", "system/List.rs"
PATIENTS, LETTERS, READERS = "system/Patient.rs", "system/Communication.rs", "system/AuditEvent.rs"
SCOPES = (DOCUMENTS, BINARIES, LISTS, PATIENTS, LETTERS, READERS)
NAME_CHARACTERS, KEY_CHARACTERS = 80, 80
_KEY = "plir_"


@dataclass(frozen=True, slots=True)
class Software:
    """One entry of the register."""

    id: int
    mailbox_id: int
    name: str
    scopes: frozenset[str]
    is_revoked: bool


def register(
    session: Session,
    keyring: Keyring,
    trail: Trail,
    mailbox_id: int,
    name: str,
    scopes: frozenset[str],
    actor: str,
    now: datetime,
) -> tuple[Software, str]:
    """Unit of work: a new entry and its key, which is shown once. Raises BadInput, NotFound, Refused."""
    name = " ".join(name.split())
    if not name or not name.isprintable() or len(name) > NAME_CHARACTERS:
        raise BadInput("donnez un nom au logiciel, de 80 caractères au plus", "software name missing or too long")
    if not scopes or scopes - set(SCOPES):
        raise BadInput("ces droits n'existent pas", "unknown scopes")
    mailbox = get_mailbox(session, mailbox_id)
    if not mailbox.is_open:
        raise Refused("cette boîte aux lettres est fermée", "mailbox is not open")
    found, key = Software(new_id(), mailbox_id, name, scopes, False), f"{_KEY}{new_token(32)}"
    row = {"id": found.id, "mailbox_id": mailbox_id, "name": name, "scopes": " ".join(sorted(scopes))}
    lookup = _lookup(keyring, key)
    session.execute(insert(software), row | {"lookup": lookup, "created_at": epoch_ms(now), "revoked_at": None})
    trail.record(session, Event(actor, "software.register", "done", now, found.id, mailbox.holder_id))
    return found, key


def revoke(session: Session, trail: Trail, software_id: int, mailbox_id: int, actor: str, now: datetime) -> None:
    """Unit of work: its key opens nothing from now on. Harmless twice. Raises NotFound, also for another mailbox's."""
    found = get(session, software_id)
    if found.mailbox_id != mailbox_id:
        raise NotFound("logiciel introuvable", "software of another mailbox")
    if found.is_revoked:
        return
    session.execute(update(software).where(software.c.id == software_id).values(revoked_at=epoch_ms(now)))
    holder_id = get_mailbox(session, mailbox_id).holder_id
    trail.record(session, Event(actor, "software.revoke", "done", now, software_id, holder_id))


def by_key(session: Session, keyring: Keyring, key: str) -> Software | None:
    """Who calls; None for a key that is unknown, revoked, or whose mailbox is not open."""
    if not key.startswith(_KEY) or len(key) > KEY_CHARACTERS or not key.isascii():
        return None
    found = _one(session, software.c.lookup == _lookup(keyring, key))
    if found is None or found.is_revoked or not get_mailbox(session, found.mailbox_id).is_open:
        return None
    return found


def get(session: Session, software_id: int) -> Software:
    """Raises NotFound."""
    found = _one(session, software.c.id == software_id)
    if found is None:
        raise NotFound("logiciel introuvable", "no such software")
    return found


def of_mailbox(session: Session, mailbox_id: int) -> tuple[Software, ...]:
    """All of a mailbox, the revoked too, oldest first."""
    query = select(software).where(software.c.mailbox_id == mailbox_id).order_by(software.c.created_at, software.c.id)
    return tuple(_software(row) for row in session.execute(query))


def _one(session: Session, condition: object) -> Software | None:
    row = session.execute(select(software).where(condition)).one_or_none()  # type: ignore[arg-type]
    return _software(row) if row else None


def _software(row: object) -> Software:
    scopes = frozenset(row.scopes.split())  # type: ignore[attr-defined]
    return Software(row.id, row.mailbox_id, row.name, scopes, row.revoked_at is not None)  # type: ignore[attr-defined]


def _lookup(keyring: Keyring, key: str) -> bytes:
    return keyring.blind("software-key", key)
