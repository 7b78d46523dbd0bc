"""Whether more fits into a mailbox. RFC 9208 §4.3.

The limit is the operator's. It bounds what a client itself puts in (APPEND, COPY): mail that comes in is never refused
for it, since a prescription outweighs a figure.
"""

from sqlalchemy.orm import Session as Rows

from mail.folder_usage import used
from mail.imap.errors import ImapBad
from mail.imap.session import Session


def check_room(rows: Rows, session: Session, octets: int) -> None:
    """Raises ImapBad [OVERQUOTA] when so much more does not fit."""
    limit = session.services.options.mailbox_octets
    if limit and used(rows, session.holder.mailbox_id) + octets > limit:
        raise ImapBad("the mailbox is full", condition="NO", code="OVERQUOTA")
