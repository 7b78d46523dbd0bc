"""GETACL, SETACL, DELETEACL, LISTRIGHTS and MYRIGHTS. RFC 4314 §3.

Identifiers are `anyone` and the logins of the accounts of this very mailbox; the national identifier stands for the
login of a person to whom it was granted. Every other word gets one and the same answer, so that nobody learns who else
has an account.
"""

from collections.abc import Iterator

from sqlalchemy import select
from sqlalchemy.orm import Session as Rows

from core.audit import Event
from crypto.keyring import Keyring
from mail import acl
from mail.accounts import CLOSED, accounts_of, login_lookup, subject_lookup
from mail.acl import ANYONE, Acl
from mail.auth import Identity
from mail.folders import Folder, NoSuchFolder, find_folder
from mail.imap.commands import DeleteAcl, GetAcl, ListRights, MyRights, SetAcl
from mail.imap.errors import ImapBad
from mail.imap.respond import line, mailbox
from mail.imap.session import Session
from mail.imap.strings import astring
from mail.rights import ALL, LETTERS, VIRTUAL, changed, letters, told
from mail.tables import accounts

ANY = b"anyone"
KNOWN = frozenset("lrikxa")  # with one of these MYRIGHTS answers, §4


async def get_acl(session: Session, command: GetAcl) -> str:
    """Raises NoSuchFolder, NoPermission."""
    entries = await session.services.db.aread(_entries, session.services.keyring, session.holder, command.mailbox)
    words = [word for name, rights in entries for word in (astring(name), astring(rights.encode()))]
    session.wire.write(line(b"* ACL", mailbox(command.mailbox, utf8=session.utf8), *words))
    return "those are the rights"


async def set_acl(session: Session, command: SetAcl) -> str:
    """Raises NoSuchFolder, NoPermission, OwnerKeepsAll, ImapBad (identifier)."""
    await session.services.db.arun(_set, session, command)
    return "the rights are set"


async def delete_acl(session: Session, command: DeleteAcl) -> str:
    """Raises as `set_acl`."""
    await session.services.db.arun(_drop, session, command)
    return "the rights are deleted"


async def list_rights(session: Session, command: ListRights) -> str:
    """What an identifier always has, and what it may be given, right by right. Raises as `set_acl`."""
    owner = await session.services.db.aread(_is_owner, session.services.keyring, session.holder, command)
    every = [letter.encode() for letter in (*LETTERS, *VIRTUAL)]
    words = [b"".join(every)] if owner else [b'""', *every]
    where = mailbox(command.mailbox, utf8=session.utf8)
    session.wire.write(line(b"* LISTRIGHTS", where, astring(command.identifier), *words))
    return "those can be given"


async def my_rights(session: Session, command: MyRights) -> str:
    """Raises NoSuchFolder, also where one may do nothing."""
    rights = await session.services.db.aread(_mine, session.services.keyring, session.holder, command.mailbox)
    session.wire.write(line(b"* MYRIGHTS", mailbox(command.mailbox, utf8=session.utf8), astring(told(rights).encode())))
    return "those are yours"


def _administered(rows: Rows, keyring: Keyring, who: Identity, name: str) -> Folder:
    folder = find_folder(rows, keyring, who.mailbox_id, name)
    acl.require(rows, folder, who, "a")
    return folder


def _mine(rows: Rows, keyring: Keyring, who: Identity, name: str) -> frozenset[str]:
    rights = acl.rights_of(rows, find_folder(rows, keyring, who.mailbox_id, name), who)
    if not rights & KNOWN:
        raise NoSuchFolder("no such mailbox")
    return rights


def _entries(rows: Rows, keyring: Keyring, who: Identity, name: str) -> list[tuple[bytes, str]]:
    folder = _administered(rows, keyring, who, name)
    found = acl.acl_of(rows, folder)
    owner = acl.owner_of(rows, folder.mailbox_id)
    return list(_lines(rows, keyring, folder, found, owner))


def _lines(rows: Rows, keyring: Keyring, folder: Folder, found: Acl, owner: int | None) -> Iterator[tuple[bytes, str]]:
    """The owner, anyone, then the others, oldest first; a closed account's row says nothing any more."""
    anyone = found.rows.get(ANYONE, ALL)
    people = {one.id: one for one in accounts_of(rows, keyring, folder.mailbox_id) if one.state != CLOSED}
    if owner in people:
        yield people[owner].name_in_lists.encode(), told(ALL)
    if anyone:
        yield ANY, told(anyone)
    for account_id, account in people.items():
        if account_id != owner and account_id in found.rows:
            yield account.name_in_lists.encode(), told(found.rows[account_id])


def _set(rows: Rows, session: Session, command: SetAcl) -> None:
    folder = _administered(rows, session.services.keyring, session.holder, command.mailbox)
    who = _identified(rows, session.services.keyring, folder, command.identifier)
    before = acl.acl_of(rows, folder)
    had = before.rows.get(ANYONE, ALL) if who == ANYONE else before.of(who)
    rights = changed(had, command.mode, command.rights)
    acl.put_rights(rows, folder, who, rights)
    _trace(rows, session, folder, who, letters(rights) or "nothing")


def _drop(rows: Rows, session: Session, command: DeleteAcl) -> None:
    folder = _administered(rows, session.services.keyring, session.holder, command.mailbox)
    who = _identified(rows, session.services.keyring, folder, command.identifier)
    acl.drop_rights(rows, folder, who)
    _trace(rows, session, folder, who, "default")


def _is_owner(rows: Rows, keyring: Keyring, who: Identity, command: ListRights) -> bool:
    folder = _administered(rows, keyring, who, command.mailbox)
    return _identified(rows, keyring, folder, command.identifier) == acl.owner_of(rows, folder.mailbox_id)


def _identified(rows: Rows, keyring: Keyring, folder: Folder, identifier: bytes) -> int:
    """The account of this mailbox with this login or of this person, or ANYONE.

    Raises ImapBad [CANNOT], the same for all others. A word with "-" in front would mean rights to be denied (§2): none
    here is called so.
    """
    if identifier == ANY:
        return ANYONE
    name = identifier.decode("utf-8", "replace")
    mine = (accounts.c.mailbox_id == folder.mailbox_id) & (accounts.c.state != CLOSED)
    login, person = (
        accounts.c.lookup == login_lookup(keyring, name),
        accounts.c.subject_lookup == subject_lookup(keyring, name),
    )
    query = select(accounts.c.id).where(mine, login | person).order_by(login.desc()).limit(1)
    found: int | None = rows.execute(query).scalar_one_or_none()
    if found is None or identifier.startswith(b"-"):
        raise ImapBad("there is no such identifier here", condition="NO", code="CANNOT")
    return found


def _trace(rows: Rows, session: Session, folder: Folder, who: int, what: str) -> None:
    """Whose rights on which folder, and what they are now; in the transaction that changes them."""
    services, actor = session.services, session.holder
    detail = f"{'anyone' if who == ANYONE else who}: {what}"
    now, by = services.clock.now(), str(actor.account_id)
    services.trail.record(rows, Event(by, "mail.rights", "set", now, folder.id, actor.holder_id, detail))
