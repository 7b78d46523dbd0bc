"""COPY and UID COPY. RFC 3501 §6.4.7, RFC 4315 §3."""

from collections.abc import Callable

from sqlalchemy.orm import Session as Rows

from mail import folder_rows
from mail.acl import require
from mail.folder_rows import Copied
from mail.folder_usage import octets_of
from mail.folders import NoSuchFolder, find_folder
from mail.imap.commands import Copy, Move
from mail.imap.errors import ImapBad
from mail.imap.respond import copyuid
from mail.imap.room import check_room
from mail.imap.session import Session

Work = Callable[[Rows, Session, int, int, list[int], str], Copied]  # mailbox, source folder, UIDs, name of the target


async def copy(session: Session, command: Copy) -> str:
    """All or nothing. Raises ImapBad [TRYCREATE], NoPermission."""
    view = session.selected
    uids = chosen(session, command)
    copied = await to_folder(session, _copy, view.folder.id, uids, command.mailbox)
    return f"[{copyuid(copied.uidvalidity, copied.sources, copied.targets)}] copied" if copied.sources else "copied"


def chosen(session: Session, command: Copy | Move) -> list[int]:
    """The UIDs that the command names. Raises NoSuchMessage."""
    view = session.selected
    return view.uids_at(view.by_uid(command.set) if command.uid else view.by_number(command.set))


async def to_folder(session: Session, work: Work, source: int, uids: list[int], mailbox: str) -> Copied:
    """Run `work` on the target folder; when there is none the client may create it (§6.3.11)."""
    try:
        box = session.holder.mailbox_id
        return await session.services.db.arun(work, session, box, source, uids, mailbox)
    except NoSuchFolder:
        raise ImapBad("there is no such mailbox", condition="NO", code="TRYCREATE") from None


def _copy(rows: Rows, session: Session, mailbox_id: int, source: int, uids: list[int], mailbox: str) -> Copied:
    folder = find_folder(rows, session.services.keyring, mailbox_id, mailbox)
    rights = require(rows, folder, session.holder, "i")
    if session.services.options.mailbox_octets:
        check_room(rows, session, octets_of(rows, source, uids))
    return folder_rows.copy(rows, source, uids, folder.id, rights)
