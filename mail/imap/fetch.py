"""FETCH and UID FETCH: rows from the index, texts from memory or unsealed in threads, sent as fast as the client reads.

RFC 3501 §6.4.5. Before text of a message leaves, its first reading in this session stands in the trail and \\Seen is
set: both are durable, then the octets go.
"""

import asyncio
from collections.abc import Sequence
from functools import partial

import structlog

from core.audit import Event
from core.db import Freight
from core.errors import NotFound
from core.tables import audit
from crypto.sealed import SealBroken
from mail.bounds import MimeBounds
from mail.folder_rows import SEEN, Change, change_flags, gone_since
from mail.imap.commands import Fetch
from mail.imap.contents import Content, Depth, check_holder, read_contents
from mail.imap.errors import ImapBad
from mail.imap.fetch_answer import Piece, Plan, Stream
from mail.imap.fetch_items import Item
from mail.imap.fetch_lines import Batch, body_line, lines
from mail.imap.memory import Known
from mail.imap.respond import vanished
from mail.imap.sequence import holds
from mail.imap.session import Session
from mail.imap.unpack import known_of
from mail.imap.wire import Closed
from mail.index import Index

TRACED_AHEAD = 1024  # readings that stand in the trail in one commit; at most so many too many when the client leaves
BATCH = {Depth.ROW: 2000, Depth.META: 500, Depth.HEADER: 250, Depth.BODY: 128}  # messages answered together
AT_ONCE = 1024 * 1024  # octets made ready before the client has to read
FEW = 4  # messages that are read without a trip to a thread
INLINE = 64 * 1024  # octets of messages that are unsealed without a trip to a thread

log = structlog.get_logger()


async def fetch(session: Session, command: Fetch) -> str:
    """Raises NoSuchMessage; NO [EXPUNGEISSUED] when numbered messages are gone, NO [CORRUPTION] when one is damaged."""
    view = session.selected
    places = view.by_uid(command.set) if command.uid else view.by_number(command.set)
    index = await session.index()
    if Item.MODSEQ in command.items:
        session.enable("CONDSTORE")  # RFC 7162 §3.1
    if command.changed_since is not None:
        places = await _changed(session, command, command.changed_since, places, index)
    fetching = _Fetching(session, Plan.of(command.items), index)
    if fetching.plan.depth in {Depth.META, Depth.HEADER}:
        await session.near(partial(session.services.db.read, check_holder, session.source))
    size = BATCH[fetching.plan.depth]
    for start in range(0, len(places), size):
        await fetching.send(places[start : start + size], places[start : start + TRACED_AHEAD])
    if fetching.damaged:
        raise ImapBad("some of the messages cannot be opened", condition="NO", code="CORRUPTION")
    if fetching.missing and not command.uid:
        raise ImapBad("some of the messages are not there any more", condition="NO", code="EXPUNGEISSUED")
    return "those are they"


async def _changed(session: Session, command: Fetch, since: int, places: list[int], index: Index) -> list[int]:
    """Those of the places that changed after modseq `since`; what went is told before. RFC 7162 §3.1.4.1, §3.2.6."""
    view = session.selected
    if command.vanished:
        if not session.qresync:
            raise ImapBad("enable QRESYNC first")
        gone = await session.services.db.aread(gone_since, view.folder.id, since)
        ranges = command.set.resolve(max(index.uidnext - 1, 1))
        lost = [uid for uid in gone if holds(ranges, uid)]
        if lost:
            session.wire.write(vanished(lost, earlier=True))
    there = ((place, index.place(view.uids[place])) for place in places)
    return [place for place, at in there if at is not None and index.modseqs[at] > since]


