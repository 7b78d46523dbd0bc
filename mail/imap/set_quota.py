"""SETQUOTA. RFC 9208 §4.1.3."""

from mail.imap.commands import SetQuota
from mail.imap.errors import ImapBad
from mail.imap.session import Session


async def set_quota(_session: Session, _command: SetQuota) -> str:
    """The limit is the operator's. Raises ImapBad [NOPERM]."""
    raise ImapBad("the operator sets the limit", condition="NO", code="NOPERM")
