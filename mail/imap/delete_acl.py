"""DELETEACL. RFC 4314 §3.2."""

from sqlalchemy.orm import Session as Rows

from mail import acl
from mail.imap.administer import administered, trace
from mail.imap.commands import DeleteAcl
from mail.imap.identifiers import identified
from mail.imap.session import Session


async def delete_acl(session: Session, command: DeleteAcl) -> str:
    """Raises NoSuchFolder, NoPermission, OwnerKeepsAll, ImapBad (identifier)."""
    await session.services.db.arun(_drop, session, command)
    return "the rights are deleted"


def _drop(rows: Rows, session: Session, command: DeleteAcl) -> None:
    folder = administered(rows, session.services.keyring, session.holder, command.mailbox)
    who = identified(rows, session.services.keyring, folder, command.identifier)
    acl.drop_rights(rows, folder, who)
    trace(rows, session, folder, who, "default")
