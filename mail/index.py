"""A folder's rows in memory, as columns: what SELECT, FETCH of flags and SEARCH by rows answer from.

An index is never changed; `advanced` makes the next one from what is newer than its modseq. It holds numbers and flags
only: no text of a message.
"""

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from core.numbers import last_number
from mail.folder_rows import SEEN, Changes, Flagged, last_modseq
from mail.tables import expunged, folder_messages, messages

_ROWS = (
    select(
        folder_messages.c.uid,
        folder_messages.c.flags,
        folder_messages.c.modseq,
        folder_messages.c.message_id,
        folder_messages.c.internal_at,
        messages.c.size,
    )
    .select_from(folder_messages.join(messages, messages.c.id == folder_messages.c.message_id))
    .where(folder_messages.c.folder_id == bindparam("folder"), folder_messages.c.modseq > bindparam("since"))
    .order_by(folder_messages.c.uid)
)
_GONE = (
    select(expunged.c.uid)
    .where(expunged.c.folder_id == bindparam("folder"), expunged.c.modseq > bindparam("since"))
    .order_by(expunged.c.uid)
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
    def keywords(self) -> tuple[str, ...]:
        """Those in use, sorted."""
        words = chain.from_iterable(flags.split() for flags in set(self.flags))
        return tuple(sorted({word for word in words if not word.startswith("\\")}))

    def advanced(self, news: "News") -> "Index":
        """The index at the modseq of `news`."""
        gone = set(news.gone)
        fresh = {row.uid: row for row in news.rows if row.uid not in gone}
        if not gone and not any(self.place(uid) is None for uid in fresh):
            return self._reflagged(fresh, news)
        kept = [row for row in zip(*self._columns, strict=True) if row[0] not in gone and row[0] not in fresh]
        if not kept or not fresh or min(fresh) > kept[-1][0]:
            rows = kept + [_values(row) for _, row in sorted(fresh.items())]
        else:
            rows = sorted(kept + [_values(row) for row in fresh.values()])
        return Index.of(rows, max(self.uidnext, news.uidnext), news.modseq)

    def _reflagged(self, fresh: "dict[int, Row]", news: "News") -> "Index":
        """Nothing came or went: the other columns are shared with the index before."""
        flags, modseqs = list(self.flags), array("q", self.modseqs)
        for uid, row in fresh.items():
            at = bisect_left(self.uids, uid)
            flags[at], modseqs[at] = row.flags, row.modseq
        return Index(
            self.uids, flags, modseqs, self.message_ids, self.dates, self.sizes,
            max(self.uidnext, news.uidnext), news.modseq,
        )  # fmt: skip

    @property
    def _columns(self) -> tuple[Sequence[int] | Sequence[str], ...]:
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


def _values(row: Row) -> tuple[int, str, int, int, int, int]:
    return row.uid, row.flags, row.modseq, row.message_id, row.internal_at, row.size


def read_index(session: Session, folder_id: int) -> Index:
    """The folder as it is now. Raises FolderGone."""
    modseq = last_modseq(session, folder_id)  # first: what comes meanwhile is seen twice, never missed
    uidnext = last_number(session, f"uid:{folder_id}") + 1
    found = session.execute(_ROWS, {"folder": folder_id, "since": -1}).all()
    return Index.of([tuple(row) for row in found], uidnext, modseq)


def read_news(session: Session, folder_id: int, since: int) -> News | None:
    """What is newer than modseq `since`; None for nothing. Raises FolderGone."""
    modseq = last_modseq(session, folder_id)
    if modseq == since:
        return None
    uidnext = last_number(session, f"uid:{folder_id}") + 1
    asked = {"folder": folder_id, "since": since}
    rows = tuple(Row(*row) for row in session.execute(_ROWS, asked))
    return News(rows, tuple(session.execute(_GONE, asked).scalars()), uidnext, modseq)
