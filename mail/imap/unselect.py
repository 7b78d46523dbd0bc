"""UNSELECT. RFC 3691 §2."""

from mail.imap.commands import Unselect
from mail.imap.session import Session


async def unselect(session: Session, _command: Unselect) -> str:
    """Nothing goes."""
    session.deselect()
    return "left"
