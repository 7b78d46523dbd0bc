"""DELETE. RFC 3501 §6.3.4."""

from mail import deletion
from mail.imap.commands import Delete
from mail.imap.session import Session


async def delete(session: Session, command: Delete) -> str:
    """Raises NoSuchFolder, FolderKept, NoPermission."""
    services, who = session.services, session.holder
    where = (services.trail, services.keyring, who, command.mailbox)
    gone = await services.db.arun(deletion.delete_folder, *where, services.clock.now())
    if session.view is not None and session.view.folder.id == gone:  # whatever its name was when it was selected
        session.deselect()
    return "deleted"
