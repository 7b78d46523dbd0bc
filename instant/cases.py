"""Case rooms: opened for one patient, whose name stands in encrypted messages only; closed for good with an archive.

The homeserver sees an opaque reference. A row with the patient is sealed with the mailbox's key.
"""

import base64
import hashlib
import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from core.clock import epoch_ms
from core.db import signal
from core.ids import new_id
from crypto.keyring import Keyring
from crypto.sealed import object_aad, seal, unseal
from directory.holders import holder_key
from directory.mailboxes import get_mailbox
from instant import posts
from instant.accounts import Account
from instant.names import CASE_EVENT
from instant.rooms import CASE, CLOSED, CLOSING, OPEN, TOPIC, Room, get_room
from instant.tables import rooms

REF_OCTETS = 9


@dataclass(frozen=True, slots=True, repr=False)
class Subject:
    """Of whom a case room speaks: our number of the patient, and the words that its members are told."""

    patient_id: int
    words: str


def open_case(
    session: Session, keyring: Keyring, account: Account, subject: Subject, key: str, now: datetime
) -> tuple[Room, bool]:
    """Unit of work: the room to be made, and whether it is new; the same `key` is the same room."""
    ref = base64.urlsafe_b64encode(keyring.blind("chat-case", key)[:REF_OCTETS]).decode()
    found = session.execute(select(rooms.c.id).where(rooms.c.ref == ref)).scalar_one_or_none()
    known = get_room(session, found) if found else None
    if known:
        return known, False
    room = Room(new_id(), "", CASE, account.id, account.mailbox_id, ref, OPEN)
    body = json.dumps([subject.patient_id, subject.words]).encode()
    sealed = seal(_key(session, keyring, room.mailbox_id), body, object_aad("chat.case", room.id))
    row = {"id": room.id, "room_id": None, "kind": CASE, "account_id": account.id, "mailbox_id": account.mailbox_id}
    session.execute(
        insert(rooms), row | {"ref": ref, "sealed_case": sealed, "state": OPEN, "created_at": epoch_ms(now)}
    )
    signal(session, TOPIC, room.id)
    return room, True


def subject_of(session: Session, keyring: Keyring, room: Room) -> Subject:
    """Raises LookupError for a room that is no case, SealBroken."""
    sealed = session.execute(select(rooms.c.sealed_case).where(rooms.c.id == room.id)).scalar_one()
    if sealed is None:
        raise LookupError("no case room")
    key = _key(session, keyring, room.mailbox_id)
    return Subject(*json.loads(unseal(key, sealed, object_aad("chat.case", room.id))))


def tell_newcomer(session: Session, keyring: Keyring, room: Room, member: str) -> None:
    """Of whom the room speaks, encrypted for whoever has come: he cannot open what was said before. Once each."""
    part = f"case:{hashlib.sha256(member.encode()).hexdigest()[:32]}"
    if posts.exists(session, room.id, part):
        return
    subject = subject_of(session, keyring, room)
    text = f"Ce salon parle de : {subject.words}. Ne mettez jamais son nom dans le nom ou le sujet du salon."
    content = {"msgtype": "m.notice", "body": text, CASE_EVENT: {"ref": room.ref, "patient": subject.words}}
    posts.put_own(session, keyring, room.id, "m.room.message", content, part)


def closing(session: Session, room: int) -> None:
    """Nobody may write in it any more; what was said is being taken in."""
    session.execute(update(rooms).where(rooms.c.id == room, rooms.c.state == OPEN).values(state=CLOSING))


def closed(session: Session, room: int) -> None:
    """Its archive has left: nothing is taken in any more, and its last words are still sent."""
    session.execute(update(rooms).where(rooms.c.id == room).values(state=CLOSED))


def _key(session: Session, keyring: Keyring, mailbox_id: int) -> bytes:
    return holder_key(session, keyring, get_mailbox(session, mailbox_id).holder_id)
