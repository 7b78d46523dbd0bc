"""SETACL. RFC 4314 §3.1."""

from sqlalchemy.orm import Session as Rows

from mail import acl
from mail.acl import ANYONE
from mail.imap.administer import administered, trace
from mail.imap.commands import SetAcl
from mail.imap.identifiers import identified
from mail.imap.session import Session
from mail.rights import ALL, changed, letters


async def set_acl(session: Session, command: SetAcl) -> str:
    """Raises NoSuchFolder, NoPermission, OwnerKeepsAll, ImapBad (identifier)."""
    await session.services.db.arun(_set, session, command)
    return "the rights are set"


def _set(rows: Rows, session: Session, command: SetAcl) -> None:
    folder = administered(rows, session.services.keyring, session.holder, command.mailbox)
    who = identified(rows, session.services.keyring, folder, command.identifier)
    before = acl.acl_of(rows, folder)
    had = before.rows.get(ANYONE, ALL) if who == ANYONE else before.of(who)
    rights = changed(had, command.mode, command.rights)
    acl.put_rights(rows, folder, who, rights)
    trace(rows, session, folder, who, letters(rights) or "nothing")
