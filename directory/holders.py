"""Holders: one key for each mailbox, patient and service. Destroying the key makes its copies unreadable for ever."""

from datetime import datetime

from sqlalchemy import Connection, bindparam, insert, select, update
from sqlalchemy.orm import Session

from core.clock import epoch_ms
from core.db import signal
from core.errors import NotFound
from core.ids import new_id
from crypto.keyring import Keyring
from crypto.sealed import new_key, object_aad
from directory.tables import holders

TOPIC = "holder"  # signalled with the holder's id when its key is destroyed
KINDS = frozenset({"mailbox", "patient", "system"})
_KEY = select(holders.c.wrapped_key).where(holders.c.id == bindparam("holder_id"))


def create_holder(session: Session, keyring: Keyring, kind: str, now: datetime) -> int:
    """A new holder with a fresh key, kept wrapped by the keyring; returns its id. Raises ValueError on another kind."""
    if kind not in KINDS:
        raise ValueError("unknown kind of holder")
    holder_id = new_id()
    wrapped = keyring.wrap_holder(new_key(), holder_aad(holder_id))
    session.execute(
        insert(holders), {"id": holder_id, "kind": kind, "wrapped_key": wrapped, "created_at": epoch_ms(now)}
    )
    return holder_id


def holder_key(session: Session | Connection, keyring: Keyring, holder_id: int) -> bytes:
    """The 32 bytes that open what was wrapped for this holder. Raises NotFound when it is unknown or destroyed."""
    return keyring.unwrap_holder(wrapped_key(session, holder_id), holder_aad(holder_id))


def wrapped_key(session: Session | Connection, holder_id: int) -> bytes:
    """A holder's key as it is kept. Raises NotFound when the holder is unknown or the key destroyed."""
    wrapped: bytes | None = session.execute(_KEY, {"holder_id": holder_id}).scalar_one_or_none()
    if wrapped is None:
        raise NotFound("introuvable", "holder unknown or its key destroyed")
    return wrapped


def holder_aad(holder_id: int) -> bytes:
    """What a wrapped key is bound to, for whoever wraps it anew under another key-encryption key."""
    return object_aad("holder", holder_id)


def destroy_holder(session: Session, holder_id: int) -> bool:
    """Forget the key; True when there was one. Nothing that was sealed for this holder alone can be read again."""
    found = session.execute(
        update(holders)
        .where(holders.c.id == holder_id, holders.c.wrapped_key.is_not(None))
        .values(wrapped_key=None)
        .returning(holders.c.id)
    ).one_or_none()
    if found is not None:
        signal(session, TOPIC, holder_id)
    return found is not None
