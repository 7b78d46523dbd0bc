"""Reading what was delivered: the meta-data and the octets of a message, for one of its holders.

A message is opened with the key of the holder who asks: whoever is not a holder of it cannot, whatever the code above
forgets to check. Rows are read in the transaction, unsealed after it.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, case, func, select
from sqlalchemy.orm import Session

from core.db import Db
from core.errors import NotFound
from crypto.keyring import Keyring
from crypto.sealed import SealedReader, unseal, unwrap_key
from directory.holders import holder_aad, holder_key
from directory.tables import holders as holder_rows
from mail.blobs import Blobs
from mail.meta import MessageMeta, key_aad
from mail.spool import body_aad
from mail.tables import bodies, message_keys, messages

TOGETHER = 64 * 1024  # octets of a row's body that is read with many others; a longer one is when it is wanted


@dataclass(frozen=True, repr=False)
class Kept:
    """A message as its rows have it, still sealed."""

    message_id: int
    body_id: int
    storage: str
    size: int
    received_at: int
    wrapped: bytes
    sealed_meta: bytes
    sealed_body: bytes | None = None


@dataclass(frozen=True, repr=False)
class Opened:
    """A message that its holder may read. `meta` is at hand; octets are unsealed when they are asked for."""

    meta: MessageMeta
    size: int
    _kept: Kept
    _key: bytes
    _blobs: Blobs

    @property
    def message_id(self) -> int:
        return self._kept.message_id

    @property
    def raw(self) -> bytes:
        """The message byte for byte as it came in."""
        return self.read(0, self.size)

    def read(self, offset: int, length: int) -> bytes:
        """Octets [offset, offset+length); of a file only the chunks concerned. Raises SealBroken, NotFound."""
        kept = self._kept
        if kept.storage == "row":
            whole = unseal(self._key, kept.sealed_body or b"", body_aad(kept.body_id))
            return whole[offset : offset + length]
        try:
            with self._blobs.open(kept.body_id) as file:
                return SealedReader(file, self._key, body_aad(kept.body_id)).read_range(offset, length)
        except FileNotFoundError:
            raise NotFound("message introuvable", "the body's file is missing") from None


_COLUMNS: list[Any] = [
    *(messages.c.id, messages.c.body_id, bodies.c.storage, messages.c.size, messages.c.received_at),
    *(message_keys.c.wrapped, messages.c.sealed_meta),
]
_SHORT: Any = case((messages.c.size <= TOGETHER, bodies.c.sealed))
_CHOSEN = (  # of each message's holders whose key still is, the first
    select(message_keys.c.message_id, func.min(message_keys.c.holder_id).label("holder_id"))
    .join(holder_rows, holder_rows.c.id == message_keys.c.holder_id)
    .where(message_keys.c.message_id.in_(bindparam("messages", expanding=True)), holder_rows.c.wrapped_key.is_not(None))
    .group_by(message_keys.c.message_id)
    .subquery()
)
_FOR_ANY = (
    select(*_COLUMNS, bodies.c.sealed, _CHOSEN.c.holder_id, holder_rows.c.wrapped_key)
    .join(_CHOSEN, _CHOSEN.c.message_id == messages.c.id)
    .join(bodies, bodies.c.id == messages.c.body_id)
    .join(
        message_keys,
        (message_keys.c.message_id == messages.c.id) & (message_keys.c.holder_id == _CHOSEN.c.holder_id),
    )
    .join(holder_rows, holder_rows.c.id == _CHOSEN.c.holder_id)
)


class Store:
    """Opens messages for their holders."""

    def __init__(self, db: Db, keyring: Keyring, blobs: Blobs) -> None:
        self._db = db
        self._keyring = keyring
        self._blobs = blobs

    def open_message(self, message_id: int, holder_id: int) -> Opened:
        """Raises NotFound when there is no such message or this holder has no key to it, SealBroken."""
        holder, found = self._db.read(self._rows, [message_id], holder_id, with_body=True)
        if not found:
            raise NotFound("message introuvable", "no such message for this holder")
        return self._open(found[0], holder)

    def open_for_any(self, session: Session, message_ids: Collection[int]) -> list[Opened]:
        """In a read of the caller's own: each with the key of one of its holders; what none of them opens is left out.

        Raises SealBroken.
        """
        holders: dict[int, bytes] = {}
        found = []
        for row in session.execute(_FOR_ANY, {"messages": list(message_ids)}):
            if row.holder_id not in holders:
                holders[row.holder_id] = self._keyring.unwrap_holder(row.wrapped_key, holder_aad(row.holder_id))
            found.append(self._open(Kept(*row[:8]), holders[row.holder_id]))
        return found

    def open_many(self, message_ids: Collection[int], holder_id: int, *, with_body: bool = False) -> dict[int, Opened]:
        """Several at once, by id; those that this holder has no key to are left out.

        Without `with_body` the octets of small messages are read from their row when they are asked for.
        """
        holder, found = self._db.read(self._rows, message_ids, holder_id, with_body=with_body)
        return {kept.message_id: self._open(kept, holder) for kept in found}

    def metas(self, session: Session, message_ids: Collection[int], holder_id: int) -> dict[int, MessageMeta]:
        """The meta-data alone, inside a read of the caller's own."""
        holder, found = self._rows(session, message_ids, holder_id, with_body=False)
        return {kept.message_id: self._open(kept, holder).meta for kept in found}

    def _rows(
        self, session: Session, message_ids: Collection[int], holder_id: int, *, with_body: bool
    ) -> tuple[bytes, list[Kept]]:
        return holder_key(session, self._keyring, holder_id), list(_kept(session, message_ids, holder_id, with_body))

    def _open(self, kept: Kept, holder: bytes) -> Opened:
        key = unwrap_key(holder, kept.wrapped, key_aad(kept.message_id))
        meta = MessageMeta.unseal(key, kept.sealed_meta, kept.message_id)
        if kept.storage == "row" and kept.sealed_body is None:
            return _Lazy(meta, kept.size, kept, key, self._blobs, self._db)
        return Opened(meta, kept.size, kept, key, self._blobs)


@dataclass(frozen=True, repr=False)
class _Lazy(Opened):
    """A small message whose row is read when its octets are wanted."""

    _db: Db

    def read(self, offset: int, length: int) -> bytes:
        sealed = self._db.read(sealed_body, self._kept.body_id)
        return unseal(self._key, sealed, body_aad(self._kept.body_id))[offset : offset + length]


def sealed_body(session: Session | Connection, body_id: int) -> bytes:
    """A body in its row, by itself. Raises NotFound."""
    sealed: bytes | None = session.execute(select(bodies.c.sealed).where(bodies.c.id == body_id)).scalar_one_or_none()
    if sealed is None:
        raise NotFound("message introuvable", "the body's row is missing")
    return sealed


def _kept(session: Session, message_ids: Collection[int], holder_id: int, with_body: bool) -> Iterable[Kept]:
    query = (
        select(*_COLUMNS, *([_SHORT] if with_body else []))
        .join(bodies, bodies.c.id == messages.c.body_id)
        .join(message_keys, message_keys.c.message_id == messages.c.id)
        .where(messages.c.id.in_(message_ids), message_keys.c.holder_id == holder_id)
    )
    for row in session.execute(query):
        yield Kept(*row)
