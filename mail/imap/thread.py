"""THREAD, also as UID THREAD: headers compared in a reader thread. RFC 5256 §3."""

from functools import partial

from core.clock import epoch_ms
from mail.imap.commands import Thread
from mail.imap.order import Fields
from mail.imap.respond import CRLF
from mail.imap.search_rows import Rows
from mail.imap.session import Session
from mail.imap.thread_tree import Mail, by_references, by_subject, written
from mail.imap.to_order import bounded, fields_of


async def thread(session: Session, command: Thread) -> str:
    """Raises ImapBad [LIMIT] for too many messages."""
    rows = Rows(session.selected, await session.index(), epoch_ms(session.services.clock.now()))
    found = await bounded(session, rows, command)
    fields = await fields_of(session, rows, found)
    session.wire.write(await session.in_pool(partial(_threads, rows, command, found, fields)))
    return "threaded"


def _threads(rows: Rows, command: Thread, found: list[int], fields: dict[int, Fields]) -> bytes:
    mails = [
        Mail(
            number,
            fields[place].sent(rows.index.dates[place] // 1000),
            fields[place].subject(),
            fields[place].message_id(),
            fields[place].references(),
        )
        for place, number in zip(found, rows.named(found, uid=command.uid), strict=True)
    ]
    roots = by_references(mails) if command.algorithm == "REFERENCES" else by_subject(mails)
    return b"* THREAD" + (b" " + written(roots) if roots else b"") + CRLF
