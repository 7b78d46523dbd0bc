"""GETQUOTA, GETQUOTAROOT and SETQUOTA. RFC 9208: one root for the whole mailbox; storage in units of 1024 octets.

The limit is the operator's. It bounds what a client itself puts in (APPEND, COPY): mail that comes in is never refused
for it, since a prescription outweighs a figure.
"""

from sqlalchemy.orm import Session as Rows

from mail import folders
from mail.acl import check
from mail.folder_usage import used
from mail.imap.commands import GetQuota, GetQuotaRoot, SetQuota
from mail.imap.errors import ImapBad
from mail.imap.respond import line, mailbox
from mail.imap.session import Session

ROOT = ""
UNIT = 1024


async def quota_root(session: Session, command: GetQuotaRoot) -> str:
    """The root of a mailbox, and how it stands. Raises NoSuchFolder, NoPermission."""
    services, box = session.services, session.holder.mailbox_id
    folder = await services.db.aread(folders.find_folder, services.keyring, box, command.mailbox)
    check(await services.permits.of(folder, session.holder), "r")
    session.wire.write(line(b"* QUOTAROOT", mailbox(command.mailbox, utf8=session.utf8), b'""'))
    await _tell(session)
    return "that is the root"


async def quota(session: Session, command: GetQuota) -> str:
    """How a root stands. Raises ImapBad [NONEXISTENT]."""
    if command.root != ROOT:
        raise ImapBad("there is no such quota root", condition="NO", code="NONEXISTENT")
    await _tell(session)
    return "that is how it stands"


async def set_quota(_session: Session, _command: SetQuota) -> str:
    """The limit is the operator's. Raises ImapBad [NOPERM]."""
    raise ImapBad("the operator sets the limit", condition="NO", code="NOPERM")


async def _tell(session: Session) -> None:
    """`* QUOTA "" (STORAGE used limit)`; without a limit nothing is bounded, and the list is empty (§4.2.1)."""
    limit = session.services.options.mailbox_octets
    bounded = b""
    if limit:
        octets = await session.services.db.aread(used, session.holder.mailbox_id)
        bounded = b"STORAGE %d %d" % (-(-octets // UNIT), limit // UNIT)
    session.wire.write(line(b'* QUOTA ""', b"(" + bounded + b")"))


def check_room(rows: Rows, session: Session, octets: int) -> None:
    """Raises ImapBad [OVERQUOTA] when so much more does not fit."""
    limit = session.services.options.mailbox_octets
    if limit and used(rows, session.holder.mailbox_id) + octets > limit:
        raise ImapBad("the mailbox is full", condition="NO", code="OVERQUOTA")
