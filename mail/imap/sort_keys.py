"""The criteria of SORT. RFC 5256 §3."""

from typing import Final

from mail.imap.errors import ImapBad
from mail.imap.grammar import Cursor

_WORDS: Final = frozenset({"ARRIVAL", "CC", "DATE", "FROM", "SIZE", "SUBJECT", "TO"})
_MOST: Final = 16


def sort_keys(cursor: Cursor) -> tuple[tuple[str, bool], ...]:
    """`(REVERSE DATE SUBJECT)`: each word with whether it is reversed."""
    return cursor.listed(lambda: _key(cursor), _MOST)


def _key(cursor: Cursor) -> tuple[str, bool]:
    word = cursor.word("a sort criterion")
    reverse = word == "REVERSE"
    if reverse:
        cursor.space()
        word = cursor.word("a sort criterion")
    if word not in _WORDS:
        raise ImapBad("no such sort criterion")
    return word, reverse
