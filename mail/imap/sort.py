"""SORT, also as UID SORT: headers compared in a reader thread. RFC 5256 §3, RFC 5267 §3.2 (RETURN)."""

from collections.abc import Callable
from functools import partial
from typing import Any

from core.clock import epoch_ms
from mail.imap.commands import Sort
from mail.imap.find import asked
from mail.imap.order import Fields, collated
from mail.imap.respond import esearch_line, line
from mail.imap.search_rows import Rows
from mail.imap.session import Session
from mail.imap.to_order import bounded, fields_of

_FREE = frozenset({"ARRIVAL", "SIZE"})  # the index knows them


async def sort(session: Session, command: Sort) -> str:
    """Raises ImapBad [LIMIT] for too many messages."""
    rows = Rows(session.selected, await session.index(), epoch_ms(session.services.clock.now()))
    found = await bounded(session, rows, command)
    fields = {} if {word for word, _ in command.keys} <= _FREE else await fields_of(session, rows, found)
    in_order = await session.in_pool(partial(_sorted, rows, command, found, fields))
    numbers = rows.named(in_order, uid=command.uid)
    returns = command.query.returns
    if returns is None:
        session.wire.write(line(b"* SORT", *map(b"%d".__mod__, numbers)))
    elif asked(rows, found, returns):
        session.wire.write(esearch_line(command.tag, numbers, returns, uid=command.uid, in_order=True))
    return "sorted"


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
