"""STATUS, also as asked for by LIST. RFC 3501 §6.3.10, RFC 5819; RFC 8438 (SIZE), RFC 8474 (MAILBOXID)."""

from sqlalchemy.orm import Session as Rows

from mail import folders
from mail.acl import require
from mail.imap.commands import Status
from mail.imap.respond import status_line
from mail.imap.session import Session


async def status(session: Session, command: Status) -> str:
    """Raises NoSuchFolder, NoPermission."""
    if "HIGHESTMODSEQ" in command.items:
        session.enable("CONDSTORE")  # RFC 7162 §3.1
    found = await session.services.db.aread(_status, session, command)
    session.wire.write(status_line(command.mailbox, figures(session, found, command.items), utf8=session.utf8))
    return "those are the figures"


def _status(rows: Rows, session: Session, command: Status) -> folders.Status:
    where = session.services.keyring, session.holder.mailbox_id
    require(rows, folders.find_folder(rows, *where, command.mailbox), session.holder, "r")
    return folders.status(rows, *where, command.mailbox, with_size=asks_sizes(command.items))


def asks_sizes(items: tuple[str, ...]) -> bool:
    """Whether octets have to be counted."""
    return "SIZE" in items or "DELETED-STORAGE" in items


def figures(session: Session, found: folders.Status, items: tuple[str, ...]) -> list[tuple[str, int | str]]:
    """The figures asked for, by name."""
    known: dict[str, int | str] = {
        "MESSAGES": found.messages,
        "RECENT": session.services.recents.count(found.folder_id, found.uidnext),
        "UIDNEXT": found.uidnext,
        "UIDVALIDITY": found.uidvalidity,
        "UNSEEN": found.unseen,
        "HIGHESTMODSEQ": found.modseq,
        "SIZE": found.size,
        "DELETED": found.deleted,
        "DELETED-STORAGE": found.deleted_size,
        "MAILBOXID": f"({mailbox_id(found.folder_id)})",
        "APPENDLIMIT": session.services.options.message_octets,
    }
    return [(item, known[item]) for item in items]


def mailbox_id(folder_id: int) -> str:
    """What a mailbox keeps for life, whatever its name. RFC 8474 §4."""
    return f"F{folder_id}"
