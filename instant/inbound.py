"""From a batch of the homeserver to rows: events once each, ciphertext without key, the sync token, in one commit."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, or_, select, update
from sqlalchemy.orm import Session

from core.clock import epoch_ms
from core.ids import new_id
from crypto.keyring import Keyring
from crypto.sealed import object_aad, seal, unseal
from directory.holders import holder_key
from directory.mailboxes import get_mailbox
from instant import cases, links, memory, posts
from instant.exchange import Received
from instant.names import REF
from instant.rooms import CASE, Room, get_room, open_rooms
from instant.tables import events, waiting

NEW, DONE, FAILED = "new", "done", "failed"
TALK, COMMAND, CHANGE, REPLY, REACTION = "talk", "command", "change", "reply", "reaction"
MEMBER, ENCRYPTED = "m.room.member", "m.room.encrypted"
LONGEST_MS = 600_000  # between two attempts


@dataclass(frozen=True, slots=True, repr=False)
class Event:
    """A row, opened. `content` is what the sender's device encrypted, `sender_key` that device's key ("": in clear)."""

    id: int
    event_id: str
    room: int
    sender: str
    kind: str
    type: str
    content: Mapping[str, Any]
    redacts: str
    sent_at: int
    attempts: int
    sender_key: str = ""


def take(
    session: Session, keyring: Keyring, received: Sequence[Received], token: str, own: str, now: datetime
) -> tuple[int, int]:
    """Unit of work: keep what is new, and the token; returns (new events, without key)."""
    known_rooms = {room.room_id: room for room in open_rooms(session)}
    ours = [one for one in received if one.room_id in known_rooms]
    _settle(session, (one for one in ours if one.sender == own))
    others = [one for one in ours if one.sender != own and _wanted(one, known_rooms[one.room_id])]
    fresh = _fresh(session, others)
    readable = [one for one in fresh if one.unread is None]
    _keep(session, keyring, known_rooms, readable, now)
    for one in readable:
        if one.type == MEMBER and one.content.get("membership") == "join":
            cases.tell_newcomer(session, keyring, known_rooms[one.room_id], one.redacts or one.sender)
    lost = _wait(session, known_rooms, (one for one in fresh if one.unread is not None), now)
    if token:
        memory.remember(session, keyring, memory.TOKEN, token.encode())
    return len(readable), lost


def _wanted(one: Received, room: Room) -> bool:
    if one.type == MEMBER:
        return room.kind == CASE  # who was there, and when, is part of its archive
    if one.unread is not None or one.type in ("m.reaction", "m.room.redaction"):
        return True
    return one.type == "m.room.message" and REF not in one.content  # ours, sent by another device


def _settle(session: Session, echoes: Iterable[Received]) -> None:
    """Our own events come back: the row that wrote each of them is settled, even where its answer was lost."""
    for echo in echoes:
        ref = echo.content.get(REF)
        if isinstance(ref, str) and ref.isdigit() and len(ref) < 20:
            posts.sent(session, int(ref), echo.event_id)


def _fresh(session: Session, received: Sequence[Received]) -> list[Received]:
    """Those that no row has, each once."""
    by_id = {one.event_id: one for one in received}
    ids, known = list(by_id), set[str]()
    for start in range(0, len(ids), 400):
        part = ids[start : start + 400]
        known.update(session.execute(select(events.c.event_id).where(events.c.event_id.in_(part))).scalars())
        known.update(session.execute(select(waiting.c.event_id).where(waiting.c.event_id.in_(part))).scalars())
    return [one for event_id, one in by_id.items() if event_id not in known]


def _keep(
    session: Session, keyring: Keyring, known_rooms: Mapping[str, Room], fresh: Sequence[Received], now: datetime
) -> None:
    concerned = links.concerned(session, {ref for one in fresh for ref in _refs(one)})
    keys: dict[int, bytes] = {}
    rows = []
    for one in fresh:
        room, row_id = known_rooms[one.room_id], new_id()
        key = keys.setdefault(room.mailbox_id, b"") or _room_key(session, keyring, room.mailbox_id)
        keys[room.mailbox_id] = key
        body = json.dumps([one.type, one.content, one.redacts, one.sender_key], ensure_ascii=False).encode()
        kind = _kind(one, room, concerned)
        rows.append(
            {
                "id": row_id,
                "event_id": one.event_id,
                "room": room.id,
                "sender": one.sender,
                "kind": kind,
                "sealed": seal(key, body, object_aad("chat.event", row_id)),
                "sent_at": one.sent_at,
                "state": DONE if kind == TALK else NEW,
                "attempts": 0,
                "due_at": epoch_ms(now),
            }
        )
    if rows:
        session.execute(insert(events), rows)


def _room_key(session: Session, keyring: Keyring, mailbox_id: int) -> bytes:
    return holder_key(session, keyring, get_mailbox(session, mailbox_id).holder_id)


def _refs(one: Received) -> list[str]:
    relation = relation_of(one.content)
    answered = relation.get("m.in_reply_to")
    found = [relation.get("event_id"), answered.get("event_id") if isinstance(answered, Mapping) else None, one.redacts]
    return [ref for ref in found if isinstance(ref, str) and ref]


def relation_of(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """`m.relates_to`, or nothing."""
    relation = content.get("m.relates_to")
    return relation if isinstance(relation, Mapping) else {}


def _kind(one: Received, room: Room, concerned: frozenset[str]) -> str:
    body = one.content.get("body")
    relation = relation_of(one.content).get("rel_type")
    if one.type == "m.room.message" and relation != "m.replace" and isinstance(body, str) and body.startswith("!"):
        return COMMAND
    if not concerned.intersection(_refs(one)):
        return TALK
    if room.kind == CASE and one.type != "m.reaction":
        return TALK  # colleagues speak about a letter there: nothing of it leaves by mail
    if one.type == "m.reaction":
        return REACTION
    return CHANGE if one.type == "m.room.redaction" or relation == "m.replace" else REPLY


def _wait(session: Session, known_rooms: Mapping[str, Room], unread: Iterable[Received], now: datetime) -> int:
    rows = [
        {
            "event_id": one.event_id,
            "room": known_rooms[one.room_id].id,
            "source": json.dumps(dict(one.unread or {})).encode(),
            "since": epoch_ms(now),
            "told": False,
        }
        for one in unread
    ]
    if rows:
        session.execute(insert(waiting), rows)
    return len(rows)


def without_key(session: Session, sessions: frozenset[str] | None = None) -> list[tuple[int, dict[str, Any]]]:
    """Ciphertexts that wait, of these Megolm sessions or of all: (room, source), oldest first."""
    rows = session.execute(select(waiting.c.room, waiting.c.source).order_by(waiting.c.since))
    found = ((room, json.loads(source)) for room, source in rows)
    return [(room, source) for room, source in found if sessions is None or session_of(source) in sessions]


def session_of(source: Mapping[str, Any]) -> str:
    """The Megolm session of a ciphertext; empty where it names none."""
    content = source.get("content")
    return str(content.get("session_id")) if isinstance(content, Mapping) else ""


def unread_in(session: Session, room: int) -> list[Event]:
    """Those of one room, of which only the sender and the time are known."""
    rows = session.execute(select(waiting).where(waiting.c.room == room).order_by(waiting.c.since)).all()
    return [_sealed_event(row, json.loads(row.source)) for row in rows]


def _sealed_event(row: Any, source: Mapping[str, Any]) -> Event:
    sent_at = source.get("origin_server_ts")
    at = sent_at if isinstance(sent_at, int) else row.since
    return Event(0, row.event_id, row.room, str(source.get("sender")), TALK, ENCRYPTED, {}, "", at, 0)


def overdue(session: Session, since_ms: int) -> list[tuple[str, int]]:
    """Those that wait since then or longer, of which nobody was told: (event id, room)."""
    query = select(waiting.c.event_id, waiting.c.room).where(waiting.c.told.is_(False), waiting.c.since <= since_ms)
    return [(row.event_id, row.room) for row in session.execute(query)]


def opened(session: Session, keyring: Keyring, one: Received, own: str, now: datetime) -> None:
    """Unit of work: its key has come."""
    session.execute(delete(waiting).where(waiting.c.event_id == one.event_id))
    take(session, keyring, [one], "", own, now)


def told(session: Session, event_id: str) -> None:
    """The room knows that this message cannot be read."""
    session.execute(update(waiting).where(waiting.c.event_id == event_id).values(told=True))


def knows(session: Session, event_id: str) -> bool:
    """Whether this event was taken in."""
    row = session.execute(select(events.c.id).where(events.c.event_id == event_id)).first()
    return (
        row is not None
        or session.execute(select(waiting.c.room).where(waiting.c.event_id == event_id)).first() is not None
    )


def to_do(session: Session, keyring: Keyring, now: datetime, limit: int = 50) -> list[tuple[Event, Room]]:
    """Events that ask for something, oldest first. A clock that was set back does not keep them waiting."""
    at = epoch_ms(now)
    due = or_(events.c.attempts == 0, events.c.due_at <= at, events.c.due_at > at + LONGEST_MS)
    query = select(events).where(events.c.state == NEW, due).order_by(events.c.id).limit(limit)
    rows = session.execute(query).all()
    concerned = {number: get_room(session, number) for number in {row.room for row in rows}}  # closed meanwhile or not
    return [(open_event(session, keyring, row), room) for row in rows if (room := concerned[row.room])]


def open_event(session: Session, keyring: Keyring, row: Any) -> Event:
    """A row with its content unsealed."""
    room = get_room(session, row.room)
    key = _room_key(session, keyring, room.mailbox_id if room else 0)
    kind, content, redacts, *device = json.loads(unseal(key, row.sealed, object_aad("chat.event", row.id)))
    facts = (row.id, row.event_id, row.room, row.sender, row.kind)
    return Event(*facts, kind, content, redacts, row.sent_at, row.attempts, *device)


def by_event_id(session: Session, keyring: Keyring, event_id: str) -> Event | None:
    """One event by its Matrix id."""
    row = session.execute(select(events).where(events.c.event_id == event_id)).one_or_none()
    return open_event(session, keyring, row) if row else None


def finished(session: Session, event_id: int, state: str = DONE) -> None:
    """What it asked for is done, or never can be."""
    session.execute(update(events).where(events.c.id == event_id).values(state=state))


def later(session: Session, event_id: int, attempts: int, due_at: int) -> None:
    """Try again."""
    session.execute(update(events).where(events.c.id == event_id).values(attempts=attempts, due_at=due_at))


def history(session: Session, keyring: Keyring, room: int) -> list[Event]:
    """Everything taken in from a room, in order of time."""
    rows = session.execute(select(events).where(events.c.room == room).order_by(events.c.sent_at, events.c.id)).all()
    return [open_event(session, keyring, row) for row in rows]
