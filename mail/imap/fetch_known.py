"""FETCH of what delivery computed: from the index and from memory, the rest unsealed, many messages at a time."""

from collections.abc import Sequence
from functools import partial

from core.errors import NotFound
from crypto.sealed import SealBroken
from mail.bounds import MimeBounds
from mail.imap.contents import Depth, check_holder, read_contents
from mail.imap.fetch_lines import Batch, lines
from mail.imap.fetch_sending import FEW, Sending
from mail.imap.memory import Known
from mail.imap.unpack import known_of

AT_ONCE = {Depth.ROW: 2000, Depth.META: 500, Depth.HEADER: 250}  # messages answered together


class Answers(Sending):
    """Nothing of a message leaves but its row, its structure and its header."""

    async def send(self, places: Sequence[int]) -> None:
        """As `Sending`."""
        source = self._session.source
        if self.plan.depth > Depth.ROW and not source.memory.keys.has(source.holder_id):
            await self._session.near(partial(self._session.services.db.look, check_holder, source))
        size = AT_ONCE[self.plan.depth]
        for start in range(0, len(places), size):
            batch, known = self._batch(places[start : start + size]), list[Known]()
            if self.plan.depth > Depth.ROW:
                batch, known = await self._known(batch)
            self._tell_keywords(batch)
            self._session.wire.write(b"".join(lines(batch, self.plan, known)))
            await self._session.wire.drain()

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
        read, source = self._session.services.db.read, self._session.source
        if len(uids) > FEW:
            packed = read(known_of, source, uids)
            opened = {uid: packed[uid] for uid in uids if uid in packed and (packed[uid].header or not with_header)}
            uids = [uid for uid in uids if uid not in opened]
        contents = self._session.services.db.look(read_contents, source, uids, with_body=with_header)
        self.missing |= len(contents) < len(uids)
        for content in contents:
            try:
                opened[content.uid] = content.remember_header() if with_header else content.known
            except (SealBroken, NotFound, MimeBounds) as error:
                self._damage(content, error)
        return opened
