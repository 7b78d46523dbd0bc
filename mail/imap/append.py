"""APPEND: messages stream into the sealed spool as they arrive.

RFC 3501 §6.3.11, RFC 4315 §3, RFC 3502 (several at once), RFC 6855 §4, RFC 3516 §4.4 (binary parts).
"""

from dataclasses import dataclass
from functools import partial

from sqlalchemy.orm import Session as Rows

from core.errors import PliError
from directory.holders import holder_key
from mail import folders
from mail.acl import require
from mail.append import Coming
from mail.folder_rows import Change, merged
from mail.folders import Folder, NoSuchFolder
from mail.imap.errors import ImapBad
from mail.imap.news import tell_news
from mail.imap.reader import AppendData, AppendEnd, AppendStart, Overflow
from mail.imap.respond import go_on
from mail.imap.room import check_room
from mail.imap.sequence import compact
from mail.imap.session import Session
from mail.lading import Place
from mail.limits import COMMAND_WAIT_S, IMAP_APPEND_MESSAGES
from mail.rights import Rights
from mail.spool import Spool, Spooled, spool_bytes
from mail.textual import textual


@dataclass(frozen=True, slots=True, repr=False)
class Door:
    """Where the messages go: the folder, its holder's key, what the client may do there."""

    folder: Folder
    key: bytes
    rights: Rights


async def take_message(session: Session, start: AppendStart) -> str:
    """The text of the tagged OK.

    Raises ImapBad [TRYCREATE], [TOOBIG], NoPermission, StorageFull, MimeBounds, Closed.
    """
    door = await _door(session, start)
    folder, coming = door.folder, await _all(session, start, door)
    appended = await session.services.appender.append_all(coming, str(session.holder.account_id))
    await tell_news(session, expunges=True)
    return f"[APPENDUID {folder.uidvalidity} {compact([one.uid for one in appended]).decode()}] appended"


async def _all(session: Session, start: AppendStart, door: Door) -> list[Coming]:
    """Every message of the command (RFC 3502); when one cannot be taken none is kept."""
    coming: list[Coming] = []
    event: AppendStart | AppendEnd = start
    try:
        while isinstance(event, AppendStart):
            if coming:
                _check(session, event, len(coming))
            command = event.command
            body, event = await _one(session, event)
            flags = merged("", Change.SET, command.flags, door.rights)
            place = Place(door.folder.id, session.holder.holder_id, door.key, flags)
            coming.append(Coming(body, place, command.internal_at))
    except BaseException:
        for one in coming:
            one.body.discard()
        raise
    if not event.clean:
        for one in coming:
            one.body.discard()
        raise ImapBad("unexpected text after the message")
    return coming


async def _one(session: Session, start: AppendStart) -> tuple[Spooled, AppendStart | AppendEnd]:
    session.reader.accept()
    if start.sync:
        session.wire.write(go_on())
    return await _spooled(session)


def _check(session: Session, start: AppendStart, before: int) -> None:
    """Raises before an octet of the message is taken; it is then refused, as is the whole command."""
    try:
        if before >= IMAP_APPEND_MESSAGES:
            raise ImapBad("too many messages at once", condition="NO", code="LIMIT")
        if start.size > session.services.options.message_octets:
            raise ImapBad("the message is too large", condition="NO", code="TOOBIG")
        if not start.size:
            raise ImapBad("the message is empty", condition="NO", code="CANNOT")
    except ImapBad:
        session.reader.refuse()
        raise


async def _door(session: Session, start: AppendStart) -> Door:
    """Raises before an octet of the message is taken; it is then refused."""
    try:
        holder = session.holder
    except ImapBad:
        session.reader.refuse()
        raise
    _check(session, start, 0)
    try:
        return await session.services.db.aread(_target, session, holder.mailbox_id, start.command.mailbox, start.size)
    except NoSuchFolder:
        session.reader.refuse()
        raise ImapBad("there is no such mailbox", condition="NO", code="TRYCREATE") from None
    except Exception:
        session.reader.refuse()
        raise


def _target(rows: Rows, session: Session, mailbox_id: int, name: str, size: int) -> Door:
    folder = folders.find_folder(rows, session.services.keyring, mailbox_id, name)
    rights = require(rows, folder, session.holder, "i")
    check_room(rows, session, size)
    return Door(folder, holder_key(rows, session.services.keyring, session.holder.holder_id), rights)


async def _spooled(session: Session) -> tuple[Spooled, AppendStart | AppendEnd]:
    """The whole message, and what follows. Raises StorageFull; nothing is kept then.

    What comes behind a failure is read over: the client sends its message to the end, whatever we think of it.
    """
    spool = Spool(session.services.blobs, session.services.options.row_octets)
    failure: PliError | None = None
    binary = False
    try:
        while not isinstance(event := await session.event(COMMAND_WAIT_S), AppendEnd | AppendStart):
            if isinstance(event, Overflow):
                session.bye(event.public)
                raise ImapBad(event.public)
            if isinstance(event, AppendData) and failure is None:
                binary = binary or b"\0" in event.data
                failure = await _write(session, spool, event.data)
        if failure is not None:
            if isinstance(event, AppendStart):
                session.reader.refuse()
            raise failure
        body = await session.in_pool(spool.finish)
    except BaseException:
        spool.discard()
        raise
    try:
        return await session.in_pool(partial(_textual, session, body)) if binary else body, event
    except BaseException:
        if isinstance(event, AppendStart):
            session.reader.refuse()
        raise


def _textual(session: Session, body: Spooled) -> Spooled:
    """For programs without BINARY (RFC 3516 §4.4). Raises MimeBounds, StorageFull; nothing is kept then."""
    try:
        return spool_bytes(session.services.blobs, textual(body.read()), session.services.options.row_octets)
    finally:
        body.discard()


async def _write(session: Session, spool: Spool, data: bytes) -> PliError | None:
    """Into memory at once; into a file in a thread."""
    try:
        if spool.size + len(data) <= session.services.options.row_octets:
            spool.write(data)
        else:
            await session.in_pool(lambda: spool.write(data))
    except PliError as error:
        return error
    return None
