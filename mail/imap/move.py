"""MOVE and UID MOVE. RFC 6851: the COPYUID comes first, untagged, then the EXPUNGE of each."""

from sqlalchemy.orm import Session as Rows

from mail import folder_rows
from mail.acl import require
from mail.folder_rows import Copied
from mail.folders import find_folder
from mail.imap.commands import Move
from mail.imap.copy import chosen, to_folder
from mail.imap.respond import copyuid, tagged
from mail.imap.session import Session


async def move(session: Session, command: Move) -> str:
    """All or nothing. Raises ImapBad [TRYCREATE], [READ-ONLY], NoPermission."""
    view = session.check_may("te")
    copied = await to_folder(session, _move, view.folder.id, chosen(session, command), command.mailbox)
    if copied.sources:
        code = copyuid(copied.uidvalidity, copied.sources, copied.targets)
        session.wire.write(tagged("*", "OK", "moved", code))
    await session.sync(expunges=True, force=True)
    return f"[HIGHESTMODSEQ {max(view.modseq, 1)}] moved" if session.qresync else "moved"


def _move(rows: Rows, session: Session, mailbox_id: int, source: int, uids: list[int], mailbox: str) -> Copied:
    folder = find_folder(rows, session.services.keyring, mailbox_id, mailbox)
    return folder_rows.move(rows, source, uids, folder.id, require(rows, folder, session.holder, "i"))
