"""LOGOUT. RFC 3501 §6.1.3."""

from mail.imap.commands import Logout
from mail.imap.session import Session


async def logout(session: Session, _command: Logout) -> str:
    """BYE first, then OK, then the connection closes."""
    session.bye("until next time")
    return "logged out"
