"""The bridge's own memory, sealed under a key of the keyring: sync token, device, signing keys."""

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from crypto.keyring import Keyring
from crypto.sealed import object_aad, seal, unseal
from instant.tables import memory

TOKEN, DEVICE, SIGNING = "sync_token", "device", "signing"


def remember(session: Session, keyring: Keyring, name: str, value: bytes) -> None:
    """Replace what is kept under this name."""
    session.execute(delete(memory).where(memory.c.name == name))
    session.execute(insert(memory), {"name": name, "sealed": seal(_key(keyring), value, _aad(name))})


def recall(session: Session, keyring: Keyring, name: str) -> bytes:
    """What is kept; empty where nothing is. Raises SealBroken."""
    sealed = session.execute(select(memory.c.sealed).where(memory.c.name == name)).scalar_one_or_none()
    return unseal(_key(keyring), sealed, _aad(name)) if sealed else b""


def _key(keyring: Keyring) -> bytes:
    return keyring.mac("matrix-secret", b"memory")


def _aad(name: str) -> bytes:
    return object_aad(f"chat.{name}", 0)
