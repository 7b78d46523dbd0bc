"""NOOP, also as CHECK: the news of the folder, asked from the store itself. RFC 3501 §6.1.2, §6.4.1."""

from mail.imap.commands import Check, Noop
from mail.imap.session import Session


async def noop(session: Session, _command: Noop | Check) -> str:
    """What a lost signal may have hidden is found here at the latest."""
    await session.sync(expunges=True, force=True)
    return "nothing else to say"
