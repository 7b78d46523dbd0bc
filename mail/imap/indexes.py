"""The folders' indexes that this process keeps, brought up to date when a commit has touched them.

Loop's thread only, except `heard`. Many sessions that ask at once are served by one read.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator

from sqlalchemy.orm import Session

from core.db import Db, Signal
from mail.folder_rows import Changes, Flagged, changes
from mail.index import Index, News, read_news
from mail.kept_index import read_index
from mail.limits import IMAP_INDEX_ROWS
from mail.notify import TOPIC, Hub

REMEMBERED = 32  # steps back, for sessions that ask what is new since their modseq


class _Kept:
    """One folder: its index, the steps that led to it, how many commits have touched it and how many it knows of."""

    __slots__ = ("index", "known", "lock", "steps", "touched")

    def __init__(self) -> None:
        self.index: Index | None = None
        self.steps: deque[tuple[int, News]] = deque(maxlen=REMEMBERED)  # (modseq before, what came)
        self.touched = 0
        self.known = -1
        self.lock = asyncio.Lock()


class Indexes:
    """Folder → index, the least used forgotten beyond `rows` rows in all."""

    def __init__(self, db: Db, hub: Hub, rows: int = IMAP_INDEX_ROWS) -> None:
        self._db = db
        self._most = rows
        self._kept: OrderedDict[int, _Kept] = OrderedDict()
        # Only where every commit is heard before its answer: other processes' signals come later, or not at all.
        self.alone = db.url.get_backend_name() == "sqlite"
        hub.first(self.heard)  # before those who wake and ask
        db.on_commit(self.heard)

    def heard(self, signals: Iterable[Signal]) -> None:
        """From any thread: these folders were touched."""
        for topic, ref in signals:
            if topic == TOPIC and (kept := self._kept.get(ref)) is not None:
                kept.touched += 1

    async def now(self, folder_id: int, least: int = 0) -> Index:
        """The folder as it is, at modseq `least` or later. Raises FolderGone, DatabaseDown."""
        kept = self._kept.get(folder_id)
        if kept is None:
            kept = self._kept[folder_id] = _Kept()
        self._kept.move_to_end(folder_id)
        if (index := self._ready(kept, least)) is not None:
            return index
        async with kept.lock:
            return self._ready(kept, least) or await self._refresh(folder_id, kept)

    def _ready(self, kept: _Kept, least: int) -> Index | None:
        """What is kept, when nothing can be newer. A session may have read a commit that is not heard of yet."""
        index = kept.index
        fresh = self.alone and kept.known == kept.touched
        return index if index is not None and fresh and index.modseq >= least else None

    async def changes(self, folder_id: int, since: int, *, ask: bool = False) -> tuple[Changes, Index]:
        """What is newer than modseq `since`, and the index that it leads to. `ask` the database even when no signal was
        heard: one may be lost. Raises as `now`."""
        if ask and not self.alone and (kept := self._kept.get(folder_id)):
            kept.known = -1
        index = await self.now(folder_id, since)
        if index.modseq == since:
            return Changes((), (), since), index
        kept = self._kept.get(folder_id)
        steps = [step for step in kept.steps if since <= step[0] < index.modseq] if kept else []
        if steps and steps[0][0] == since and steps[-1][1].modseq == index.modseq:
            return _joined([news for _, news in steps]), index
        return await self._db.aread(changes, folder_id, since), index

    async def _refresh(self, folder_id: int, kept: _Kept) -> Index:
        before = kept.index
        touched = kept.touched  # a commit during the read comes on top
        try:
            after, news = await self._db.aread(_advance, folder_id, before)
        except BaseException:
            self._kept.pop(folder_id, None)
            raise
        kept.index, kept.known = after, touched
        if news is not None and before is not None:
            kept.steps.append((before.modseq, news))
        if before is None:
            self._forget()
        return after

    def _forget(self) -> None:
        total = sum(len(kept.index) for kept in self._kept.values() if kept.index is not None)
        while total > self._most and len(self._kept) > 1:
            _, oldest = self._kept.popitem(last=False)
            total -= len(oldest.index) if oldest.index is not None else 0


def _advance(session: Session, folder_id: int, before: Index | None) -> tuple[Index, News | None]:
    if before is None:
        return read_index(session, folder_id), None
    news = read_news(session, folder_id, before.modseq)
    return (before, None) if news is None else (before.advanced(news), news)


def _joined(steps: list[News]) -> Changes:
    """Several steps as one: the latest row of each UID that has not gone since; none ever comes back."""
    if len(steps) == 1:
        return steps[0].changes()
    gone = {uid for news in steps for uid in news.gone}
    rows = {row.uid: row for row in _rows(steps)}
    return Changes(tuple(rows[uid] for uid in sorted(rows.keys() - gone)), tuple(sorted(gone)), steps[-1].modseq)


def _rows(steps: list[News]) -> Iterator[Flagged]:
    for news in steps:
        yield from news.changes().rows
