"""SORT and UID SORT, THREAD and UID THREAD: headers from memory, compared in a reader thread.

RFC 5256, RFC 5267 §3.2 (RETURN).
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from core.clock import epoch_ms
from mail.imap.commands import Sort, Thread
from mail.imap.errors import ImapBad
from mail.imap.find import AT_ONCE, asked, matching
from mail.imap.looking import headers
from mail.imap.order import Fields, collated
from mail.imap.respond import CRLF, esearch_line, line
from mail.imap.search_rows import Rows
from mail.imap.session import Session
from mail.imap.thread_tree import Mail, by_references, by_subject, written
from mail.limits import IMAP_SORTED

_FREE = frozenset({"ARRIVAL", "SIZE"})  # the index knows them


async def sort(session: Session, command: Sort) -> str:
    """Raises ImapBad [LIMIT] for too many messages."""
    rows = Rows(session.selected, await session.index(), epoch_ms(session.services.clock.now()))
    found = await _bounded(session, rows, command)
    fields = {} if {word for word, _ in command.keys} <= _FREE else await _fields(session, rows, found)
    in_order = await session.in_pool(partial(_sorted, rows, command, found, fields))
    numbers = rows.named(in_order, uid=command.uid)
    returns = command.query.returns
    if returns is None:
        session.wire.write(line(b"* SORT", *map(b"%d".__mod__, numbers)))
    elif asked(rows, found, returns):
        session.wire.write(esearch_line(command.tag, numbers, returns, uid=command.uid, in_order=True))
    return "sorted"


async def thread(session: Session, command: Thread) -> str:
    """Raises ImapBad [LIMIT] for too many messages."""
    rows = Rows(session.selected, await session.index(), epoch_ms(session.services.clock.now()))
    found = await _bounded(session, rows, command)
    fields = await _fields(session, rows, found)
    session.wire.write(await session.in_pool(partial(_threads, rows, command, found, fields)))
    return "threaded"


async def _bounded(session: Session, rows: Rows, command: Sort | Thread) -> list[int]:
    found = await matching(session, rows, command.query.key)
    if len(found) > IMAP_SORTED:
        raise ImapBad("too many messages to put in order, ask for less", condition="NO", code="LIMIT")
    return found


async def _fields(session: Session, rows: Rows, found: list[int]) -> dict[int, Fields]:
    """The headers of these places, batch by batch; an empty one for a message that cannot be opened."""
    fields: dict[int, Fields] = {}
    for start in range(0, len(found), AT_ONCE):
        session.check_alive()
        batch = found[start : start + AT_ONCE]
        known = await session.in_pool(partial(headers, session, rows, batch))
        fields |= {place: Fields(known.get(place, b"")) for place in batch}
    return fields


def _sorted(rows: Rows, command: Sort, found: list[int], fields: dict[int, Fields]) -> list[int]:
    """By the last criterion first: Python's sort keeps the order of equals, which ends with the message number."""
    for word, reverse in reversed(command.keys):
        found = sorted(found, key=_by(word, rows, fields), reverse=reverse)
    return found


def _by(word: str, rows: Rows, fields: dict[int, Fields]) -> Callable[[int], Any]:
    index = rows.index
    if word == "ARRIVAL":
        return lambda place: index.dates[place] // 1000  # what INTERNALDATE tells; equal ones keep their order
    if word == "SIZE":
        return lambda place: index.sizes[place]
    if word == "DATE":
        return lambda place: fields[place].sent(index.dates[place] // 1000)
    if word == "SUBJECT":
        return lambda place: collated(fields[place].subject().base)
    return lambda place: collated(fields[place].mailbox(word.lower().encode()))


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
