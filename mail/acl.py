"""Who may do what in a folder of a mailbox that several accounts share: units of work. RFC 4314.

A folder without rows is open to every account of its mailbox. With rows an account has what its own row says, else what
the row of `anyone` says. The oldest active account of the mailbox, its owner, always has every right: nobody can lock a
mailbox for good. Named delegates from other mailboxes are among `anyone`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from core.db import signal
from core.errors import Refused
from mail.accounts import ACTIVE
from mail.auth import Identity
from mail.folders import TOPIC as FOLDER
from mail.folders import Folder, NoSuchFolder
from mail.rights import ALL, NONE, Rights, letters
from mail.tables import accounts, folder_rights, folders

TOPIC: Final = "rights"
ANYONE: Final = 0  # no account has this id


class NoPermission(Refused):
    """IMAP [NOPERM], RFC 5530 §3."""


class OwnerKeepsAll(Refused):
    """IMAP [CANNOT]: the owner's rights cannot be narrowed."""


@dataclass(frozen=True, slots=True)
class Acl:
    """The rows of one folder: account id (or ANYONE) → rights; and who owns the mailbox."""

    rows: Mapping[int, Rights]
    owner: int | None = None

    def of(self, account_id: int) -> Rights:
        """What an account may do."""
        if not self.rows or account_id == self.owner:
            return ALL
        return self.rows.get(account_id, self.rows.get(ANYONE, NONE))


OPEN: Final = Acl({})


def owner_of(session: Session, mailbox_id: int) -> int | None:
    """The oldest active account of the mailbox."""
    mine = (accounts.c.mailbox_id == mailbox_id) & (accounts.c.state == ACTIVE)
    return session.execute(select(accounts.c.id).where(mine).order_by(accounts.c.id).limit(1)).scalar_one_or_none()


def acl_of(session: Session, folder: Folder) -> Acl:
    """The folder's rows; one statement as long as there are none."""
    query = select(folder_rights.c.account_id, folder_rights.c.rights).where(folder_rights.c.folder_id == folder.id)
    rows = {row.account_id: frozenset(row.rights) for row in session.execute(query)}
    return Acl(rows, owner_of(session, folder.mailbox_id)) if rows else OPEN


def acls_of(session: Session, mailbox_id: int) -> Mapping[int, Acl]:
    """Folder id → rows, for the folders of the mailbox that have any."""
    query = select(*folder_rights.c).join(folders, folders.c.id == folder_rights.c.folder_id)
    found: dict[int, dict[int, Rights]] = {}
    for row in session.execute(query.where(folders.c.mailbox_id == mailbox_id)):
        found.setdefault(row.folder_id, {})[row.account_id] = frozenset(row.rights)
    owner = owner_of(session, mailbox_id) if found else None
    return {folder_id: Acl(rows, owner) for folder_id, rows in found.items()}


def rights_of(session: Session, folder: Folder, who: Identity) -> Rights:
    """What `who` may do in the folder."""
    return acl_of(session, folder).of(who.account_id)


def require(session: Session, folder: Folder, who: Identity, needed: Iterable[str]) -> Rights:
    """All that `who` may do there. Raises NoPermission, NoSuchFolder as `check`."""
    return check(rights_of(session, folder, who), needed)


def check(rights: Rights, needed: Iterable[str]) -> Rights:
    """Raises NoPermission; NoSuchFolder when even the name is none of theirs (RFC 4314 §6)."""
    if rights.issuperset(needed):
        return rights
    if "l" not in rights:
        raise NoSuchFolder("no such mailbox")
    raise NoPermission("you have no right to do this here")


def put_rights(session: Session, folder: Folder, account_id: int, rights: Rights) -> None:
    """The row of an account or of ANYONE. Raises OwnerKeepsAll."""
    if account_id == owner_of(session, folder.mailbox_id) and rights == ALL:
        return
    _change(session, folder, account_id, dict(acl_of(session, folder).rows or {ANYONE: ALL}) | {account_id: rights})


def drop_rights(session: Session, folder: Folder, account_id: int) -> None:
    """The row goes: an account has what anyone has, anyone has nothing. Raises OwnerKeepsAll."""
    rows = dict(acl_of(session, folder).rows or {ANYONE: ALL})
    rows.pop(account_id, None)
    _change(session, folder, account_id, {ANYONE: NONE} | rows)


def _change(session: Session, folder: Folder, account_id: int, rows: Mapping[int, Rights]) -> None:
    """Rows that say no more than the default are none at all: the folder is then as it was made."""
    if account_id == owner_of(session, folder.mailbox_id):
        raise OwnerKeepsAll("the first account of a mailbox has every right")
    session.execute(delete(folder_rights).where(folder_rights.c.folder_id == folder.id))
    if dict(rows) != {ANYONE: ALL}:
        _write(session, folder.id, rows)
    signal(session, TOPIC, folder.id)
    signal(session, FOLDER, folder.id)  # wakes who has it open


def inherit(session: Session, above: Folder, folder_ids: Iterable[int]) -> None:
    """New folders start with the rights of the one above them."""
    rows = acl_of(session, above).rows
    for folder_id in folder_ids if rows else ():
        _write(session, folder_id, rows)


def _write(session: Session, folder_id: int, rows: Mapping[int, Rights]) -> None:
    values = [{"folder_id": folder_id, "account_id": who, "rights": letters(rights)} for who, rights in rows.items()]
    session.execute(insert(folder_rights), values)
