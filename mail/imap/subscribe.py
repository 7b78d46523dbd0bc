"""SUBSCRIBE, or UNSUBSCRIBE when not `on`. RFC 3501 §6.3.6, §6.3.7."""

from sqlalchemy.orm import Session as Rows

from mail import folders
from mail.acl import require
from mail.imap.commands import Subscribe
from mail.imap.session import Session


async def subscribe(session: Session, command: Subscribe) -> str:
    """Raises NoSuchFolder."""
    await session.services.db.arun(_subscribe, session, command)
    return "subscribed" if command.on else "unsubscribed"


def _subscribe(rows: Rows, session: Session, command: Subscribe) -> None:
    where = session.services.keyring, session.holder.mailbox_id
    try:
        require(rows, folders.find_folder(rows, *where, command.mailbox), session.holder, "l")
    except folders.NoSuchFolder:
        if command.on:
            raise
    folders.subscribe(rows, *where, command.mailbox, command.on)
