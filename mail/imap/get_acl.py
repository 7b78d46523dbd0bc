"""GETACL. RFC 4314 §3.3."""

from collections.abc import Iterator

from sqlalchemy.orm import Session as Rows

from crypto.keyring import Keyring
from mail import acl
from mail.accounts import CLOSED, accounts_of
from mail.acl import ANYONE, Acl
from mail.auth import Identity
from mail.folders import Folder
from mail.imap.administer import administered
from mail.imap.commands import GetAcl
from mail.imap.identifiers import ANY
from mail.imap.respond import line, mailbox
from mail.imap.session import Session
from mail.imap.strings import astring
from mail.rights import ALL, told


async def get_acl(session: Session, command: GetAcl) -> str:
    """Raises NoSuchFolder, NoPermission."""
    entries = await session.services.db.aread(_entries, session.services.keyring, session.holder, command.mailbox)
    words = [word for name, rights in entries for word in (astring(name), astring(rights.encode()))]
    session.wire.write(line(b"* ACL", mailbox(command.mailbox, utf8=session.utf8), *words))
    return "those are the rights"


def _entries(rows: Rows, keyring: Keyring, who: Identity, name: str) -> list[tuple[bytes, str]]:
    folder = administered(rows, keyring, who, name)
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
