"""What is told at the end of a command. RFC 3501 §7."""

import structlog

from core.errors import Temporary
from mail.imap.session import Session

log = structlog.get_logger()


async def tell_news(session: Session, *, expunges: bool) -> None:
    """What happened meanwhile; when the store does not answer it is told another time: the command itself is done.

    Raises FolderGone.
    """
    try:
        await session.sync(expunges=expunges)
    except Temporary:
        log.warning("imap.no_news", session=session.id)
