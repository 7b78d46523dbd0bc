"""How the one root of a mailbox stands, in units of 1024 octets. RFC 9208 §4.2.1, §5.1."""

from mail.folder_usage import used
from mail.imap.respond import line
from mail.imap.session import Session

UNIT = 1024


async def tell_quota(session: Session) -> None:
    """`* QUOTA "" (STORAGE used limit)`; without a limit nothing is bounded, and the list is empty (§4.2.1)."""
    limit = session.services.options.mailbox_octets
    bounded = b""
    if limit:
        octets = await session.services.db.aread(used, session.holder.mailbox_id)
        bounded = b"STORAGE %d %d" % (-(-octets // UNIT), limit // UNIT)
    session.wire.write(line(b'* QUOTA ""', b"(" + bounded + b")"))
