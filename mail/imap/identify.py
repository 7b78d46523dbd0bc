"""ID: our name, not our version; what the client says of itself is not kept. RFC 2971."""

from mail.imap.commands import Id
from mail.imap.respond import id_line
from mail.imap.session import Session


async def identify(session: Session, _command: Id) -> str:
    """Allowed in any state."""
    session.wire.write(id_line([("name", "Pli")]))
    return "pleased to meet you"
