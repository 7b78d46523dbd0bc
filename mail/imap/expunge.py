"""EXPUNGE and UID EXPUNGE. RFC 3501 §6.4.3, RFC 4315 §2.1. The client learns what went from the news that follow."""

from mail import deletion
from mail.imap.commands import Expunge
from mail.imap.session import Session


async def expunge(session: Session, command: Expunge) -> str:
    """Raises ImapBad [READ-ONLY], NoPermission."""
    view = session.check_may("e")
    uids = None if command.uids is None else view.uids_at(view.by_uid(command.uids))
    services = session.services
    where = (services.trail, session.holder, view.folder.id)
    await services.db.arun(deletion.expunge, *where, uids, services.clock.now())
    await session.sync(expunges=True, force=True)
    return f"[HIGHESTMODSEQ {max(view.modseq, 1)}] expunged" if session.qresync else "expunged"  # RFC 7162 §3.2.7
