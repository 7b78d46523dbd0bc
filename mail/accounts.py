"""Accounts: a login (or a software's certificate), a role, and the mailbox that they speak for.

The login is kept as a blind index and, sealed under the mailbox's holder key, in the profile.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core.address import Address
from core.errors import BadInput, NotFound, Refused
from core.ids import new_id, token
from crypto.keyring import Keyring
from crypto.sealed import object_aad, seal, unseal
from directory.holders import holder_aad
from directory.tables import holders, mailboxes
from mail.tables import accounts

ROLES = frozenset({"patient", "pharmacist", "physician", "operator", "software"})
GRANT = " "  # between a national identifier and what makes a login of it
ACTIVE, SUSPENDED, CLOSED = "active", "suspended", "closed"


@dataclass(frozen=True, slots=True, repr=False)
class NewAccount:
    """What an account is made of. A software has a certificate's SHA-256 (hexadecimal) in place of a password.

    `subject`: the national identifier (SubjectNameID) whose access tokens open this account; one account for each
    person and mailbox, so that the trail says who it was.

    `profile` is sealed: display name and whatever the pages keep for this person.
    """

    login: str
    role: str
    mailbox_id: int
    password_hash: str | None = None
    certificate_sha256: str | None = None
    subject: str | None = None
    profile: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, repr=False)
class Account:
    """An account with its mailbox's address and state."""

    id: int
    mailbox_id: int
    holder_id: int
    address: Address
    role: str
    password_hash: str | None
    certificate_sha256: str | None
    state: str
    mailbox_state: str
    profile: Mapping[str, Any]

    @property
    def may_log_in(self) -> bool:
        """A suspended mailbox can still be read; a closed one cannot."""
        return self.state == ACTIVE and self.mailbox_state != "closed"

    @property
    def name_in_lists(self) -> str:
        """What colleagues call it: its login, or the national identifier where it was granted to a person's tokens."""
        login = str(self.profile["login"])
        granted = self.password_hash is None and self.certificate_sha256 is None
        return login.partition(GRANT)[0] if granted else login


def granted_login(subject: str) -> str:
    """The login of an account that only this person's tokens open: nobody types it, and each mailbox has its own."""
    return f"{subject}{GRANT}{token()}"


def create_account(session: Session, keyring: Keyring, new: NewAccount) -> int:
    """Make one account; returns its id. Raises BadInput, NotFound (mailbox), Refused (login or certificate taken)."""
    return create_accounts(session, keyring, [new])[0]


def create_accounts(session: Session, keyring: Keyring, many: Sequence[NewAccount]) -> list[int]:
    """Make many at once; the ids in order. Raises as `create_account`; then none was made."""
    keys = _holder_keys(session, keyring, {new.mailbox_id for new in many})
    rows = [_row(keyring, new, keys) for new in many]
    try:
        with session.begin_nested():
            session.execute(insert(accounts), rows)
    except IntegrityError:
        raise Refused("ce compte existe déjà", "account login or certificate taken") from None
    return [row["id"] for row in rows]


def account_by_login(session: Session, keyring: Keyring, login: str) -> Account | None:
    """The account of this login, whatever its state; its case does not matter."""
    return _one(session, keyring, accounts.c.lookup == login_lookup(keyring, login))


def account_by_certificate(session: Session, keyring: Keyring, sha256: str) -> Account | None:
    """The account of the software with this certificate."""
    return _one(session, keyring, accounts.c.certificate_sha256 == sha256.lower())


def account_by_subject(session: Session, keyring: Keyring, subject: str, mailbox: str = "") -> Account | None:
    """The account of this person at this mailbox; without an address (RFC 7628 allows it), the only one there is."""
    found = list(session.execute(_QUERY.where(accounts.c.subject_lookup == subject_lookup(keyring, subject))))
    wanted = mailbox.strip().lower()
    fit = [account for row in found if wanted in ("", (account := _account(keyring, row)).address.key)]
    return fit[0] if len(fit) == 1 else None


def get_account(session: Session, keyring: Keyring, account_id: int) -> Account:
    """Raises NotFound."""
    found = _one(session, keyring, accounts.c.id == account_id)
    if found is None:
        raise NotFound("compte introuvable", "no such account")
    return found


def accounts_of(session: Session, keyring: Keyring, mailbox_id: int) -> list[Account]:
    """Every account that speaks for this mailbox, oldest first."""
    return [_account(keyring, row) for row in session.execute(_QUERY.where(accounts.c.mailbox_id == mailbox_id))]


def set_password(session: Session, account_id: int, password_hash: str) -> None:
    """Takes effect at the next login. Raises NotFound."""
    _change(session, account_id, password_hash=password_hash)


