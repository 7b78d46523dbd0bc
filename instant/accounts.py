"""Accounts from the annuaire: one Matrix id for each professional and each organisation's mailbox; none for patients.

An account is usable once it is verified: its holder has signed in once with a code, or an identity, that we gave.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, case, delete, exists, insert, or_, select, update
from sqlalchemy.orm import Session

from core.address import Address
from core.clock import epoch_ms
from core.errors import NotFound, Refused
from core.ids import new_id
from crypto.keyring import Keyring
from directory.extracts.entry import Entry
from directory.mailboxes import address_of, find_mailbox
from directory.resolve import find_entry
from directory.tables import directory_struck, entries, mailboxes
from instant.names import localpart_of, user_id
from instant.tables import accounts, behind, codes, rules

PERSON, ROLE = "person", "role"
NEW, ACTIVE, SUSPENDED, CLOSED = "new", "active", "suspended", "closed"
_KINDS = {"PER": PERSON, "ORG": ROLE}


@dataclass(frozen=True, slots=True)
class Account:
    """A Matrix account of ours, `state` being what the homeserver was last told."""

    id: int
    mailbox_id: int
    user_id: str
    kind: str
    state: str
    verified: bool
    away: bool


_FACTS = tuple(accounts.c[name] for name in ("id", "mailbox_id", "user_id", "kind", "state", "verified", "away"))


def enrol(session: Session, keyring: Keyring, address: Address, server: str, now: datetime) -> Account:
    """The account of this mailbox, made where there was none; not yet verified.

    Raises NotFound (no open mailbox), Refused (a patient, a software, or nobody in the annuaire).
    """
    mailbox = find_mailbox(session, keyring, address)
    if mailbox is None or not mailbox.is_open:
        raise NotFound("boîte aux lettres introuvable ou fermée", "no open mailbox to enrol")
    if mailbox.kind not in _KINDS:
        raise Refused("la messagerie instantanée est réservée aux professionnels", "mailbox kind without chat")
    found = account_of_mailbox(session, mailbox.id)
    if found:
        return found
    entry = find_entry(session, address)
    if entry is None:
        raise Refused("adresse absente de l'annuaire", "no directory entry to enrol")
    kind = _KINDS[mailbox.kind]
    national_id = entry.national_id if kind == PERSON else ""
    name = user_id(localpart_of(keyring, national_id, address.key), server)
    account = Account(new_id(), mailbox.id, name, kind, NEW, False, False)
    _insert(session, account, national_id, now)
    return account


def _insert(session: Session, account: Account, national_id: str, now: datetime) -> None:
    facts = {column.name: getattr(account, column.name) for column in _FACTS}
    row = facts | {"national_id": national_id, "master_key": None, "created_at": epoch_ms(now)}
    session.execute(insert(accounts), row)


def account_of_mailbox(session: Session, mailbox_id: int) -> Account | None:
    """The account that speaks for this mailbox."""
    return _one(session, accounts.c.mailbox_id == mailbox_id)


def find_account(session: Session, matrix_id: str) -> Account | None:
    """The account with this Matrix id."""
    return _one(session, accounts.c.user_id == matrix_id)


def get_account(session: Session, account_id: int) -> Account:
    """Raises NotFound."""
    found = _one(session, accounts.c.id == account_id)
    if found is None:
        raise NotFound("compte introuvable", "no such chat account")
    return found


def shown_name(session: Session, keyring: Keyring, account: Account) -> str:
    """Name, profession and place as the annuaire has them: what colleagues see, and nobody can change."""
    entry = find_entry(session, address_of(session, keyring, account.mailbox_id))
    return name_of(entry) if entry else "Compte fermé"


def name_of(entry: Entry) -> str:
    """`Dr Hélène KÉROUANTON · Médecin · PARIS`; an organisation has its service in place of a profession."""
    what = entry.specialty or entry.profession if entry.kind == "PER" else entry.service
    return " · ".join(part for part in (entry.label, what, entry.city) if part)


def verify(session: Session, account_id: int) -> None:
    """The holder has shown who he is."""
    session.execute(update(accounts).where(accounts.c.id == account_id).values(verified=True))


def put_behind(session: Session, role_id: int, person_id: int, *, on_call: bool = False) -> None:
    """A named person acts for an organisation. Raises NotFound, Refused where the kinds do not fit."""
    if get_account(session, role_id).kind != ROLE or get_account(session, person_id).kind != PERSON:
        raise Refused("une personne agit pour une organisation", "wrong kinds for a named person behind a role")
    session.execute(delete(behind).where(behind.c.role_id == role_id, behind.c.person_id == person_id))
    session.execute(insert(behind), {"role_id": role_id, "person_id": person_id, "on_call": on_call})


def set_away(session: Session, account_id: int, *, away: bool) -> None:
    """An organisation that is away is not invited."""
    session.execute(update(accounts).where(accounts.c.id == account_id).values(away=away))


def may_speak_for(session: Session, mailbox_id: int, matrix_id: str) -> bool:
    """Whether this user writes in the mailbox's name: its own account, or a named person behind it, in good standing.

    What somebody wrote who is struck off meanwhile leaves no more, whatever the homeserver has been told yet.
    """
    speaker = find_account(session, matrix_id)
    if speaker is None or not speaker.verified or not _stands(session, speaker):
        return False
    if speaker.mailbox_id == mailbox_id:
        return True
    role = account_of_mailbox(session, mailbox_id)
    query = select(behind.c.role_id).where(
        behind.c.role_id == (role.id if role else 0), behind.c.person_id == speaker.id
    )
    return session.execute(query).first() is not None


def _stands(session: Session, account: Account) -> bool:
    query = select(wanted_state()).join(mailboxes, mailboxes.c.id == accounts.c.mailbox_id)
    wanted = session.execute(query.where(accounts.c.id == account.id)).scalar_one()
    return bool(account.state != CLOSED and wanted == ACTIVE)


def people_behind(session: Session, role_id: int, *, on_call: bool = False) -> list[Account]:
    """The named people in good standing, those on call first, or those alone."""
    query = select(*_FACTS).join(behind, behind.c.person_id == accounts.c.id)
    query = query.join(mailboxes, mailboxes.c.id == accounts.c.mailbox_id)
    query = query.where(behind.c.role_id == role_id, accounts.c.state != CLOSED, wanted_state() == ACTIVE)
    if on_call:
        query = query.where(behind.c.on_call)
    return [Account(*row) for row in session.execute(query.order_by(behind.c.on_call.desc(), accounts.c.id))]


def set_rule(session: Session, account_id: int, subject: str, allow: bool | None) -> None:
    """A user's own list: who may invite him; None takes the rule away."""
    session.execute(delete(rules).where(rules.c.account_id == account_id, rules.c.subject == subject))
    if allow is not None:
        session.execute(insert(rules), {"account_id": account_id, "subject": subject, "allow": allow})


