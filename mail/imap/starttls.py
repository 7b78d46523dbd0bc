"""STARTTLS. RFC 3501 §6.2.1: what came in clear behind the command is thrown away, never executed."""

from mail.imap.commands import StartTls
from mail.imap.errors import ImapBad
from mail.imap.respond import tagged
from mail.imap.session import Session


async def starttls(session: Session, command: StartTls) -> None:
    """Answers itself: the OK must be the last octets in clear. Raises ImapBad, Closed when the handshake fails."""
    if session.tls is None or session.wire.tls is not None:
        raise ImapBad("TLS cannot be started here")
    session.wire.write(tagged(command.tag, "OK", "begin TLS now"))
    session.reader.forget()
    await session.wire.start_tls(session.tls)
