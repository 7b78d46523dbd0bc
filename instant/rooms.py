"""Rooms that the bridge is a visible member of: one for a mailbox, teams that invited it, cases."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from core.clock import epoch_ms
from core.db import signal
from core.ids import new_id, token
from directory.tables import mailboxes
from instant.tables import rooms
from mail.tables import message_keys

TOPIC = "chat"
MAILBOX, TEAM, CASE = "mailbox", "team", "case"
OPEN, CLOSING, CLOSED = "open", "closing", "closed"


@dataclass(frozen=True, slots=True)
class Room:
    """`room_id` is empty until the homeserver has made it; `ref` is ours, opaque, and stands in its state."""

    id: int
    room_id: str
    kind: str
    account_id: int
    mailbox_id: int
    ref: str
    state: str


_FACTS = tuple(rooms.c[name] for name in ("id", "room_id", "kind", "account_id", "mailbox_id", "ref", "state"))


def want_room(session: Session, account_id: int, mailbox_id: int, kind: str, now: datetime, room_id: str = "") -> Room:
    """A room to be made, or one (`room_id`) that asked the bridge in, again perhaps. A mailbox has one of its own."""
    known = find_room(session, room_id) if room_id else None
    if known:
        return _again(session, known)
    if kind == MAILBOX:
        found = _one(session, rooms.c.mailbox_id == mailbox_id, rooms.c.kind == MAILBOX, rooms.c.state == OPEN)
        if found:
            return found
    room = Room(new_id(), room_id, kind, account_id, mailbox_id, token(9), OPEN)
    row = {column.name: getattr(room, column.name) for column in _FACTS} | {"room_id": room_id or None}
    session.execute(insert(rooms), row | {"sealed_case": None, "created_at": epoch_ms(now)})
    signal(session, TOPIC, room.id)
    return room


def _again(session: Session, room: Room) -> Room:
    session.execute(update(rooms).where(rooms.c.id == room.id).values(state=OPEN))
    signal(session, TOPIC, room.id)
    return replace(room, state=OPEN)


def left(session: Session, room_id: str) -> None:
    """The bridge is in this room no more; an archive that is being made is still made."""
    session.execute(update(rooms).where(rooms.c.room_id == room_id, rooms.c.state == OPEN).values(state=CLOSED))
    signal(session, TOPIC, 0)


def made(session: Session, room: int, room_id: str) -> None:
    """The homeserver has made it."""
    session.execute(update(rooms).where(rooms.c.id == room).values(room_id=room_id))


def close_room(session: Session, room: int) -> None:
    """Nothing goes in or out any more."""
    session.execute(update(rooms).where(rooms.c.id == room).values(state=CLOSED))


def to_make(session: Session) -> list[Room]:
    """Rooms that the homeserver has not made yet."""
    return _many(session, rooms.c.room_id.is_(None), rooms.c.state == OPEN)


def open_rooms(session: Session) -> list[Room]:
    """All rooms in use, and those that are being closed."""
    return _many(session, rooms.c.room_id.is_not(None), rooms.c.state.in_((OPEN, CLOSING)))


def get_room(session: Session, room: int) -> Room | None:
    """One room by our number."""
    return _one(session, rooms.c.id == room)


def find_room(session: Session, room_id: str) -> Room | None:
    """One room by its Matrix id."""
    return _one(session, rooms.c.room_id == room_id)


def rooms_of_mailbox(session: Session, mailbox_id: int) -> list[Room]:
    """Rooms that this mailbox's people have, oldest first."""
    return _many(session, rooms.c.mailbox_id == mailbox_id, rooms.c.state == OPEN)


def rooms_for_mail(session: Session, message_id: int) -> list[tuple[Room, int]]:
    """Rooms in which this mail is to be shown, each with the holder who can open it."""
    query = (
        select(*_FACTS, message_keys.c.holder_id)
        .join(mailboxes, mailboxes.c.id == rooms.c.mailbox_id)
        .join(message_keys, message_keys.c.holder_id == mailboxes.c.holder_id)
        .where(message_keys.c.message_id == message_id, rooms.c.kind == MAILBOX, rooms.c.state == OPEN)
    )
    return [(_room(row), row.holder_id) for row in session.execute(query)]


def bridged_mailboxes(session: Session) -> frozenset[int]:
    """Mailboxes whose mail is shown in a room."""
    query = select(rooms.c.mailbox_id).where(rooms.c.kind == MAILBOX, rooms.c.state == OPEN)
    return frozenset(session.execute(query).scalars())


def _one(session: Session, *conditions: Any) -> Room | None:
    row = session.execute(select(*_FACTS).where(*conditions).limit(1)).one_or_none()
    return _room(row) if row else None


def _many(session: Session, *conditions: Any) -> list[Room]:
    return [_room(row) for row in session.execute(select(*_FACTS).where(*conditions).order_by(rooms.c.id))]


def _room(row: Any) -> Room:
    return Room(row.id, row.room_id or "", row.kind, row.account_id, row.mailbox_id, row.ref, row.state)