def wanted_state() -> Any:
    """SQL: what the homeserver should know, from the mailbox's state and the annuaire."""
    listed = exists().where(entries.c.national_id == accounts.c.national_id)
    struck_off = exists().where(directory_struck.c.national_id == accounts.c.national_id)
    person = accounts.c.kind == PERSON
    return case(
        (or_(mailboxes.c.state == "closed", and_(person, struck_off)), CLOSED),
        (or_(mailboxes.c.state == "suspended", and_(person, ~listed)), SUSPENDED),
        else_=ACTIVE,
    )


def changed(session: Session) -> list[tuple[Account, str]]:
    """Accounts whose homeserver state is not what it should be, with the state it should have."""
    wanted = wanted_state()
    query = (
        select(*_FACTS, wanted)
        .join(mailboxes, mailboxes.c.id == accounts.c.mailbox_id)
        .where(accounts.c.state != CLOSED, accounts.c.state != wanted)
    )
    return [(Account(*row[:-1]), row[-1]) for row in session.execute(query)]


def note_state(session: Session, account_id: int, state: str) -> None:
    """What the homeserver has been told; a closed account keeps no code and no rule."""
    session.execute(update(accounts).where(accounts.c.id == account_id).values(state=state))
    if state == CLOSED:
        session.execute(delete(codes).where(codes.c.account_id == account_id))


def all_accounts(session: Session) -> list[Account]:
    """Every account, oldest first."""
    return [Account(*row) for row in session.execute(select(*_FACTS).order_by(accounts.c.id))]


def pinned_key(session: Session, matrix_id: str) -> str | None:
    """The cross-signing master key seen at first; another one later is an alarm."""
    found: str | None = session.execute(
        select(accounts.c.master_key).where(accounts.c.user_id == matrix_id)
    ).scalar_one_or_none()
    return found


def pin_key(session: Session, matrix_id: str, master_key: str | None) -> None:
    """Keep it; None forgets it, so that the next one seen is kept."""
    session.execute(update(accounts).where(accounts.c.user_id == matrix_id).values(master_key=master_key))


def _one(session: Session, condition: Any) -> Account | None:
    row = session.execute(select(*_FACTS).where(condition)).one_or_none()
    return Account(*row) if row else None
