"""GETQUOTA. RFC 9208 §4.1.1."""

from mail.imap.commands import GetQuota
from mail.imap.errors import ImapBad
from mail.imap.quota_line import tell_quota
from mail.imap.session import Session

ROOT = ""


async def get_quota(session: Session, command: GetQuota) -> str:
    """How a root stands. Raises ImapBad [NONEXISTENT]."""
    if command.root != ROOT:
        raise ImapBad("there is no such quota root", condition="NO", code="NONEXISTENT")
    await tell_quota(session)
    return "that is how it stands"
