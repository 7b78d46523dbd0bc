"""Work that comes again: due by when it ended last, whichever process did it then, and in one hand at a time."""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import Connection, select
from sqlalchemy.orm import Session

from core.clock import epoch_ms
from core.statements import ask
from core.tables import chores


def due(look: Connection, names: Collection[str], now: datetime, rest: timedelta) -> list[str]:
    """Those of `names`, in their order, that nobody has in hand and that did not end within `rest`."""
    query = select(chores.c.name).where(
        (chores.c.ended_at > epoch_ms(now - rest)) | (chores.c.leased_until > epoch_ms(now))
    )
    resting = set(look.execute(query).scalars())
    return [name for name in names if name not in resting]


def take(session: Session, name: str, now: datetime, rest: timedelta, lease: timedelta) -> bool:
    """Have it in hand for `lease`; False when it is not due, or in another's hand."""
    until, free_at, ended_before = epoch_ms(now + lease), epoch_ms(now), epoch_ms(now - rest)
    return bool(ask(session, _TAKE, name, until, free_at, ended_before))


def ended(session: Session, name: str, now: datetime) -> None:
    """It is done. What failed is not said to have ended: it is due again when its lease has run out."""
    ask(session, "UPDATE chores SET ended_at = ?, leased_until = 0 WHERE name = ?", epoch_ms(now), name)


_TAKE = (
    "INSERT INTO chores (name, ended_at, leased_until) VALUES (?, 0, ?) "
    "ON CONFLICT (name) DO UPDATE SET leased_until = excluded.leased_until "
    "WHERE chores.leased_until <= ? AND chores.ended_at <= ? RETURNING name"
)
