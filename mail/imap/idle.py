"""IDLE: the client waits, the hub wakes us. RFC 2177. No task, no timer but the session's own, no polling."""

import asyncio

from mail.imap.commands import Idle
from mail.imap.errors import ImapBad
from mail.imap.news import tell_news
from mail.imap.reader import Overflow, RawLine
from mail.imap.respond import go_on
from mail.imap.session import Session
from mail.limits import IMAP_IDLE_S


async def idle(session: Session, _command: Idle) -> str:
    """Until DONE. Raises ImapBad for another word, TimeoutError after half an hour or at the session's end."""
    session.reader.expect_line()
    session.wire.write(go_on(b"idling"))
    await session.sync(expunges=True, force=True)
    until = min(asyncio.get_running_loop().time() + IMAP_IDLE_S, session.deadline)
    async with asyncio.timeout_at(until):
        while (event := session.reader.next()) is None:
            await session.wire.drain()
            await session.wire.something()
            session.reader.feed(session.wire.take())
            await tell_news(session, expunges=True)
    if isinstance(event, Overflow):
        session.bye(event.public)
    if not isinstance(event, RawLine) or event.line.upper() != b"DONE":
        raise ImapBad("DONE was expected")
    return "idle no more"