def set_subject(session: Session, keyring: Keyring, account_id: int, subject: str | None) -> None:
    """Whose access tokens open this account; None: nobody's. Raises NotFound, Refused (theirs already)."""
    lookup = subject_lookup(keyring, subject) if subject else None
    try:
        with session.begin_nested():
            _change(session, account_id, subject_lookup=lookup)
    except IntegrityError:
        raise Refused("cette personne a déjà un accès à cette boîte", "subject taken at this mailbox") from None


def set_state(session: Session, account_id: int, state: str) -> None:
    """active, suspended or closed; takes effect at the next login. Raises NotFound, BadInput."""
    if state not in {ACTIVE, SUSPENDED, CLOSED}:
        raise BadInput("état inconnu", "unknown account state")
    _change(session, account_id, state=state)


def login_lookup(keyring: Keyring, login: str) -> bytes:
    """The blind index of a login."""
    return keyring.blind("login", login.strip().lower())


def subject_lookup(keyring: Keyring, subject: str) -> bytes:
    """The blind index of a national identifier as tokens write it."""
    return keyring.blind("subject", subject.strip())


def _row(keyring: Keyring, new: NewAccount, keys: Mapping[int, bytes]) -> dict[str, Any]:
    if new.role not in ROLES or not new.login.strip() or not _has_proof(new):
        raise BadInput("compte mal formé", "account without login, known role or credential")
    if new.mailbox_id not in keys:
        raise NotFound("boîte aux lettres introuvable", "no such mailbox")
    account_id = new_id()
    profile = json.dumps({**new.profile, "login": new.login.strip()}, ensure_ascii=False).encode()
    return {
        "id": account_id,
        "lookup": login_lookup(keyring, new.login),
        "mailbox_id": new.mailbox_id,
        "role": new.role,
        "password_hash": new.password_hash,
        "certificate_sha256": new.certificate_sha256.lower() if new.certificate_sha256 else None,
        "subject_lookup": subject_lookup(keyring, new.subject) if new.subject else None,
        "sealed_profile": seal(keys[new.mailbox_id], profile, _profile_aad(account_id)),
        "state": ACTIVE,
    }


def _has_proof(new: NewAccount) -> bool:
    return bool(new.password_hash or new.certificate_sha256 or (new.subject and new.subject.strip()))


def _holder_keys(session: Session, keyring: Keyring, mailbox_ids: Iterable[int]) -> dict[int, bytes]:
    """Mailbox → its holder's key, in statements of 500 ids."""
    wanted = list(mailbox_ids)
    found: dict[int, bytes] = {}
    for start in range(0, len(wanted), 500):
        query = (
            select(mailboxes.c.id, mailboxes.c.holder_id, holders.c.wrapped_key)
            .join(holders, holders.c.id == mailboxes.c.holder_id)
            .where(mailboxes.c.id.in_(wanted[start : start + 500]), holders.c.wrapped_key.is_not(None))
        )
        for row in session.execute(query):
            found[row.id] = keyring.unwrap_holder(row.wrapped_key, holder_aad(row.holder_id))
    return found


_QUERY = (
    select(
        *(accounts.c.id, accounts.c.mailbox_id, mailboxes.c.holder_id, mailboxes.c.sealed_address, accounts.c.role),
        *(accounts.c.password_hash, accounts.c.certificate_sha256, accounts.c.state),
        *(mailboxes.c.state.label("mailbox_state"), accounts.c.sealed_profile, holders.c.wrapped_key),
    )
    .join(mailboxes, mailboxes.c.id == accounts.c.mailbox_id)
    .join(holders, holders.c.id == mailboxes.c.holder_id)
    .where(holders.c.wrapped_key.is_not(None))
    .order_by(accounts.c.id)
)


def _one(session: Session, keyring: Keyring, condition: Any) -> Account | None:
    row = session.execute(_QUERY.where(condition)).one_or_none()
    return _account(keyring, row) if row else None


def _account(keyring: Keyring, row: Any) -> Account:
    key = keyring.unwrap_holder(row.wrapped_key, holder_aad(row.holder_id))
    return Account(
        id=row.id,
        mailbox_id=row.mailbox_id,
        holder_id=row.holder_id,
        address=Address.parse(unseal(key, row.sealed_address, object_aad("mailbox", row.mailbox_id, 1)).decode()),
        role=row.role,
        password_hash=row.password_hash,
        certificate_sha256=row.certificate_sha256,
        state=row.state,
        mailbox_state=row.mailbox_state,
        profile=json.loads(unseal(key, row.sealed_profile, _profile_aad(row.id))),
    )


def _profile_aad(account_id: int) -> bytes:
    return object_aad("profile", account_id, 1)


def _change(session: Session, account_id: int, **values: Any) -> None:
    done = session.execute(
        update(accounts).where(accounts.c.id == account_id).values(**values).returning(accounts.c.id)
    )
    if done.one_or_none() is None:
        raise NotFound("compte introuvable", "no such account")
