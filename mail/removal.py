"""The end of a message: when no folder holds it any more, its row, keys and body go, then the body's file.

It is promised in the outbox by the transaction that takes the last reference away and done later: work that speaks of
the message (filing, relay) may still wait, and a file can only be unlinked once the commit is durable.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
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

# Which of these messages does an upper room still need?
Keeps = Callable[[Session, Collection[int]], Collection[int]]


def release(session: Session, message_ids: Collection[int], now: datetime) -> set[int]:
    """After rows of `folder_messages` are gone: promise the removal of messages that no folder holds any more. Returns
    those."""
    gone, rows = set(message_ids) - _held(session, message_ids), []
    for message_id in sorted(gone):
        row, wake = outbox.row(KIND, message_id, now, topic=outbox.gathered(KIND))
        rows.append(row)
        signal(session, *wake)
    if rows:
        session.execute(insert(promises), rows)
    return gone


class Removal:
    """Handler of `mail.remove`, `outbox.Several`; harmless twice."""

    def __init__(self, db: Db, clock: Clock, unlink: Callable[[int], None], keeps: Iterable[Keeps] = ()) -> None:
        """`unlink(body_id)` removes a body's file, if there is one; `keeps` are asked before anything goes."""
        self._db = db
        self._clock = clock
        self._unlink = unlink
        self._keeps = tuple(keeps)

    def __call__(self, message_id: int) -> None:
        self.many([message_id])

    def many(self, message_ids: Sequence[int]) -> None:
        """As `outbox.Several` says."""
        condemned = self._db.run(self._condemned, message_ids)
        for body_id in condemned.values():
            self._unlink(body_id)  # before the rows: a crash in between leaves rows to try again, never a lost file
        if condemned:
            self._db.run(_erase, condemned)

    def _condemned(self, session: Session, message_ids: Collection[int]) -> dict[int, int]:
        """Messages to remove, with their bodies: not those that are gone, still needed, or put off."""
        query = select(messages.c.id, messages.c.body_id).where(messages.c.id.in_(message_ids))
        bodies_of: dict[int, int] = {row.id: row.body_id for row in session.execute(query)}
        free = set(bodies_of) - _held(session, bodies_of)
        free.difference_update(*(keeps(session, bodies_of) for keeps in self._keeps))
        late = _awaited(session, free)
        for message_id in late:
            outbox.put(session, KIND, message_id, now=self._clock.now(), delay_s=RETRY_S)
        return {message_id: bodies_of[message_id] for message_id in free - late}


def _erase(session: Session, condemned: Mapping[int, int]) -> None:
    session.execute(delete(message_keys).where(message_keys.c.message_id.in_(condemned)))
    gone = session.execute(delete(messages).where(messages.c.id.in_(condemned)).returning(messages.c.id)).all()
    session.execute(delete(bodies).where(bodies.c.id.in_(condemned.values())))
    tally(session, "messages", -len(gone))


def _held(session: Session, message_ids: Collection[int]) -> set[int]:
    """Those that lie in a folder."""
    found: set[int] = set()
    for chunk in chunks(list(message_ids)):
        held = select(folder_messages.c.message_id).where(folder_messages.c.message_id.in_(chunk)).distinct()
        found.update(session.execute(held).scalars())
    return found


def _awaited(session: Session, message_ids: Collection[int]) -> set[int]:
    """Those of which work speaks that is not done."""
    query = select(promises.c.ref).where(
        promises.c.ref.in_(message_ids),
        promises.c.kind != KIND,
        promises.c.state.in_((outbox.WAITING, outbox.LEASED)),
    )
    return set(session.execute(query).scalars())
