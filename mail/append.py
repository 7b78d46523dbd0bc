"""A message that a client puts into a folder itself (IMAP APPEND): kept like any other, but nobody is told, no rule of
delivery applies, and its signature is verified as if it had just come in."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.exc import IntegrityError

from core.audit import Event, Trail
from core.clock import Clock
from core.db import Db
from core.errors import DatabaseDown, Refused, StorageFull
from core.ids import new_id
from mail.errands import ended
from mail.judge import UNSIGNED, Judge
from mail.lading import Lading, Place, together
from mail.letter import build_meta, first_from, is_signed, read_letter
from mail.spool import Spooled


@dataclass(frozen=True, slots=True)
class Appended:
    """Where it is now. RFC 4315 §3 APPENDUID."""

    uid: int
    message_id: int


@dataclass(frozen=True, slots=True, repr=False)
class Coming:
    """One message and where it goes; `internal_at` None: now."""

    body: Spooled
    place: Place
    internal_at: datetime | None = None


class Appender:
    """Puts a client's own message into one of its folders."""

    def __init__(self, db: Db, trail: Trail, judge: Judge, clock: Clock, pool: Executor) -> None:
        self._db = db
        self._trail = trail
        self._judge = judge
        self._clock = clock
        self._pool = pool

    async def append(self, body: Spooled, place: Place, actor: str, internal_at: datetime | None = None) -> Appended:
        """`place.flags` are the client's; `actor` is the account's id. Returns after the durable commit.

        Raises MimeBounds, StorageFull, DatabaseDown, Refused (folder gone); the body is then discarded.
        """
        return (await self.append_all([Coming(body, place, internal_at)], actor))[0]

    async def append_all(self, coming: Sequence[Coming], actor: str) -> list[Appended]:
        """Several messages into one folder by one commit: all of them or none. Raises as `append`."""
        return await ended(self._append(coming, actor))

    async def _append(self, coming: Sequence[Coming], actor: str) -> list[Appended]:
        try:
            loop = asyncio.get_running_loop()
            ladings = await loop.run_in_executor(self._pool, self._prepared, coming, actor)
            loaded = await self._db.aload(together([lading.freight() for lading in ladings]))
        except IntegrityError:
            _discard(coming)
            raise Refused("the folder is gone", "append: integrity error") from None
        except Exception as error:
            if not isinstance(error, DatabaseDown) or isinstance(error, StorageFull):
                _discard(coming)
            raise
        uids = loaded.numbers[f"uid:{coming[0].place.folder_id}"]
        return [Appended(uid, lading.message_id) for uid, lading in zip(uids, ladings, strict=True)]

    def _prepared(self, coming: Sequence[Coming], actor: str) -> list[Lading]:
        return [self._prepare(one.body, one.place, actor, one.internal_at) for one in coming]

    def _prepare(self, body: Spooled, place: Place, actor: str, internal_at: datetime | None) -> Lading:
        now = self._clock.now()
        raw = body.read()
        letter = read_letter(raw)
        if letter.description is None:
            raise letter.broken or Refused("the message cannot be read")
        verdict = UNSIGNED
        if is_signed(letter.description):
            verdict = self._judge(raw, first_from(letter.headers)[0] or None, now)
        message_id = new_id()
        meta = build_meta(letter, letter.description, body, ("", ()), "", verdict, now, "append")
        event = Event(actor, "mail.append", "stored", now, message_id, place.holder_id)
        body.keep()
        return Lading(
            message_id=message_id,
            body=body,
            meta=meta,
            places=(place,),
            received_at=now,
            internal_at=internal_at or now,
            trail=(self._trail.row(event),),
        )


def _discard(coming: Sequence[Coming]) -> None:
    for one in coming:
        one.body.discard()
