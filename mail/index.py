"""A folder's rows in memory, as columns: what SELECT, FETCH of flags and SEARCH by rows answer from.

An index is never changed; `advanced` makes the next one from what is newer than its modseq. It holds numbers and flags
only: no text of a message.
"""

from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, compress
from sys import intern
from typing import Any

from sqlalchemy.orm import Session

from core.numbers import last_number
from core.statements import ask
from mail.folder_rows import DELETED, SEEN, Changes, Flagged, gone_since, last_modseq

_ROWS = (
    "SELECT f.uid, f.flags, f.modseq, f.message_id, f.internal_at, m.size FROM folder_messages f "
    "JOIN messages m ON m.id = f.message_id WHERE f.folder_id = ? AND f.modseq > ? ORDER BY f.uid"
)


@dataclass(frozen=True, slots=True)
class Row:
    """One message of a folder; `internal_at` in milliseconds since 1970, `size` in octets."""

    uid: int
    flags: str
    modseq: int
    message_id: int
    internal_at: int
    size: int


@dataclass(frozen=True, repr=False)
class Index:
    """All rows of a folder at one modseq, ascending by UID: place n of each column speaks of one message."""

    uids: Sequence[int] = ()
    flags: Sequence[str] = ()
    modseqs: Sequence[int] = ()
    message_ids: Sequence[int] = ()
    dates: Sequence[int] = ()
    sizes: Sequence[int] = ()
    uidnext: int = 1
    modseq: int = 0

    @classmethod
    def of(cls, rows: Sequence[tuple[int, str, int, int, int, int]], uidnext: int, modseq: int) -> "Index":
        """From rows in the order of their UIDs; equal flags share one text."""
        if not rows:
            return cls(uids=array("I"), uidnext=uidnext, modseq=modseq)
        uids, flags, modseqs, ids, dates, sizes = zip(*rows, strict=True)
        known: dict[str, str] = {}
        shared = [known.setdefault(one, one) for one in flags]
        return cls(
            array("I", uids),  # UIDs have 32 bits
            shared,
            *(array("q", modseqs), array("q", ids), array("q", dates), array("q", sizes)),
            uidnext=max(uidnext, uids[-1] + 1),
            modseq=modseq,
        )

    def __len__(self) -> int:
        return len(self.uids)

    def place(self, uid: int) -> int | None:
        """Where a UID stands; None when it is not there."""
        at = bisect_left(self.uids, uid)
        return at if at < len(self.uids) and self.uids[at] == uid else None

    def places(self, uids: Sequence[int]) -> list[int]:
        """Where those of ascending `uids` stand that are there."""
        if uids is self.uids:
            return list(range(len(uids)))
        return [at for uid in uids if (at := self.place(uid)) is not None]

    @cached_property
    def first_unseen(self) -> int | None:
        """Its UID."""
        return next((uid for uid, flags in zip(self.uids, self.flags, strict=True) if SEEN not in flags), None)

    @cached_property
    def unseen(self) -> int:
        """How many have not been read."""
        return len(self) - self._marked(SEEN)

    @cached_property
    def deleted(self) -> int:
        r"""How many are marked \Deleted."""
        return self._marked(DELETED)

    @cached_property
    def octets(self) -> int:
        """Of all of them."""
        return sum(self.sizes)

    @cached_property
    def deleted_octets(self) -> int:
        r"""Of those marked \Deleted."""
        return sum(size for size, flags in zip(self.sizes, self.flags, strict=True) if DELETED in flags)

    def _marked(self, flag: str) -> int:
        return sum(count for flags, count in Counter(self.flags).items() if flag in flags)

    @cached_property
    def keywords(self) -> tuple[str, ...]:
        """Those in use, sorted."""
        words = chain.from_iterable(flags.split() for flags in set(self.flags))
        return tuple(sorted({word for word in words if not word.startswith("\\")}))

    def advanced(self, news: "News") -> "Index":
        """The index at the modseq of `news`. Columns in which nothing changes are shared."""
        gone = set(news.gone)
        known = {row.uid: at for row in news.rows if (at := self.place(row.uid)) is not None}
        flags, modseqs = list(self.flags), array("q", self.modseqs)
        for row in news.rows:
            if (place := known.get(row.uid)) is not None:
                flags[place], modseqs[place] = intern(row.flags), row.modseq
        uidnext = max(self.uidnext, news.uidnext)
        after = Index(
            self.uids, flags, modseqs, self.message_ids, self.dates, self.sizes, uidnext, news.modseq
        )._without(gone)
        return after._with([row for row in news.rows if row.uid not in known and row.uid not in gone])

    def _without(self, gone: set[int]) -> "Index":
        places = [at for uid in gone if (at := self.place(uid)) is not None]
        if not places:
            return self
        kept = bytearray(b"\1") * len(self)
        for place in places:
            kept[place] = 0
        numbers = (self.modseqs, self.message_ids, self.dates, self.sizes)
        modseqs, ids, dates, sizes = (array("q", compress(column, kept)) for column in numbers)
        uids, flags = array("I", compress(self.uids, kept)), list(compress(self.flags, kept))
        return Index(uids, flags, modseqs, ids, dates, sizes, self.uidnext, self.modseq)

    def _with(self, fresh: "list[Row]") -> "Index":
        """In: rows with UIDs that are not there, ascending."""
        if not fresh:
            return self
        last = self.uids[-1] if self.uids else 0
        if fresh[0].uid < last:  # a transaction that took its numbers earlier and ended later
            rows = sorted([*zip(*self._columns, strict=True), *map(_values, fresh)])
            return Index.of(rows, self.uidnext, self.modseq)
        new = Index.of([_values(row) for row in fresh], self.uidnext, self.modseq)
        old, more = self._columns, new._columns
        uids, modseqs, ids, dates, sizes = (_joined(old[at], more[at]) for at in (0, 2, 3, 4, 5))
        return Index(uids, [*self.flags, *new.flags], modseqs, ids, dates, sizes, new.uidnext, self.modseq)

    @property
    def _columns(self) -> tuple[Any, ...]:
        return self.uids, self.flags, self.modseqs, self.message_ids, self.dates, self.sizes


