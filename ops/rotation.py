"""A new master key: each holder's key is wrapped anew, in batches, beside a server at work.

The cryptography happens outside of the transactions. A holder whose key was destroyed meanwhile stays destroyed: a row
is changed only where it still holds what was read. Older master keys stay until nothing needs them (`forget_unused`).
"""

from collections.abc import Callable
from typing import Any

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.orm import Session

from core.db import Db
from crypto.committing import SealBroken
from crypto.keyring import HOLDER_MAGIC, ID_BYTES, Rotating
from directory.holders import holder_aad
from directory.tables import holders

BATCH = 1000
Progress = Callable[[str, int, int], None]


def rotate(db: Db, keyring: Rotating, progress: Progress) -> dict[str, int]:
    """Make a new master key and wrap everything under it. Raises DatabaseDown, OSError."""
    number = keyring.rotate()
    changed = wrap_anew(db, keyring, progress)
    return {"current": number, "rewrapped": changed}


def wrap_anew(db: Db, keyring: Rotating, progress: Progress) -> int:
    """Everything that an older master key wraps, under the current one; returns how many. Harmless twice."""
    total, done, changed, last = db.read(_count), 0, 0, 0
    while rows := db.read(_after, last):
        fresh = _rewrapped(keyring, rows)
        changed += db.run(_write, fresh) if fresh else 0
        last, done = rows[-1][0], done + len(rows)
        progress("holders", done, max(done, total))
    return changed


def needed(session: Session) -> dict[int, int]:
    """Master key → how many holders it wraps."""
    head = func.substr(holders.c.wrapped_key, 1, len(HOLDER_MAGIC) + ID_BYTES)
    query = select(head, func.count()).where(holders.c.wrapped_key.is_not(None)).group_by(head)
    return {int.from_bytes(bytes(row[0])[len(HOLDER_MAGIC) :], "big"): row[1] for row in session.execute(query)}


def forget_unused(db: Db, keyring: Rotating) -> int:
    """Destroy older master keys that wrap nothing any more; returns how many.

    Another process must have seen the new key meanwhile: not within the minute of a rotation.
    """
    used = db.read(needed)
    idle = [number for number in keyring.numbers() if number != keyring.current and number not in used]
    for number in idle:
        keyring.forget(number)
    return len(idle)


def _rewrapped(keyring: Rotating, rows: list[tuple[int, bytes]]) -> list[dict[str, Any]]:
    fresh = []
    for holder_id, wrapped in rows:
        if keyring.kek_of(wrapped) != keyring.current:
            try:
                new = keyring.rewrap(wrapped, holder_aad(holder_id))
            except SealBroken:
                continue  # damage is told by `pli verify-data`
            fresh.append({"of": holder_id, "old": wrapped, "new": new})
    return fresh


def _write(session: Session, fresh: list[dict[str, Any]]) -> int:
    same = (holders.c.id == bindparam("of"), holders.c.wrapped_key == bindparam("old"))
    done = session.connection().execute(update(holders).where(*same).values(wrapped_key=bindparam("new")), fresh)
    return done.rowcount if done.rowcount >= 0 else len(fresh)


def _after(session: Session, last: int) -> list[tuple[int, bytes]]:
    query = select(holders.c.id, holders.c.wrapped_key).where(holders.c.id > last, holders.c.wrapped_key.is_not(None))
    return [(row[0], bytes(row[1])) for row in session.execute(query.order_by(holders.c.id).limit(BATCH))]


def _count(session: Session) -> int:
    return session.execute(select(func.count()).select_from(holders)).scalar_one()
