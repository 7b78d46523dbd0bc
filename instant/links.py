"""Which mail is which event: found by Message-ID (a blind index), by event, or by thread. Never by subject."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, or_, select, update
from sqlalchemy.orm import Session

from core.ids import new_id
from crypto.keyring import Keyring
from crypto.sealed import object_aad, seal, unseal
from instant.tables import links, posts


@dataclass(frozen=True, slots=True, repr=False)
class Link:
    """`message_id` is the mail's row with us, None where the mail was written from the room."""

    room: int
    mail_lookup: bytes
    message_id: int | None
    event_id: str
    root: str
    rfc_id: str


_FACTS = (links.c.room, links.c.mail_lookup, links.c.message_id, links.c.event_id, links.c.root, links.c.sealed)


def lookup(keyring: Keyring, rfc_id: str) -> bytes:
    """The blind index of a Message-ID, with or without angle brackets."""
    return keyring.blind("chat-mail", rfc_id.strip().strip("<>"))


def tie(
    session: Session,
    keyring: Keyring,
    room: int,
    rfc_id: str,
    *,
    message_id: int | None = None,
    event_id: str = "",
    root: str = "",
) -> bool:
    """Keep that this mail is in this room; False where that was known."""
    key = lookup(keyring, rfc_id)
    known = session.execute(select(links.c.room).where(links.c.room == room, links.c.mail_lookup == key)).first()
    if known:
        return False
    sealed = seal(_key(keyring), rfc_id.strip().strip("<>").encode(), object_aad("chat.link", room))
    row: dict[str, Any] = {
        "room": room,
        "mail_lookup": key,
        "message_id": message_id,
        "sealed": sealed,
        "seq": new_id(),
    }
    session.execute(insert(links), row | {"event_id": event_id or None, "root": root or None})
    return True


def shown(session: Session, room: int, message_id: int, event_id: str, root: str) -> None:
    """The mail's text is in the room now, in this thread."""
    here = (links.c.room == room, links.c.message_id == message_id)
    session.execute(update(links).where(*here).values(event_id=event_id, root=root))


def root_for(session: Session, keyring: Keyring, room: int, rfc_ids: Iterable[str]) -> str:
    """The thread of the first of these mails that is in the room; empty where none is. RFC 5322 §3.6.4."""
    for rfc_id in rfc_ids:
        found = session.execute(
            select(links.c.root).where(links.c.room == room, links.c.mail_lookup == lookup(keyring, rfc_id))
        ).scalar_one_or_none()
        if found:
            return str(found)
    return ""


def thread(session: Session, keyring: Keyring, room: int, root: str) -> list[Link]:
    """Every mail of a thread, in the order in which they came."""
    query = select(*_FACTS).where(links.c.room == room, links.c.root == root).order_by(links.c.seq)
    return [_link(keyring, row) for row in session.execute(query)]


def root_of_mail(session: Session, room: int, message_id: int) -> str:
    """The thread in which a mail of ours is shown; empty while it is not."""
    query = select(links.c.root).where(links.c.room == room, links.c.message_id == message_id)
    return session.execute(query).scalar_one_or_none() or ""


def of_event(session: Session, keyring: Keyring, room: int, event_id: str) -> Link | None:
    """The mail that this event shows, or was sent as."""
    row = session.execute(select(*_FACTS).where(links.c.room == room, links.c.event_id == event_id)).one_or_none()
    return _link(keyring, row) if row else None


def concerned(session: Session, event_ids: Collection[str]) -> frozenset[str]:
    """Those of these events that belong to a mail: its text, its thread, one of its files."""
    wanted, found = list(event_ids), set[str]()
    for start in range(0, len(wanted), 400):
        part = wanted[start : start + 400]
        query = select(links.c.event_id, links.c.root).where(or_(links.c.event_id.in_(part), links.c.root.in_(part)))
        for row in session.execute(query):
            found.update({row.event_id, row.root} & set(part))
        found.update(session.execute(select(posts.c.event_id).where(posts.c.event_id.in_(part))).scalars())
    return frozenset(found)


def _link(keyring: Keyring, row: Any) -> Link:
    rfc_id = unseal(_key(keyring), row.sealed, object_aad("chat.link", row.room)).decode() if row.sealed else ""
    return Link(row.room, row.mail_lookup, row.message_id, row.event_id or "", row.root or "", rfc_id)


def _key(keyring: Keyring) -> bytes:
    return keyring.mac("matrix-secret", b"links")