class _Fetching:
    """One FETCH on its way out. `missing` and `damaged` count the messages that had no answer."""

    def __init__(self, session: Session, plan: Plan, index: Index) -> None:
        self.plan = plan
        self.missing = self.damaged = 0
        self._session = session
        self._view = session.selected
        self._index = index

    async def send(self, places: Sequence[int], coming: Sequence[int]) -> None:
        """Answer for these places of the view; `coming` are these and those that are answered next."""
        batch = self._batch(places)
        if self.plan.depth is Depth.BODY:
            await self._bodies(batch, coming)
            return
        known: list[Known] = []
        if self.plan.depth > Depth.ROW:
            batch, known = await self._known(batch)
        self._session.wire.write(b"".join(lines(batch, self.plan, known)))
        await self._session.wire.drain()

    def _batch(self, places: Sequence[int]) -> Batch:
        view, index = self._view, self._index
        numbers = [place + 1 for place in places]
        if view.uids is index.uids:
            return Batch(view, index, numbers, places)
        found = [index.place(view.uids[place]) for place in places]
        there = [(number, place) for number, place in zip(numbers, found, strict=True) if place is not None]
        self.missing += len(places) - len(there)
        return Batch(view, index, [number for number, _ in there], [place for _, place in there])

    # --- what delivery computed --------------------------------------------------------------------------------------

    async def _known(self, batch: Batch) -> tuple[Batch, list[Known]]:
        """From memory, the rest unsealed; without those that cannot be opened."""
        with_header = self.plan.depth is Depth.HEADER
        found = self._session.services.memory.get_many(self._session.holder.holder_id, batch.message_ids())
        uids = batch.uids()
        lacking = [
            uid
            for uid, known in zip(uids, found, strict=True)
            if known is None or (with_header and known.header is None)
        ]
        if lacking:
            work = partial(self._open, lacking, with_header=with_header)
            opened = await self._session.near(work, small=len(lacking) <= FEW)
            found = [opened.get(uid, known) for uid, known in zip(uids, found, strict=True)]
            lost = set(lacking) - opened.keys()
            found = [None if uid in lost else known for uid, known in zip(uids, found, strict=True)]
            batch = batch.only([known is not None for known in found]) if lost else batch
        return batch, [known for known in found if known is not None]

    def _open(self, uids: list[int], *, with_header: bool) -> dict[int, Known]:
        """In a thread: those that can be opened, by UID; many from their packs, as far as they have one."""
        opened: dict[int, Known] = {}
        if len(uids) > FEW:
            packed = self._session.services.db.read(known_of, self._session.source, uids)
            opened = {uid: packed[uid] for uid in uids if uid in packed and (packed[uid].header or not with_header)}
            uids = [uid for uid in uids if uid not in opened]
        contents = self._read(uids, with_body=with_header)
        self.missing += len(uids) - len(contents)
        for content in contents:
            try:
                opened[content.uid] = content.remember_header() if with_header else content.known
            except (SealBroken, NotFound, MimeBounds) as error:
                self._damage(content, error)
        return opened

    def _read(self, uids: list[int], *, with_body: bool) -> list[Content]:
        return self._session.services.db.read(read_contents, self._session.source, uids, with_body=with_body)

    def _damage(self, content: Content, error: Exception) -> None:
        """The others are still sent."""
        self.damaged += 1
        log.error("imap.damaged", message_id=content.message_id, cause=type(error).__name__)

    # --- octets ------------------------------------------------------------------------------------------------------

    async def _bodies(self, batch: Batch, coming: Sequence[int]) -> None:
        reading = self._session.near(partial(self._read, batch.uids(), with_body=True), small=len(batch.numbers) <= FEW)
        unseen, untraced = self._unseen(batch), self._untraced(batch, coming)
        if unseen or untraced:
            contents, *_, marked = await asyncio.gather(reading, self._trace(untraced), self._mark(unseen))
        else:
            contents, marked = await reading, set()
        if marked:
            self._index = await self._session.index()
            batch = self._batch([number - 1 for number in batch.numbers])
        by_uid = {content.uid: content for content in contents}
        there = batch.only([uid in by_uid for uid in batch.uids()])
        self.missing += len(batch.numbers) - len(there.numbers)
        await self._send_bodies(there, [by_uid[uid] for uid in there.uids()], marked)

    # Traced and marked in one commit when both are due.

    def _unseen(self, batch: Batch) -> list[int]:
        """UIDs that are to be marked."""
        if not self.plan.marks or self._view.read_only or "s" not in self._view.rights:
            return []
        flags = self._index.flags
        return [self._index.uids[place] for place in batch.places if SEEN not in flags[place]]

    def _untraced(self, batch: Batch, coming: Sequence[int]) -> set[int]:
        """Each message once a session; when one of these is due, so are all that are coming, since a commit costs the
        same for one as for hundreds."""
        traced = self._session.traced
        if not (self.plan.reads and self._session.services.options.trace_reads):
            return set()
        here = batch.message_ids()
        return set() if traced.issuperset(here) else {*here, *self._messages(coming)} - traced

    async def _trace(self, message_ids: set[int]) -> None:
        """Raises DatabaseDown: then nothing is read."""
        if not message_ids:
            return
        services, who = self._session.services, self._session.holder
        event = Event(str(who.account_id), "mail.read", "read", services.clock.now(), None, who.holder_id)
        await services.db.aload(Freight({audit: services.trail.rows(event, sorted(message_ids))}))
        self._session.traced |= message_ids

    def _messages(self, places: Sequence[int]) -> list[int]:
        """Those at these places of the view, as far as they are there."""
        view, index = self._view, self._index
        found = places if view.uids is index.uids else [index.place(view.uids[place]) for place in places]
        return [index.message_ids[place] for place in found if place is not None]

    async def _mark(self, uids: list[int]) -> set[int]:
        if not uids:
            return set()
        work = (self._view.folder.id, uids, Change.ADD, (SEEN,))
        rows = await self._session.services.db.arun(change_flags, *work)
        self._view.remember(rows)
        return {row.uid for row in rows}

    async def _send_bodies(self, batch: Batch, contents: list[Content], marked: set[int]) -> None:
        shown = batch.shown()
        start = 0
        while start < len(contents):
            work = partial(self._ready, batch, contents, start, shown, marked)
            small = sum(content.size for content in contents[start:]) <= INLINE
            pieces, start = work() if small else await self._session.in_pool(work)
            await self._write(pieces)

    def _ready(
        self, batch: Batch, contents: list[Content], start: int, shown: list[bytes], marked: set[int]
    ) -> tuple[list[Piece], int]:
        """Answers until there is enough to send; where to go on."""
        pieces: list[Piece] = []
        octets = 0
        while start < len(contents) and octets < AT_ONCE:
            content = contents[start]
            try:
                fresh = self._fresh(batch, start, shown[start]) if content.uid in marked else b""
                made = body_line(batch, start, self.plan, content, shown[start], fresh)
                octets += sum(len(piece) for piece in made if isinstance(piece, bytes))
                pieces += made
            except (SealBroken, NotFound, MimeBounds) as error:
                self._damage(content, error)
            start += 1
        return pieces, start

    def _fresh(self, batch: Batch, at: int, shown: bytes) -> bytes:
        """Flags that have just changed are said even unasked."""
        asked = self.plan.items
        words = b"" if Item.FLAGS in asked else b" FLAGS " + shown
        if self._session.condstore and Item.MODSEQ not in asked:
            words += b" MODSEQ (%d)" % batch.index.modseqs[batch.places[at]]
        return words

    async def _write(self, pieces: list[Piece]) -> None:
        wire = self._session.wire
        ready: list[bytes] = []
        for piece in pieces:
            if isinstance(piece, Stream):
                wire.write(b"".join(ready))
                ready = []
                await self._stream(piece)
            else:
                ready.append(piece)
        wire.write(b"".join(ready))
        await wire.drain()

    async def _stream(self, stream: Stream) -> None:
        """A large body. The length is said already: when the octets fail now, the connection has to go."""
        wire = self._session.wire
        for start, end in stream.pieces():
            try:
                octets = await self._session.in_pool(partial(stream.content.read, start, end - start))
            except Exception as error:
                log.error("imap.damaged", message_id=stream.content.message_id, cause=type(error).__name__)
                wire.abort()
                raise Closed("the body cannot be read") from error
            wire.write(octets)
            await wire.drain()
