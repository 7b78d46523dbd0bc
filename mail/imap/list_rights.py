"""LISTRIGHTS. RFC 4314 §3.4."""

from sqlalchemy.orm import Session as Rows

from crypto.keyring import Keyring
from mail import acl
from mail.auth import Identity
from mail.imap.administer import administered
from mail.imap.commands import ListRights
from mail.imap.identifiers import identified
from mail.imap.respond import line, mailbox
from mail.imap.session import Session
from mail.imap.strings import astring
from mail.rights import LETTERS, VIRTUAL


async def list_rights(session: Session, command: ListRights) -> str:
    """What an identifier always has, and what it may be given, right by right.

    Raises NoSuchFolder, NoPermission, ImapBad (identifier).
    """
    owner = await session.services.db.aread(_is_owner, session.services.keyring, session.holder, command)
    every = [letter.encode() for letter in (*LETTERS, *VIRTUAL)]
    words = [b"".join(every)] if owner else [b'""', *every]
    where = mailbox(command.mailbox, utf8=session.utf8)
    session.wire.write(line(b"* LISTRIGHTS", where, astring(command.identifier), *words))
    return "those can be given"


def _is_owner(rows: Rows, keyring: Keyring, who: Identity, command: ListRights) -> bool:
    folder = administered(rows, keyring, who, command.mailbox)
    return identified(rows, keyring, folder, command.identifier) == acl.owner_of(rows, folder.mailbox_id)
