"""What goes out, row by row: the row's number is the transaction id, so that a repeat is the same event."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from core.clock import epoch_ms
from core.db import signal
from core.ids import new_id
from crypto.keyring import Keyring
from crypto.sealed import object_aad, seal, unseal
from instant.rooms import TOPIC
from instant.tables import posts, rooms

TEXT, ORIGINAL = "text", "eml"


@dataclass(frozen=True, slots=True, repr=False)
class Post:
    """A part of a mail (`message_id`, `part`), or words of the bridge's own (`own`: event type and content)."""

    id: int
    room: int
    message_id: int | None
    part: str
    tried_at: int
    own: tuple[str, Mapping[str, Any]] | None


def put_part(session: Session, room: int, message_id: int, part: str) -> None:
    """Promise one part of a mail; the caller knows that it is the first time."""
    _put(session, new_id(), room, message_id, part, None)


def put_own(session: Session, keyring: Keyring, room: int, kind: str, content: Mapping[str, Any], part: str) -> None:
    """Promise an event of the bridge's own; `part` is its own word, unique in the room."""
    row_id = new_id()
    sealed = seal(_key(keyring), json.dumps([kind, content]).encode(), object_aad("chat.post", row_id))
    _put(session, row_id, room, None, part, sealed)


def _put(session: Session, row_id: int, room: int, message_id: int | None, part: str, sealed: bytes | None) -> None:
    row = {"id": row_id, "room": room, "message_id": message_id, "part": part, "sealed": sealed}
    session.execute(insert(posts), row | {"tried_at": 0, "event_id": None})
    signal(session, TOPIC, room)


def waiting_rooms(session: Session) -> list[tuple[int, str]]:
    """Rooms for which something waits, a closed one's last words too: our number and the Matrix id."""
    query = (
        select(rooms.c.id, rooms.c.room_id)
        .join(posts, posts.c.room == rooms.c.id)
        .where(posts.c.event_id.is_(None), rooms.c.room_id.is_not(None))
        .distinct()
    )
    return [(row.id, row.room_id) for row in session.execute(query)]


def pending(session: Session, keyring: Keyring, room: int, limit: int = 100) -> list[Post]:
    """What waits to be sent to a room, in order."""
    query = select(posts).where(posts.c.event_id.is_(None), posts.c.room == room).order_by(posts.c.id).limit(limit)
    return [_post(keyring, row) for row in session.execute(query)]


def tried(session: Session, post_id: int, now: datetime) -> None:
    """Keep when it was tried first: after a day the homeserver has forgotten the transaction id."""
    session.execute(update(posts).where(posts.c.id == post_id, posts.c.tried_at == 0).values(tried_at=epoch_ms(now)))


def sent(session: Session, post_id: int, event_id: str) -> None:
    """It is in the room; harmless twice."""
    session.execute(update(posts).where(posts.c.id == post_id, posts.c.event_id.is_(None)).values(event_id=event_id))


def say_once(session: Session, keyring: Keyring, room: int, text: str, part: str) -> None:
    """Promise a notice to a room, unless it was promised before."""
    if not exists(session, room, part):
        put_own(session, keyring, room, "m.room.message", {"msgtype": "m.notice", "body": text}, part)


def exists(session: Session, room: int, part: str) -> bool:
    """Whether the bridge's own word was promised in this room before."""
    query = select(posts.c.id).where(posts.c.room == room, posts.c.message_id.is_(None), posts.c.part == part)
    return session.execute(query.limit(1)).first() is not None


def part_of(session: Session, event_id: str) -> tuple[int, str] | None:
    """The mail and its part that this event shows."""
    row = session.execute(select(posts.c.message_id, posts.c.part).where(posts.c.event_id == event_id)).one_or_none()
    return (row.message_id, row.part) if row and row.message_id else None


def _post(keyring: Keyring, row: Any) -> Post:
    own = None
    if row.sealed:
        kind, content = json.loads(unseal(_key(keyring), row.sealed, object_aad("chat.post", row.id)))
        own = (kind, content)
    return Post(row.id, row.room, row.message_id, row.part, row.tried_at, own)


def _key(keyring: Keyring) -> bytes:
    return keyring.mac("matrix-secret", b"posts")
