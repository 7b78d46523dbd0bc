"""Local mailboxes: suspended, closed, reopened. Address and kind never change after creation (API-MSS)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, bindparam, insert, select, update
from sqlalchemy.orm import Session

from core.address import Address, MailboxKind
from core.clock import epoch_ms
from core.db import signal
from core.errors import BadInput, NotFound, Refused
from core.ids import new_id
from crypto.keyring import Keyring
from crypto.sealed import object_aad, seal, unseal
from directory.holders import create_holder, holder_key
from directory.local_domains import add_local_domain
from directory.tables import mailboxes

TOPIC = "mailbox"  # signalled with the mailbox's id when its state changes
OPEN, SUSPENDED, CLOSED = "open", "suspended", "closed"
_FACTS = (mailboxes.c.id, mailboxes.c.kind, mailboxes.c.state, mailboxes.c.holder_id)
# Made once: every address of every mail is asked for.
_BY_LOOKUP = select(*_FACTS).where(mailboxes.c.lookup == bindparam("value"))
_BY_ID = select(*_FACTS).where(mailboxes.c.id == bindparam("value"))


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A mailbox of ours; its address is sealed, see `address_of`."""

    id: int
    kind: str
    state: str
    holder_id: int

    @property
    def is_open(self) -> bool:
        return self.state == OPEN


def lookup_of(keyring: Keyring, address: Address) -> bytes:
    """The blind index of an address: the only form in which ours is searched."""
    return keyring.blind("address", address.key)


def create_mailbox(
    session: Session, keyring: Keyring, address: Address, kind: MailboxKind | str, now: datetime
) -> Mailbox:
    """A new open mailbox with a holder of its own; mail for its domain ends here from now on.

    Raises Refused (address taken), BadInput (wrong kind).
    """
    kind = _checked_kind(address, kind)
    if find_mailbox(session, keyring, address):
        raise Refused("cette adresse existe déjà", "mailbox address taken")
    add_local_domain(session, address.domain)
    holder_id = create_holder(session, keyring, "system" if kind == MailboxKind.SYS else "mailbox", now)
    mailbox = Mailbox(new_id(), str(kind), OPEN, holder_id)
    session.execute(insert(mailboxes), _row(session, keyring, mailbox, address, now))
    return mailbox


def find_mailbox(session: Session, keyring: Keyring, address: Address) -> Mailbox | None:
    """The local mailbox at this address, whatever its state."""
    return _one(session, _BY_LOOKUP, lookup_of(keyring, address))


def get_mailbox(session: Session, mailbox_id: int) -> Mailbox:
    """Raises NotFound."""
    found = _one(session, _BY_ID, mailbox_id)
    if found is None:
        raise NotFound("boîte aux lettres introuvable", "no such mailbox")
    return found


def address_of(session: Session, keyring: Keyring, mailbox_id: int) -> Address:
    """The address, unsealed. Raises NotFound when the mailbox is unknown or its key destroyed."""
    row = session.execute(
        select(mailboxes.c.sealed_address, mailboxes.c.holder_id).where(mailboxes.c.id == mailbox_id)
    ).one_or_none()
    if row is None:
        raise NotFound("boîte aux lettres introuvable", "no such mailbox")
    key = holder_key(session, keyring, row.holder_id)
    return Address.parse(unseal(key, row.sealed_address, object_aad("mailbox", mailbox_id, 1)).decode())


def suspend(session: Session, mailbox_id: int) -> None:
    """Keeps what is there, takes nothing new. Raises NotFound when it is unknown or closed."""
    _move(session, mailbox_id, SUSPENDED)


def reopen(session: Session, mailbox_id: int) -> None:
    """Ends a suspension, or opens again what was closed. Raises NotFound when it is unknown or forgotten for good."""
    _move(session, mailbox_id, OPEN, {OPEN, SUSPENDED, CLOSED})


def close(session: Session, mailbox_id: int) -> None:
    """Mail to it bounces and nobody enters; what it holds stays sealed. Raises NotFound when it is unknown or closed
    already."""
    _move(session, mailbox_id, CLOSED)


def _checked_kind(address: Address, kind: MailboxKind | str) -> MailboxKind:
    try:
        known = MailboxKind(kind)
    except ValueError:
        raise BadInput("type de boîte inconnu", "unknown mailbox kind") from None
    if address.is_patient != (known is MailboxKind.PAT):
        raise BadInput(
            "ce type de boîte ne convient pas à cette adresse", "patient kind and patient domain go together"
        )
    return known


def _row(session: Session, keyring: Keyring, mailbox: Mailbox, address: Address, now: datetime) -> dict[str, Any]:
    key = holder_key(session, keyring, mailbox.holder_id)
    return {
        "id": mailbox.id,
        "lookup": lookup_of(keyring, address),
        "sealed_address": seal(key, address.text.encode(), object_aad("mailbox", mailbox.id, 1)),
        "kind": mailbox.kind,
        "state": mailbox.state,
        "holder_id": mailbox.holder_id,
        "created_at": epoch_ms(now),
    }


def _one(session: Session, query: Select[Any], value: object) -> Mailbox | None:
    row = session.execute(query, {"value": value}).one_or_none()
    return Mailbox(*row) if row else None


def _move(session: Session, mailbox_id: int, state: str, before: Collection[str] = (OPEN, SUSPENDED)) -> None:
    """A mailbox whose address was forgotten with its key never comes back."""
    found = session.execute(
        update(mailboxes)
        .where(mailboxes.c.id == mailbox_id, mailboxes.c.state.in_(before), mailboxes.c.sealed_address != b"")
        .values(state=state)
        .returning(mailboxes.c.id)
    ).one_or_none()
    if found is None:
        raise NotFound("boîte aux lettres introuvable ou fermée", "no such mailbox, or closed")
    signal(session, TOPIC, mailbox_id)
