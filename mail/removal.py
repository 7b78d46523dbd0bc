"""The end of a message: when no folder holds it any more, its row, keys and body go, then the body's file.

It is promised in the outbox by the transaction that takes the last reference away and done later: work that speaks of
the message (filing, relay) may still wait, and a file can only be unlinked once the commit is durable.
"""

from collections.abc import Callable, Collection, Iterable
from datetime import datetime

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from core import outbox
from core.clock import Clock
from core.db import Db, signal, tally
from core.statements import chunks
from core.tables import outbox as promises
from mail.tables import bodies, folder_messages, message_keys, messages

KIND = "mail.remove"
RETRY_S = 3600.0  # while other work about the message waits

Keeps = Callable[[Session, int], bool]  # does an upper room still need this message?


def release(session: Session, message_ids: Collection[int], now: datetime) -> None:
    """After rows of `folder_messages` are gone: promise the removal of messages that no folder holds any more."""
    rows = []
    for chunk in chunks(sorted(set(message_ids))):
        held = session.execute(select(folder_messages.c.message_id).where(folder_messages.c.message_id.in_(chunk)))
        for message_id in set(chunk).difference(held.scalars()):
            row, wake = outbox.row(KIND, message_id, now)
            rows.append(row)
            signal(session, *wake)
    if rows:
        session.execute(insert(promises), rows)


class Removal:
    """Handler of `mail.remove`; harmless twice."""

    def __init__(self, db: Db, clock: Clock, unlink: Callable[[int], None], keeps: Iterable[Keeps] = ()) -> None:
        """`unlink(body_id)` removes a body's file, if there is one; `keeps` are asked before anything goes."""
        self._db = db
        self._clock = clock
        self._unlink = unlink
        self._keeps = tuple(keeps)

    def __call__(self, message_id: int) -> None:
        body_id = self._db.run(self._condemn, message_id)
        if body_id is not None:
            self._unlink(body_id)  # before the rows: a crash in between leaves rows to try again, never a lost file
            self._db.run(_erase, message_id, body_id)

    def _condemn(self, session: Session, message_id: int) -> int | None:
        """The body to remove; None when it is gone, still needed, or put off."""
        body_id: int | None = session.execute(
            select(messages.c.body_id).where(messages.c.id == message_id)
        ).scalar_one_or_none()
        if body_id is None or _held(session, message_id) or any(keeps(session, message_id) for keeps in self._keeps):
            return None
        if _work_waits(session, message_id):
            outbox.put(session, KIND, message_id, now=self._clock.now(), delay_s=RETRY_S)
            return None
        return body_id


def _erase(session: Session, message_id: int, body_id: int) -> None:
    session.execute(delete(message_keys).where(message_keys.c.message_id == message_id))
    gone = session.execute(delete(messages).where(messages.c.id == message_id).returning(messages.c.id)).all()
    session.execute(delete(bodies).where(bodies.c.id == body_id))
    tally(session, "messages", -len(gone))


def _held(session: Session, message_id: int) -> bool:
    query = select(folder_messages.c.uid).where(folder_messages.c.message_id == message_id).limit(1)
    return session.execute(query).first() is not None


def _work_waits(session: Session, message_id: int) -> bool:
    query = select(promises.c.id).where(
        promises.c.ref == message_id,
        promises.c.kind != KIND,
        promises.c.state.in_((outbox.WAITING, outbox.LEASED)),
    )
    return session.execute(query.limit(1)).first() is not None
