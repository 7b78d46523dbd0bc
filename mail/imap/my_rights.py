"""MYRIGHTS. RFC 4314 §3.5."""

from sqlalchemy.orm import Session as Rows

from crypto.keyring import Keyring
from mail import acl
from mail.auth import Identity
from mail.folders import NoSuchFolder, find_folder
from mail.imap.commands import MyRights
from mail.imap.respond import line, mailbox
from mail.imap.session import Session
from mail.imap.strings import astring
from mail.rights import told

KNOWN = frozenset("lrikxa")  # with one of these MYRIGHTS answers, §4


async def my_rights(session: Session, command: MyRights) -> str:
    """Raises NoSuchFolder, also where one may do nothing."""
    rights = await session.services.db.aread(_mine, session.services.keyring, session.holder, command.mailbox)
    session.wire.write(line(b"* MYRIGHTS", mailbox(command.mailbox, utf8=session.utf8), astring(told(rights).encode())))
    return "those are yours"


def _mine(rows: Rows, keyring: Keyring, who: Identity, name: str) -> frozenset[str]:
    rights = acl.rights_of(rows, find_folder(rows, keyring, who.mailbox_id, name), who)
    if not rights & KNOWN:
        raise NoSuchFolder("no such mailbox")
    return rights
