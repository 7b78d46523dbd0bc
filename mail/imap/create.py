"""CREATE. RFC 3501 §6.3.3; RFC 6154 §3 (special use), RFC 8474 §4.2 (MAILBOXID)."""

from mail import tree
from mail.imap.commands import Create
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
