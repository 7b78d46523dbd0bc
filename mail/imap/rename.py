"""RENAME. RFC 3501 §6.3.5."""

from mail import tree
from mail.imap.commands import Rename
from mail.imap.session import Session


async def rename(session: Session, command: Rename) -> str:
    """Raises NoSuchFolder, FolderExists, FolderKept, NoPermission, BadInput."""
    who, now = session.holder, session.services.clock.now()
    keyring = session.services.keyring
    await session.services.db.arun(tree.rename_folder, keyring, who, command.mailbox, command.to, now)
    return "renamed"
