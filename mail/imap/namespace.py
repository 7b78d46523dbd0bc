"""NAMESPACE: one personal namespace. RFC 2342."""

from mail.imap.commands import Namespace
from mail.imap.respond import line
from mail.imap.session import Session


async def namespace(session: Session, _command: Namespace) -> str:
    """Nobody's folders but the mailbox's own."""
    session.wire.write(line(b'* NAMESPACE (("" "/")) NIL NIL'))
    return "one namespace"
