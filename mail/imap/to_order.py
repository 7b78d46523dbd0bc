"""The messages that SORT or THREAD is to put in order: those that match, their headers from memory. RFC 5256 §3."""

from functools import partial

from mail.imap.commands import Sort, Thread
from mail.imap.errors import ImapBad
from mail.imap.find import AT_ONCE, matching
from mail.imap.looking import headers
from mail.imap.order import Fields
from mail.imap.search_rows import Rows
from mail.imap.session import Session
from mail.limits import IMAP_SORTED


async def bounded(session: Session, rows: Rows, command: Sort | Thread) -> list[int]:
    """Their places. Raises ImapBad [LIMIT] for too many."""
    found = await matching(session, rows, command.query.key)
    if len(found) > IMAP_SORTED:
        raise ImapBad("too many messages to put in order, ask for less", condition="NO", code="LIMIT")
    return found


async def fields_of(session: Session, rows: Rows, found: list[int]) -> dict[int, Fields]:
    """The headers of these places, batch by batch; an empty one for a message that cannot be opened."""
    fields: dict[int, Fields] = {}
    for start in range(0, len(found), AT_ONCE):
        session.check_alive()
        batch = found[start : start + AT_ONCE]
        known = await session.in_pool(partial(headers, session, rows, batch))
        fields |= {place: Fields(known.get(place, b"")) for place in batch}
    return fields
