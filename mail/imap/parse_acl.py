"""The commands of RFC 4314 read into their values, §7."""

from typing import Final

from mail.imap import commands as c
from mail.imap.errors import ImapBad
from mail.imap.grammar import Cursor
from mail.rights import UnknownRight, parse_rights


def _mailbox(cursor: Cursor) -> str:
    cursor.space()
    return cursor.mailbox()


def _identifier(cursor: Cursor) -> bytes:
    cursor.space()
    return cursor.astring()


def _set_acl(cursor: Cursor, tag: str) -> c.Command:
    mailbox, identifier = _mailbox(cursor), _identifier(cursor)
    cursor.space()
    words = cursor.astring().decode("ascii", "replace")
    mode = words[:1] if words[:1] in {"+", "-"} else "="
    try:
        return c.SetAcl(tag, mailbox, identifier, mode, parse_rights(words.removeprefix(mode)))
    except UnknownRight:  # §3.1: BAD
        raise ImapBad("there is no such right") from None


def _delete_acl(cursor: Cursor, tag: str) -> c.Command:
    mailbox = _mailbox(cursor)
    return c.DeleteAcl(tag, mailbox, _identifier(cursor))


def _list_rights(cursor: Cursor, tag: str) -> c.Command:
    mailbox = _mailbox(cursor)
    return c.ListRights(tag, mailbox, _identifier(cursor))


ACL_VERBS: Final = {
    "DELETEACL": _delete_acl,
    "GETACL": lambda cursor, tag: c.GetAcl(tag, _mailbox(cursor)),
    "LISTRIGHTS": _list_rights,
    "MYRIGHTS": lambda cursor, tag: c.MyRights(tag, _mailbox(cursor)),
    "SETACL": _set_acl,
}
