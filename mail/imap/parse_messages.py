"""The arguments of what speaks of messages: SEARCH, SORT, THREAD, FETCH, STORE, COPY, MOVE. RFC 3501 §6.4, RFC 5256."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final, TypeAlias

from mail.imap import commands as c
from mail.imap.errors import ImapBad
from mail.imap.fetch_items import FetchItem, Item, fetch_items
from mail.imap.grammar import Cursor
from mail.imap.search_keys import Query, charset_and_key, query, returned
from mail.imap.sequence import SequenceSet
from mail.imap.sort_keys import sort_keys
from mail.limits import IMAP_FLAGS

NumberedReader: TypeAlias = Callable[[Cursor, str, bool], c.Command]

KEPT: Final = 256  # octets of what a FETCH asks for, for it to be remembered
_MODE = re.compile(rb"([+-]?)FLAGS(\.SILENT)?", re.IGNORECASE)


def _sort(cursor: Cursor, tag: str, uid: bool) -> c.Command:
    cursor.space()
    returns = returned(cursor)
    keys = sort_keys(cursor)
    cursor.space()
    return c.Sort(tag, uid, keys, Query(charset_and_key(cursor), returns))


def _thread(cursor: Cursor, tag: str, uid: bool) -> c.Command:
    cursor.space()
    algorithm = cursor.word("an algorithm")
    if algorithm not in {"ORDEREDSUBJECT", "REFERENCES"}:
        raise ImapBad("no such threading algorithm")
    cursor.space()
    return c.Thread(tag, uid, algorithm, Query(charset_and_key(cursor)))


def uid_set(cursor: Cursor) -> SequenceSet:
    cursor.space()
    return cursor.sequence_set()


def _search(cursor: Cursor, tag: str, uid: bool) -> c.Command:
    cursor.space()
    return c.Search(tag, uid, query(cursor))


def _fetch(cursor: Cursor, tag: str, uid: bool) -> c.Command:
    chosen = uid_set(cursor)
    cursor.space()
    rest = cursor.rest()
    items, since, vanished = (_kept_asked if len(rest) <= KEPT else _asked)(rest)
    if vanished and not (uid and since is not None):  # RFC 7162 §3.2.6
        raise ImapBad("VANISHED stands with UID FETCH and CHANGEDSINCE")
    if since is not None and Item.MODSEQ not in items:
        items = (*items, Item.MODSEQ)  # RFC 7162 §3.1.4.1: CHANGEDSINCE asks for it
    if uid and Item.UID not in items:
        items = (Item.UID, *items)  # RFC 3501 §6.4.8
    return c.Fetch(tag, uid, chosen, items, since, vanished)


def _asked(text: bytes) -> tuple[tuple[FetchItem, ...], int | None, bool]:
    """The items and modifiers of a FETCH."""
    cursor = Cursor(text)
    items = fetch_items(cursor)
    since, vanished = _fetch_modifiers(cursor) if cursor.accept(b" ") else (None, False)
    cursor.end()
    return items, since, vanished


_kept_asked = lru_cache(512)(_asked)  # a client asks the same of message after message


def _fetch_modifiers(cursor: Cursor) -> tuple[int | None, bool]:
    """`(CHANGEDSINCE n VANISHED)` in either order."""
    since, vanished = None, False

    def modifier() -> None:
        nonlocal since, vanished
        if cursor.accept_word(b"VANISHED"):
            vanished = True
        else:
            since = _modseq_after(cursor, b"CHANGEDSINCE")

    cursor.listed(modifier, 2)
    return since, vanished


def _store(cursor: Cursor, tag: str, uid: bool) -> c.Command:
    chosen = uid_set(cursor)
    cursor.space()
    since = None
    if cursor.accept(b"("):
        since = _modseq_after(cursor, b"UNCHANGEDSINCE")
        cursor.expect(b")", "a closing parenthesis")
        cursor.space()
    mode, silent = cursor.match(_MODE, "FLAGS").groups()
    cursor.space()
    flags = cursor.flags() if cursor.peek() == b"(" else _bare_flags(cursor)
    return c.Store(tag, uid, chosen, mode.decode() or "=", silent is not None, flags, since)


def _bare_flags(cursor: Cursor) -> tuple[str, ...]:
    flags = [cursor.flag()]
    while cursor.accept(b" "):
        flags.append(cursor.flag())
        if len(flags) > IMAP_FLAGS:
            raise ImapBad("a list is too long")
    return tuple(dict.fromkeys(flags))


def _modseq_after(cursor: Cursor, word: bytes) -> int:
    """`WORD n`, RFC 7162 §7: 63 bits."""
    if not cursor.accept_word(word):
        raise ImapBad("no such modifier")
    cursor.space()
    return cursor.number(2**63 - 1)


def _to(cursor: Cursor) -> str:
    cursor.space()
    return cursor.mailbox()


def _copy(cursor: Cursor, tag: str, uid: bool) -> c.Command:
    chosen = uid_set(cursor)
    return c.Copy(tag, uid, chosen, _to(cursor))


def _move(cursor: Cursor, tag: str, uid: bool) -> c.Command:
    chosen = uid_set(cursor)
    return c.Move(tag, uid, chosen, _to(cursor))


NUMBERED: Final[dict[str, NumberedReader]] = {
    "SEARCH": _search,
    "SORT": _sort,
    "THREAD": _thread,
    "FETCH": _fetch,
    "STORE": _store,
    "COPY": _copy,
    "MOVE": _move,
}  # each also behind UID
