"""SELECT and EXAMINE. RFC 3501 §6.3.1, §6.3.2; RFC 7162 §3.1.2 and §3.2.5 (what changed since), RFC 8474 §4.1."""

from sqlalchemy.orm import Session as Rows

from mail.acl import require
from mail.folder_rows import gone_since
from mail.folders import Folder, find_folder
from mail.imap.commands import Known, Select
from mail.imap.errors import ImapBad
from mail.imap.respond import exists, fetch_flags, flags, list_line, tagged, vanished
from mail.imap.session import Session
from mail.imap.status import mailbox_id
from mail.imap.view import View
from mail.index import Index
from mail.rights import WRITING, Rights


async def select(session: Session, command: Select) -> str:
    """Leaves the folder that was selected even when this one cannot be. Raises NoSuchFolder, NoPermission, ImapBad."""
    if command.known is not None and not session.qresync:
        raise ImapBad("enable QRESYNC first")  # RFC 7162 §3.2.5
    if session.view is not None:
        session.deselect()
        _say(session, "the mailbox before is closed", "CLOSED")  # RFC 7162 §3.2.11, RFC 9051 §7.1
    if command.condstore:
        session.enable("CONDSTORE")
    stamp = session.services.permits.stamp
    folder, rights = await session.services.db.aread(_open, session, command.mailbox)
    found = await session.services.indexes.now(folder.id)
    view = View(folder, found, read_only=command.read_only, rights=rights, stamp=stamp)
    view.recent = session.services.recents.claim(folder.id, found.uids, read_only=command.read_only)
    session.select(view)
    _describe(session, view, found)
    if command.known is not None and command.known.uidvalidity == folder.uidvalidity:
        await _catch_up(session, view, found, command.known)
    writes = not command.read_only and rights & WRITING  # RFC 4314 §5.2
    return f"[{'READ-WRITE' if writes else 'READ-ONLY'}] selected"


def _open(rows: Rows, session: Session, name: str) -> tuple[Folder, Rights]:
    folder = find_folder(rows, session.services.keyring, session.holder.mailbox_id, name)
    return folder, require(rows, folder, session.holder, "r")


def _describe(session: Session, view: View, found: Index) -> None:
    session.untagged(b"FLAGS " + flags(view.names))
    _say(session, "these can be kept", f"PERMANENTFLAGS {flags(view.lasting()).decode()}")
    session.wire.write(exists(len(view)))
    if session.rev2:  # RFC 9051 §6.3.2
        session.wire.write(list_line(_attributes(view.folder), view.folder.name, utf8=True))
    else:
        _describe_rev1(session, view, found)
    _say(session, "UIDs are valid", f"UIDVALIDITY {view.folder.uidvalidity}")
    _say(session, "the next UID", f"UIDNEXT {found.uidnext}")
    _say(session, "changes are numbered", f"HIGHESTMODSEQ {max(found.modseq, 1)}")
    _say(session, "the mailbox for life", f"MAILBOXID ({mailbox_id(view.folder.id)})")


def _describe_rev1(session: Session, view: View, found: Index) -> None:
    """What RFC 9051 has dropped."""
    session.untagged(b"%d RECENT" % len(view.recent))
    if found.first_unseen is not None:
        place = view.index(found.first_unseen)
        _say(session, "the first unseen message", f"UNSEEN {(place or 0) + 1}")


def _attributes(folder: Folder) -> tuple[str, ...]:
    return (folder.special_use,) if folder.special_use else ()


async def _catch_up(session: Session, view: View, found: Index, known: Known) -> None:
    """What went and what changed since the client was here, among the messages that it knows."""
    gone = await session.services.db.aread(gone_since, view.folder.id, known.modseq)
    asked = known.uids.select(range(1, found.uidnext)) if known.uids else None
    among = None if asked is None else set(asked)
    lost = [uid for uid in gone if among is None or uid in among]
    if lost:
        session.wire.write(vanished(lost, earlier=True))
    told = []
    for place, (uid, modseq) in enumerate(zip(found.uids, found.modseqs, strict=True)):
        if modseq > known.modseq and (among is None or uid in among):
            told.append(fetch_flags(place + 1, view.shown(uid, found.flags[place]), uid, modseq))
    session.wire.write(b"".join(told))


def _say(session: Session, text: str, code: str) -> None:
    session.wire.write(tagged("*", "OK", text, code))
