"""A named delegate at the door: `mailbox*person` with the person's own password enters the mailbox they act for.

The trail keeps the person's account, so that it tells who it was.
"""

from datetime import datetime

from sqlalchemy.orm import Session

from core.address import Address, NotAnAddress
from crypto.keyring import Keyring
from directory.delegates import acts_for
from directory.mailboxes import find_mailbox
from mail.accounts import Account

SEPARATOR = "*"


def split_login(login: str) -> tuple[str, str]:
    """The person's login, and the mailbox that they want to enter: empty for their own."""
    mailbox, star, person = login.strip().rpartition(SEPARATOR)
    return (person, mailbox) if star else (login, "")


def mailbox_of_delegate(
    session: Session, keyring: Keyring, account: Account, wanted: str, now: datetime
) -> tuple[int, int, Address] | None:
    """Mailbox, holder and address; None where this person does not act for it."""
    try:
        address = Address.parse(wanted)
    except NotAnAddress:
        return None
    mailbox = find_mailbox(session, keyring, address)
    if mailbox is None or not acts_for(session, keyring, mailbox, account.mailbox_id, now):
        return None
    return mailbox.id, mailbox.holder_id, address
