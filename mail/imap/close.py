"""CLOSE. RFC 3501 §6.4.2."""

from mail import deletion, folder_rows
from mail.imap.commands import Close
from mail.imap.session import Session


async def close(session: Session, _command: Close) -> str:
    """Messages marked \\Deleted go in silence, unless the mailbox was only examined or the right is missing."""
    view = session.selected
    if not view.read_only and "e" in view.rights:
        services = session.services
        where = (services.trail, session.holder, view.folder.id)
        gone = await services.db.arun(deletion.expunge, *where, None, services.clock.now())
        if gone and session.qresync:  # RFC 7162 §3.2.8
            modseq = await session.services.db.aread(folder_rows.last_modseq, view.folder.id)
            session.deselect()
            return f"[HIGHESTMODSEQ {modseq}] closed"
    session.deselect()
    return "closed"
