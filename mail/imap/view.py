"""What a session knows of its selected folder: UIDs in order, hence sequence numbers. RFC 3501 §2.3.1.2, §7.4.1.

The view changes only when the client is told: new messages whenever a command ends, expunged ones only where the
standard lets sequence numbers move. Until then a message that is gone keeps its number.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from mail.folder_rows import Changes, Flagged, Stored
from mail.folders import Folder
from mail.imap.errors import ImapBad
from mail.imap.grammar import SYSTEM_FLAGS
from mail.imap.sequence import SequenceSet
from mail.index import Index
from mail.rights import ALL, Rights, right_for_flag


class NoSuchMessage(ImapBad):
    """A sequence number beyond the last message: BAD, RFC 3501 §9 (seq-number)."""


@dataclass(frozen=True, slots=True)
class News:
    """What to tell: numbers that go (in the order of telling) and their UIDs, the new count and the new UIDs, flags by
    number."""

    gone: tuple[int, ...]
    lost: tuple[int, ...]
    exists: int | None
    fresh: tuple[int, ...]
    flags: tuple[tuple[int, Flagged], ...]


class View:
    """The selected folder of one session."""

    __slots__ = (
        *("_gone", "_seen", "_told", "_top", "folder", "keywords", "modseq", "read_only"),
        *("recent", "rights", "saved", "stamp", "uids"),
    )

    def __init__(self, folder: Folder, index: Index, *, read_only: bool, rights: Rights = ALL, stamp: int = 0) -> None:
        self.folder = folder
        self.rights = rights  # RFC 4314; they were read when the changes of rights were so many as `stamp`
        self.stamp = stamp
        self.read_only = read_only
        self.uids = index.uids  # shared with the index as long as both are the same; never changed, only replaced
        self.modseq = index.modseq
        self.keywords = set(index.keywords)  # that the client knows of
        self._seen: set[str] = set()  # flags of a message with nothing new in them
        self.recent: set[int] = set()
        self.saved: tuple[int, ...] = ()  # UIDs, RFC 5182
        self._top = max(index.uidnext - 1, index.uids[-1] if index.uids else 0)
        self._gone: set[int] = set()
        self._told: dict[int, set[int]] = {}

    def __len__(self) -> int:
        return len(self.uids)

    def index(self, uid: int) -> int | None:
        """Place of a UID, from 0; None when it is not in view."""
        place = bisect_left(self.uids, uid)
        return place if place < len(self.uids) and self.uids[place] == uid else None

    def by_number(self, numbers: SequenceSet) -> list[int]:
        """Places that a set of sequence numbers names, ascending. Raises NoSuchMessage."""
        if numbers.saved:
            return self.by_uid(numbers)
        if numbers.exceeds(len(self.uids)):
            raise NoSuchMessage("there is no such message number")
        return [place for low, high in numbers.resolve(len(self.uids)) for place in range(low - 1, high)]

    def by_uid(self, numbers: SequenceSet) -> list[int]:
        """Places that a set of UIDs names, ascending; UIDs that are not there are passed over (§6.4.8)."""
        if numbers.saved:
            return [place for uid in self.saved if (place := self.index(uid)) is not None]
        places: list[int] = []
        for low, high in numbers.resolve(self.uids[-1] if self.uids else 0):
            places += range(bisect_left(self.uids, low), bisect_right(self.uids, high))
        return places

    def uids_at(self, places: Sequence[int]) -> list[int]:
        return [self.uids[place] for place in places]

    @property
    def waiting(self) -> bool:
        """Messages are gone that the client does not know of yet."""
        return bool(self._gone)

    def learn(self, texts: Iterable[str]) -> bool:
        """In: flags of messages that are about to be shown. Whether the client has to be told of a keyword first."""
        unseen = set(texts) - self._seen
        self._seen |= unseen
        words = {word for text in unseen for word in text.split() if not word.startswith("\\")}
        if words <= self.keywords:
            return False
        self.keywords |= words
        return True

    @property
    def names(self) -> tuple[str, ...]:
        """The flags of the mailbox. RFC 3501 §7.2.6."""
        return (*SYSTEM_FLAGS, *sorted(self.keywords))

    def lasting(self) -> tuple[str, ...]:
        """Those that the client can change. RFC 3501 §7.1 PERMANENTFLAGS."""
        if self.read_only:
            return ()
        return tuple(name for name in (*self.names, "\\*") if right_for_flag(name) in self.rights)

    def shown(self, uid: int, flags: str) -> list[str]:
        """The flags as the client is shown them."""
        return ["\\Recent", *flags.split()] if uid in self.recent else flags.split()

    def remember(self, rows: Iterable[Flagged]) -> None:
        """The client was told these flags in the answer to its own command."""
        for row in rows:
            if row.modseq > self.modseq:
                self._told.setdefault(row.modseq, set()).add(row.uid)

    def remember_unsaid(self, rows: Iterable[Stored]) -> None:
        """The client works these flags out itself (.SILENT): only where it knew the ones before, or somebody else's
        change would never be told (§6.4.6)."""
        self.remember([row for row in rows if row.was <= self.modseq or row.uid in self._told.get(row.was, ())])

    def take(self, changes: Changes, index: Index, *, expunges: bool) -> News:
        """Bring the view up to date, `index` being where the changes lead to; without `expunges`, what is gone waits
        for a later call."""
        lost = set(changes.gone)
        self._gone.update(uid for uid in lost if self.index(uid) is not None)
        leaving = tuple(sorted(uid for uid in self._gone if self.index(uid) is not None)) if expunges else ()
        gone = tuple(self._drop()) if expunges else ()
        fresh = [row.uid for row in changes.rows if row.uid > self._top and row.uid not in lost]
        if fresh:
            self.uids = array("I", self.uids) + array("I", fresh)  # UIDs have 32 bits
        self._top = max(self._top, fresh[-1] if fresh else 0)
        flags = tuple(self._flags(changes.rows, set(fresh)))
        self.modseq = changes.modseq
        self._told = {modseq: uids for modseq, uids in self._told.items() if modseq > changes.modseq}
        if self.uids is not index.uids and self.uids == index.uids:
            self.uids = index.uids
        return News(gone, leaving, len(self.uids) if fresh else None, tuple(fresh), flags)

    def _flags(self, rows: Iterable[Flagged], fresh: set[int]) -> Iterator[tuple[int, Flagged]]:
        for row in rows:
            if row.uid in fresh or row.uid in self._told.get(row.modseq, ()):
                continue
            if (place := self.index(row.uid)) is not None:
                yield place + 1, row

    def _drop(self) -> Iterator[int]:
        """Numbers of the messages that leave, highest first, so that none moves before it is told (§7.4.1)."""
        kept = array("I", self.uids)
        for uid in sorted(self._gone, reverse=True):
            place = self.index(uid)
            if place is not None:
                del kept[place]
                yield place + 1
        self.uids = kept
        self._gone.clear()
