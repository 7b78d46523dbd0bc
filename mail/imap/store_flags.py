"""STORE and UID STORE. RFC 3501 §6.4.6, RFC 7162 §3.1.3."""

from collections.abc import Mapping, Sequence

from mail.acl import NoPermission
from mail.folder_rows import Change, Stored, change_flags
from mail.imap.commands import Store
from mail.imap.errors import ImapBad
from mail.imap.respond import fetch_flags
from mail.imap.sequence import compact
from mail.imap.session import Session
from mail.rights import may_store

_CHANGES = {"+": Change.ADD, "-": Change.REMOVE, "=": Change.SET}


async def store_flags(session: Session, command: Store) -> str:
    """One commit for all messages. Raises ImapBad [READ-ONLY], NoPermission, NoSuchMessage, TooManyFlags."""
    view = session.writable
    if not may_store(view.rights, command.flags):
        raise NoPermission("you have no right to change these flags")
    conditional = command.unchanged_since is not None
    if conditional:
        session.enable("CONDSTORE")
    places = view.by_uid(command.set) if command.uid else view.by_number(command.set)
    uids = view.uids_at(places)
    work = (view.folder.id, uids, _CHANGES[command.mode], command.flags, command.unchanged_since, view.rights)
    rows = await session.services.db.arun(change_flags, *work)
    numbers = dict(zip(uids, places, strict=True))
    if command.silent:
        view.remember_unsaid(rows)
    else:
        view.remember(rows)
    _tell(session, command, rows, numbers)
    left = await _left(session, uids, rows)
    if left and conditional:
        return f"[MODIFIED {_modified(command, left, numbers)}] the others were stored"
    if len(rows) < len(uids) and not command.uid and not conditional:  # RFC 5530 §3: somebody else has expunged some
        raise ImapBad("some of the messages are not there any more", condition="NO", code="EXPUNGEISSUED")
    return "stored"


async def _left(session: Session, uids: Sequence[int], rows: Sequence[Stored]) -> list[int]:
    """Messages that are there and were not changed, because somebody else has changed them since."""
    missing = sorted(set(uids) - {row.uid for row in rows})
    if not missing:
        return []
    index = await session.index()
    return [uid for uid in missing if index.place(uid) is not None]


def _modified(command: Store, left: Sequence[int], numbers: Mapping[int, int]) -> str:
    return compact(left if command.uid else [numbers[uid] + 1 for uid in left]).decode()


def _tell(session: Session, command: Store, rows: Sequence[Stored], places: Mapping[int, int]) -> None:
    """The new flags unless they were asked for in silence; modification sequences in any case once they are in use."""
    view, condstore = session.selected, session.condstore
    if command.silent and not condstore:
        return
    with_uid = command.uid or session.qresync
    if not command.silent:
        session.tell_keywords({row.flags for row in rows})
    lines = (
        fetch_flags(
            places[row.uid] + 1,
            None if command.silent else view.shown(row.uid, row.flags),
            row.uid if with_uid else None,
            row.modseq if condstore else None,
        )
        for row in rows
    )
    session.wire.write(b"".join(lines))
