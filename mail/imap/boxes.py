"""CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE: one unit of work each. RFC 3501 §6.3.3 to §6.3.7, RFC 6154 §3."""

from sqlalchemy.orm import Session as Rows

from mail import deletion, folders, tree
from mail.acl import require
from mail.imap.commands import Create, Delete, Rename, Subscribe
from mail.imap.errors import ImapBad
from mail.imap.session import Session
from mail.imap.status import mailbox_id


async def create(session: Session, command: Create) -> str:
    """Raises FolderExists, TooManyFolders, NoPermission, BadInput, ImapBad [USEATTR]."""
    if len(command.special_use) > 1:
        raise ImapBad("one special use for each mailbox", condition="NO", code="USEATTR")
    use = command.special_use[0] if command.special_use else None
    who, now = session.holder, session.services.clock.now()
    made = await session.services.db.arun(tree.create_folder, session.services.keyring, who, command.mailbox, now, use)
    return f"[MAILBOXID ({mailbox_id(made.id)})] created"  # RFC 8474 §4.2


async def delete(session: Session, command: Delete) -> str:
    """Raises NoSuchFolder, FolderKept, NoPermission."""
    services, who = session.services, session.holder
    where = (services.trail, services.keyring, who, command.mailbox)
    gone = await services.db.arun(deletion.delete_folder, *where, services.clock.now())
    if session.view is not None and session.view.folder.id == gone:  # whatever its name was when it was selected
        session.deselect()
    return "deleted"


async def rename(session: Session, command: Rename) -> str:
    """Raises NoSuchFolder, FolderExists, FolderKept, NoPermission, BadInput."""
    who, now = session.holder, session.services.clock.now()
    keyring = session.services.keyring
    await session.services.db.arun(tree.rename_folder, keyring, who, command.mailbox, command.to, now)
    return "renamed"


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