@dataclass(frozen=True, slots=True)
class News:
    """What is newer than a modseq: rows new or reflagged, UIDs gone."""

    rows: tuple[Row, ...]
    gone: tuple[int, ...]
    uidnext: int
    modseq: int

    def changes(self) -> Changes:
        """The same as sessions are told."""
        return Changes(tuple(Flagged(row.uid, row.flags, row.modseq) for row in self.rows), self.gone, self.modseq)


def _joined(column: Sequence[int], more: "array[int]") -> "array[int]":
    both = array(more.typecode, column)
    both.extend(more)
    return both


def _values(row: Row) -> tuple[int, str, int, int, int, int]:
    return row.uid, row.flags, row.modseq, row.message_id, row.internal_at, row.size


def read_rows(session: Session, folder_id: int) -> Index:
    """The folder as all its rows have it now. Raises FolderGone."""
    modseq = last_modseq(session, folder_id)  # first: what comes meanwhile is seen twice, never missed
    uidnext = last_number(session, f"uid:{folder_id}") + 1
    return Index.of(ask(session, _ROWS, folder_id, -1), uidnext, modseq)


def read_news(session: Session, folder_id: int, since: int) -> News | None:
    """What is newer than modseq `since`; None for nothing. Raises FolderGone."""
    modseq = last_modseq(session, folder_id)
    if modseq == since:
        return None
    uidnext = last_number(session, f"uid:{folder_id}") + 1
    rows = tuple(Row(*row) for row in ask(session, _ROWS, folder_id, since))
    return News(rows, gone_since(session, folder_id, since), uidnext, modseq)
