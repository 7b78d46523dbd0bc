"""STATUS, also as asked for by LIST. RFC 3501 §6.3.10, RFC 5819; RFC 8438 (SIZE), RFC 8474 (MAILBOXID).

Answered from the folder's index, which is kept: counting the rows of a large folder each time is what polling costs.
"""

from collections.abc import Callable

from sqlalchemy.orm import Session as Rows

from mail import folders
from mail.acl import require
from mail.folder_rows import FolderGone
from mail.folders import Folder, NoSuchFolder
from mail.imap.commands import Status
from mail.imap.respond import status_line
from mail.imap.session import Session
from mail.index import Index

Figure = Callable[[Session, Folder, Index], int | str]

_FIGURES: dict[str, Figure] = {
    "MESSAGES": lambda _session, _folder, index: len(index),
    "RECENT": lambda session, folder, index: session.services.recents.count(folder.id, index.uidnext),
    "UIDNEXT": lambda _session, _folder, index: index.uidnext,
    "UIDVALIDITY": lambda _session, folder, _index: folder.uidvalidity,
    "UNSEEN": lambda _session, _folder, index: index.unseen,
    "HIGHESTMODSEQ": lambda _session, _folder, index: max(index.modseq, 1),
    "SIZE": lambda _session, _folder, index: index.octets,
    "DELETED": lambda _session, _folder, index: index.deleted,
    "DELETED-STORAGE": lambda _session, _folder, index: index.deleted_octets,
    "MAILBOXID": lambda _session, folder, _index: f"({mailbox_id(folder.id)})",
    "APPENDLIMIT": lambda session, _folder, _index: session.services.options.message_octets,
}


async def status(session: Session, command: Status) -> str:
    """Raises NoSuchFolder, NoPermission."""
    if "HIGHESTMODSEQ" in command.items:
        session.enable("CONDSTORE")  # RFC 7162 §3.1
    folder = await session.services.db.aread(_readable, session, command.mailbox)
    session.wire.write(await figures(session, folder, command.mailbox, command.items))
    return "those are the figures"


def _readable(rows: Rows, session: Session, name: str) -> Folder:
    folder = folders.find_folder(rows, session.services.keyring, session.holder.mailbox_id, name)
    require(rows, folder, session.holder, "r")
    return folder


async def figures(session: Session, folder: Folder, name: str, items: tuple[str, ...]) -> bytes:
    """The line with those asked for, under the name that the client has said. Raises NoSuchFolder."""
    try:
        index = await session.services.indexes.now(folder.id)
    except FolderGone:
        raise NoSuchFolder("no such mailbox") from None
    return status_line(name, [(item, _FIGURES[item](session, folder, index)) for item in items], utf8=session.utf8)


def mailbox_id(folder_id: int) -> str:
    """What a mailbox keeps for life, whatever its name. RFC 8474 §4."""
    return f"F{folder_id}"
