"""Packs of a folder as rows: which stretches of UIDs have one, what is still to be gathered, the end of a pack.

A pack speaks of every message with a UID from its first to its last; one that could not be opened is not in it. It goes
in the transaction that takes one of its messages out of the folder: nothing erased is left in it.
"""

from bisect import bisect_left
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from core.numbers import last_number
from crypto.sealed import object_aad
from mail.limits import IMAP_PACK_LEAST, IMAP_PACK_MESSAGES
from mail.tables import folder_messages, folder_packs


@dataclass(frozen=True, slots=True)
class Stretch:
    """UIDs from `first` to `last`, both included."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Loose(Stretch):
    """A stretch without a pack, and the messages in it, ascending."""

    uids: tuple[int, ...]


def answers_aad(folder_id: int, first_uid: int) -> bytes:
    """What the half with the answers of FETCH is bound to."""
    return object_aad("answers", folder_id, first_uid)


def texts_aad(folder_id: int, first_uid: int) -> bytes:
    """What the half with the texts for SEARCH is bound to."""
    return object_aad("texts", folder_id, first_uid)


def stretches(session: Session, folder_id: int) -> list[Stretch]:
    """The stretches that have a pack, ascending."""
    query = select(folder_packs.c.first_uid, folder_packs.c.last_uid).where(folder_packs.c.folder_id == folder_id)
    return [Stretch(*row) for row in session.execute(query.order_by(folder_packs.c.first_uid))]


def next_loose(session: Session, folder_id: int) -> Loose | None:
    """The next messages to gather: in a gap between packs, or the newest ones once there are enough of them."""
    after = 0
    for packed in stretches(session, folder_id):
        if packed.first > after + 1 and (loose := _loose(session, folder_id, after + 1, packed.first - 1)):
            return loose
        after = max(after, packed.last)
    newest = _loose(session, folder_id, after + 1, last_number(session, f"uid:{folder_id}"))
    return newest if newest and len(newest.uids) >= IMAP_PACK_LEAST else None


def _loose(session: Session, folder_id: int, first: int, last: int) -> Loose | None:
    uids = folder_messages.c.uid
    query = select(uids).where(folder_messages.c.folder_id == folder_id, uids.between(first, last))
    found = tuple(session.execute(query.order_by(uids).limit(IMAP_PACK_MESSAGES + 1)).scalars())
    if not found:
        return None
    if len(found) > IMAP_PACK_MESSAGES:
        return Loose(first, found[-2], found[:-1])
    return Loose(first, last, found)


def keep(session: Session, folder_id: int, loose: Loose, answers: bytes, texts: bytes) -> bool:
    """Unit of work: the pack, unless one of its messages has gone meanwhile or another process was faster."""
    now = _loose(session, folder_id, loose.first, loose.last)
    if now is None or now.uids != loose.uids or _covering(session, folder_id, loose.first, loose.last):
        return False
    row = {"folder_id": folder_id, "first_uid": loose.first, "last_uid": loose.last}
    session.execute(insert(folder_packs), row | {"sealed_answers": answers, "sealed_texts": texts})
    return True


def drop(session: Session, folder_id: int, uids: Collection[int]) -> None:
    """The packs that speak of any of these go."""
    if not uids:
        return
    ordered = sorted(uids)
    for first, last in _covering(session, folder_id, ordered[0], ordered[-1]):
        at = bisect_left(ordered, first)
        if at < len(ordered) and ordered[at] <= last:
            here = (folder_packs.c.folder_id == folder_id) & (folder_packs.c.first_uid == first)
            session.execute(delete(folder_packs).where(here))


def drop_all(session: Session, folder_ids: Sequence[int]) -> None:
    """The folders themselves go."""
    session.execute(delete(folder_packs).where(folder_packs.c.folder_id.in_(folder_ids)))


def _covering(session: Session, folder_id: int, low: int, high: int) -> list[tuple[int, int]]:
    query = select(folder_packs.c.first_uid, folder_packs.c.last_uid).where(
        folder_packs.c.folder_id == folder_id, folder_packs.c.last_uid >= low, folder_packs.c.first_uid <= high
    )
    return [(row[0], row[1]) for row in session.execute(query)]
