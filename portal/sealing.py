"""What the pages keep of a person: one JSON text, sealed under the holder key of their mailbox."""

import json
from typing import Any

from sqlalchemy.orm import Session

from crypto.keyring import Keyring
from crypto.sealed import object_aad, seal, unseal
from directory.holders import holder_key


def seal_json(session: Session, keyring: Keyring, holder_id: int, value: Any, kind: str, row_id: int) -> bytes:
    """Bound to its kind and row: it opens nowhere else."""
    return seal_octets(session, keyring, holder_id, json.dumps(value, ensure_ascii=False).encode(), kind, row_id)


def open_json(session: Session, keyring: Keyring, holder_id: int, sealed: bytes, kind: str, row_id: int) -> Any:
    """Raises SealBroken, NotFound when the holder's key was destroyed."""
    return json.loads(open_octets(session, keyring, holder_id, sealed, kind, row_id))


def seal_octets(session: Session, keyring: Keyring, holder_id: int, data: bytes, kind: str, row_id: int) -> bytes:
    """The same for octets."""
    return seal(holder_key(session, keyring, holder_id), data, object_aad(kind, row_id, 1))


def open_octets(session: Session, keyring: Keyring, holder_id: int, sealed: bytes, kind: str, row_id: int) -> bytes:
    """Raises SealBroken, NotFound."""
    return unseal(holder_key(session, keyring, holder_id), sealed, object_aad(kind, row_id, 1))
