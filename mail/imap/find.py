"""SEARCH and UID SEARCH: the index decides what it can; messages are opened only for what is still open then.

RFC 3501 §6.4.4, RFC 4731. All matching is done in reader threads, batch by batch, so that nobody else waits.
"""

import asyncio
from functools import partial

from core.clock import epoch_ms
from core.errors import NotFound
from crypto.sealed import SealBroken
from mail.bounds import MimeBounds
from mail.imap.commands import Search
from mail.imap.contents import Opened, check_holder
from mail.imap.errors import ImapBad
from mail.imap.find_packed import in_packs
from mail.imap.looking import HeaderOnly, headers, read, row_of
from mail.imap.respond import esearch_line, search_line
from mail.imap.search import Mailbox, Matcher, cannot_hold, lacks, words_of_headers
from mail.imap.search_keys import Key
from mail.imap.search_rows import Rows, asks_modseq, needs_body, places, split
from mail.imap.session import Session

AT_ONCE = 200  # messages opened in one go
HEADERS_AT_ONCE = 2000  # of which only the header is looked at
LONGEST_S = 120.0  # then the search is given up: the client may ask for less


async def find(session: Session, command: Search) -> str:
    """Raises ImapBad [LIMIT] when it takes too long."""
    key, returns = command.query.key, command.query.returns
    if asks_modseq(key):
        session.enable("CONDSTORE")  # RFC 7162 §3.1
    rows = Rows(session.selected, await session.index(), epoch_ms(session.services.clock.now()))
    found = await matching(session, rows, key, keep="SAVE" in (returns or ()))
    numbers = rows.named(found, uid=command.uid)
    if returns is None and session.rev2:
        returns = ("ALL",)  # RFC 9051 §6.4.4: always ESEARCH
    if returns is None:
        session.wire.write(search_line(numbers, _highest(rows, key, found)))
        return "found what there is"
    told = _told(found, returns) if set(returns) <= {"MIN", "MAX", "SAVE"} else found
    if asked(rows, found, returns):
        modseq = _highest(rows, key, told)
        session.wire.write(esearch_line(command.tag, numbers, returns, uid=command.uid, modseq=modseq))
    return "found what there is"


def asked(rows: Rows, found: list[int], returns: tuple[str, ...]) -> bool:
    """Save what is to be saved; whether anything else was asked for (RFC 5182 §2.1)."""
    if "SAVE" in returns:
        rows.view.saved = tuple(rows.index.uids[place] for place in _kept(found, returns))
    return returns != ("SAVE",)


async def matching(session: Session, rows: Rows, key: Key, *, keep: bool = False) -> list[int]:
    """Places that match, ascending, for SEARCH, SORT and THREAD. Raises ImapBad [LIMIT] when it takes too long; with
    `keep` nothing is saved then (RFC 5182 §2.1)."""
    try:
        async with asyncio.timeout(LONGEST_S):
            return await _found(session, rows, key)
    except TimeoutError:
        rows.view.saved = () if keep else rows.view.saved
        raise ImapBad("the search takes too long, ask for less", condition="NO", code="LIMIT") from None


def _highest(rows: Rows, key: Key, found: list[int]) -> int | None:
    """The highest modification sequence of what is told, when the search asked for one."""
    return max(rows.index.modseqs[place] for place in found) if found and asks_modseq(key) else None


def _kept(found: list[int], returns: tuple[str, ...]) -> list[int]:
    """RFC 5182 §2.4: MIN and MAX save what they tell, unless ALL or COUNT want everything."""
    if not {"MIN", "MAX"} & set(returns) or {"ALL", "COUNT"} & set(returns):
        return found
    return _told(found, returns)


def _told(found: list[int], returns: tuple[str, ...]) -> list[int]:
    ends = ([found[0]] if "MIN" in returns else []) + ([found[-1]] if "MAX" in returns else []) if found else []
    return sorted(set(ends))


async def _found(session: Session, rows: Rows, key: Key) -> list[int]:
    """Places that match, ascending."""
    shallow, rest = split(key)
    found = await session.in_pool(lambda: places(shallow, rows, rows.there()))
    if rest is None or not found:
        return found
    await session.services.db.aread(check_holder, session.source)
    view = rows.view
    matcher = Matcher(rest, Mailbox(len(view), view.uids[-1] if view.uids else 0, rows.now_ms))
    look, size = (_by_bodies, AT_ONCE) if needs_body(rest) else (_by_headers, HEADERS_AT_ONCE)
    hits: list[int] = []
    if needs_body(rest):
        hits, found = await in_packs(session, rows, matcher, rest, found)
    for start in range(0, len(found), size):
        session.check_alive()
        hits += await session.in_pool(partial(look, rest, session, rows, matcher, found[start : start + size]))
    return sorted(hits)


def _by_headers(key: Key, session: Session, rows: Rows, matcher: Matcher, among: list[int]) -> list[int]:
    """Those that match, headers from memory where they are known."""
    words = words_of_headers(key)
    known = headers(session, rows, among)
    likely = [(place, known[place]) for place in among if place in known and not lacks(words, known[place])]
    return [place for place, block in likely if matcher.matches(row_of(rows, place), HeaderOnly(block))]


def _by_bodies(key: Key, session: Session, rows: Rows, matcher: Matcher, among: list[int]) -> list[int]:
    """Those that match; a message that cannot be opened does not."""
    by_uid = {rows.index.uids[place]: place for place in among}
    hits = []
    for content in read(session, list(by_uid)):
        try:
            if content.storage == "row" and cannot_hold(key, content.whole, content.tree):
                continue
            if matcher.matches(row_of(rows, by_uid[content.uid]), Opened(content)):
                hits.append(by_uid[content.uid])
        except (SealBroken, NotFound, MimeBounds):
            continue
    return hits
