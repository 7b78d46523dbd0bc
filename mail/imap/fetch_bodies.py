"""FETCH of octets: opened in a thread while those before them are on their way to the client. RFC 3501 §6.4.5.

Before text of a message leaves, its first reading in this session stands in the trail and \\Seen is set: both are
durable, then the octets go.
"""

import asyncio
from collections.abc import Awaitable, Iterable, Iterator, Sequence
from functools import partial
from itertools import zip_longest

import structlog

from core.audit import Event
from core.db import Freight
from core.errors import NotFound
from core.tables import audit
from crypto.sealed import SealBroken
from mail.bounds import MimeBounds
from mail.folder_rows import SEEN, Change, change_flags
from mail.imap.contents import read_contents
from mail.imap.fetch_answer import Stream, Value
from mail.imap.fetch_items import Item
from mail.imap.fetch_lines import Batch, Piece, body_lines
from mail.imap.fetch_sending import FEW, Sending
from mail.imap.respond import without_nul
from mail.imap.wire import Closed

TRACED_AHEAD = 1024  # readings that stand in the trail in one commit; at most so many too many when the client leaves
MOST = 256  # messages opened together
AT_ONCE = 1024 * 1024  # octets opened together, unless one message alone has more
INLINE = 64 * 1024  # octets that are opened without a trip to a thread

Opened = dict[int, list[Value] | None]  # by UID; None: it is damaged

log = structlog.get_logger()


class Bodies(Sending):
    """Two pieces are in memory at most: the one that goes, and the one that is opened meanwhile."""

    async def send(self, places: Sequence[int]) -> None:
        """As `Sending`. Raises ImapBad [UNKNOWN-CTE] too."""
        pieces, done = list(self._pieces(places)), 0
        ahead: asyncio.Future[Opened] | None = None
        try:
            for piece, following in zip_longest(pieces, pieces[1:]):
                opening = ahead or self._opening(piece)
                opened, marked = await self._permitted(piece, places[done : done + TRACED_AHEAD], opening)
                done += len(piece)
                ahead = self._ahead(following) if following else None
                await self._answer(piece, opened, marked)
        finally:
            if ahead is not None:
                ahead.cancel()

    def _pieces(self, places: Sequence[int]) -> Iterator[Sequence[int]]:
        """What is opened together: each item asked for may be as large as its message."""
        most, sizes = AT_ONCE // len(self.plan.openers), self._index.sizes
        start = octets = 0
        for at, found in enumerate(self._found(places)):
            size = 0 if found is None else sizes[found]
            if at - start == MOST or (at > start and octets + size > most):
                yield places[start:at]
                start, octets = at, 0
            octets += size
        if places:
            yield places[start:]

    # --- opening -----------------------------------------------------------------------------------------------------

    def _opening(self, piece: Sequence[int]) -> Awaitable[Opened]:
        batch = self._batch(piece)
        small = len(piece) <= FEW and sum(batch.sizes()) <= INLINE
        return self._session.near(partial(self._open, batch.uids()), small=small)

    def _ahead(self, piece: Sequence[int]) -> "asyncio.Future[Opened]":
        opening = asyncio.ensure_future(self._opening(piece))
        opening.add_done_callback(_looked_at)
        return opening

    def _open(self, uids: list[int]) -> Opened:
        """Often in a thread: what is said of those that are there."""
        opened: Opened = {}
        for content in self._session.services.db.look(read_contents, self._session.source, uids, with_body=True):
            try:
                opened[content.uid] = [opener(content) for opener in self.plan.openers.values()]
            except (SealBroken, NotFound, MimeBounds) as error:
                self._damage(content, error)
                opened[content.uid] = None
        return opened

    # --- what has to be durable before -------------------------------------------------------------------------------

    async def _permitted(
        self, piece: Sequence[int], coming: Sequence[int], opening: Awaitable[Opened]
    ) -> tuple[Opened, set[int]]:
        """What was opened, and the UIDs that were marked. Traced and marked in one commit when both are due."""
        unseen, untraced = self._unseen(piece), self._untraced(piece, coming)
        if not (unseen or untraced):
            return await opening, set()
        opened, _, marked = await asyncio.gather(opening, self._trace(untraced), self._mark(unseen))
        if marked:
            self._index = await self._session.index()
        return opened, marked

    def _unseen(self, piece: Sequence[int]) -> list[int]:
        """UIDs that are to be marked."""
        if not self.plan.marks or self._view.read_only or "s" not in self._view.rights:
            return []
        batch = self._batch(piece)
        flags = batch.index.flags
        return [uid for uid, place in zip(batch.uids(), batch.places, strict=True) if SEEN not in flags[place]]

    def _untraced(self, piece: Sequence[int], coming: Sequence[int]) -> set[int]:
        """Each message once a session; when one of these is due, so are all that are coming, since a commit costs the
        same for one as for hundreds."""
        traced = self._session.traced
        if not (self.plan.reads and self._session.services.options.trace_reads):
            return set()
        if traced.issuperset(self._batch(piece).message_ids()):
            return set()
        return {*self._batch(coming).message_ids()} - traced

    async def _trace(self, message_ids: set[int]) -> None:
        """Raises DatabaseDown: then nothing is read."""
        if not message_ids:
            return
        services, who = self._session.services, self._session.holder
        event = Event(str(who.account_id), "mail.read", "read", services.clock.now(), None, who.holder_id)
        await services.db.aload(Freight({audit: services.trail.rows(event, sorted(message_ids))}))
        self._session.traced |= message_ids

    async def _mark(self, uids: list[int]) -> set[int]:
        if not uids:
            return set()
        work = (self._view.folder.id, uids, Change.ADD, (SEEN,))
        rows = await self._session.services.db.arun(change_flags, *work)
        self._view.remember(rows)
        return {row.uid for row in rows}

    # --- answering ---------------------------------------------------------------------------------------------------

    async def _answer(self, piece: Sequence[int], opened: Opened, marked: set[int]) -> None:
        batch = self._batch(piece)
        uids = batch.uids()
        self.missing |= any(uid not in opened for uid in uids)
        sound = {uid: values for uid, values in opened.items() if values is not None}
        if len(sound) < len(uids):
            batch = batch.only([uid in sound for uid in uids])
            uids = batch.uids()
        self._tell_keywords(batch, asked=bool(marked))
        fresh = self._fresh(batch, marked) if marked else [b""] * len(uids)
        await self._write(body_lines(batch, self.plan, [sound[uid] for uid in uids], fresh))

    def _fresh(self, batch: Batch, marked: set[int]) -> list[bytes]:
        """Flags that have just changed are said even unasked."""
        words = [b"" if Item.FLAGS in self.plan.items else b" FLAGS " + shown for shown in batch.shown()]
        if self._session.condstore and Item.MODSEQ not in self.plan.items:
            modseqs = batch.index.modseqs
            words = [word + b" MODSEQ (%d)" % modseqs[place] for word, place in zip(words, batch.places, strict=True)]
        return [word if uid in marked else b"" for word, uid in zip(words, batch.uids(), strict=True)]

    async def _write(self, pieces: Iterable[Piece]) -> None:
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
            wire.write(without_nul(octets))
            await wire.drain()


def _looked_at(opening: "asyncio.Future[Opened]") -> None:
    """Its failure is told where it is waited for, or to nobody when the client has gone."""
    if not opening.cancelled():
        opening.exception()
