"""What happens to registered professionals, for the rooms that must act on it: chat closes an account, for instance.

Rows are written in the transaction that makes them true and announced on the topic `directory.event` after its commit.
A reader keeps the last id it has seen and asks for what comes after; acting twice on an event must be harmless.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from core.clock import epoch_ms
from core.db import signal
from core.ids import new_id
from directory.tables import directory_events, directory_struck

TOPIC = "directory.event"
STRUCK_OFF = "struck_off"  # was in the national register, is not any more: no publication, no chat
REINSTATED = "reinstated"  # is back in it
KINDS = frozenset({STRUCK_OFF, REINSTATED})


@dataclass(frozen=True, slots=True)
class Event:
    """`national_id`: type digit and number, 8 + RPPS or 0 + ADELI, as the annuaire writes it. `at` in epoch ms."""

    id: int
    at: int
    kind: str
    national_id: str


def put_event(session: Session, kind: str, national_id: str, now: datetime) -> int:
    """Write an event; it dies with the transaction. Returns its id. Raises ValueError on an unknown kind."""
    if kind not in KINDS:
        raise ValueError("unknown kind of directory event")
    event_id = new_id()
    row = {"id": event_id, "at": epoch_ms(now), "kind": kind, "national_id": national_id}
    session.execute(insert(directory_events), row)
    signal(session, TOPIC, event_id)
    return event_id


def events_after(session: Session, last_id: int, limit: int = 500) -> list[Event]:
    """Events with a larger id than `last_id` (0: all), oldest first."""
    query = select(directory_events).where(directory_events.c.id > last_id).order_by(directory_events.c.id)
    return [Event(row.id, row.at, row.kind, row.national_id) for row in session.execute(query.limit(limit))]


def is_struck_off(session: Session, national_id: str) -> bool:
    """Whether the last extraction of the register no longer knew a professional that an earlier one knew."""
    query = select(directory_struck.c.at).where(directory_struck.c.national_id == national_id)
    return session.execute(query).one_or_none() is not None
