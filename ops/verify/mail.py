"""Messages: every wrapped key, every sealed meta-data, every body of a row or a file, its size and its SHA-256."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from crypto.committing import SealBroken
from crypto.sealed import SealedReader, unseal, unwrap_key
from directory.tables import holders
from mail.blobs import SPREAD
from mail.meta import MessageMeta, key_aad
from mail.spool import body_aad
from mail.tables import bodies, message_keys, messages
from ops.verify.context import Context, Rows

PIECE = 1024 * 1024
_BODY_STORAGE = frozenset({"row", "file"})


@dataclass(frozen=True, slots=True)
class _Message:
    """A message's row with its body's, and the rows of its keys."""

    row: Row[Any]
    keys: list[Row[Any]] = field(default_factory=list)


def check_mail(context: Context) -> None:
    """All messages, then bodies that no message speaks of."""
    context.count("messages", messages.c.id)
    for rows in context.batches(_query(), messages.c.id):
        context.each(lambda message: _Check(context, message).run(), _with_keys(context, rows))
        context.findings.checked("messages", len(rows))
    _bodies_alone(context)


def _query() -> Any:
    return select(
        *(messages.c.id, messages.c.body_id, messages.c.sealed_meta, messages.c.size, messages.c.verdict),
        *(messages.c.received_at, bodies.c.storage, bodies.c.sealed, bodies.c.size.label("body_size")),
    ).outerjoin(bodies, bodies.c.id == messages.c.body_id)


def _with_keys(context: Context, rows: Rows) -> list[_Message]:
    found = {row.id: _Message(row) for row in rows}
    for key in context.db.read(_keys, list(found)):
        found[key.message_id].keys.append(key)
    return list(found.values())


def _keys(session: Session, ids: Sequence[int]) -> Rows:
    columns = (message_keys.c.message_id, message_keys.c.holder_id, message_keys.c.wrapped)
    query = select(*columns, holders.c.id.label("known"), holders.c.wrapped_key)
    query = query.outerjoin(holders, holders.c.id == message_keys.c.holder_id)
    return session.execute(query.where(message_keys.c.message_id.in_(ids))).all()


class _Check:
    """One message."""

    def __init__(self, context: Context, message: _Message) -> None:
        self._context = context
        self._row = message.row
        self._keys = message.keys

    def run(self) -> None:
        key = self._object_key()
        if key is None:
            return
        meta = self._meta(key)
        if self._row.storage not in _BODY_STORAGE:
            self._wrong("its body's row is missing or says neither row nor file")
            return
        self._body(key, meta)

    def _object_key(self) -> bytes | None:
        """The object key, from whichever holder; all holders must have the same one."""
        opened = {key for wrapped in self._keys if (key := self._unwrapped(wrapped)) is not None}
        if len(opened) > 1:
            self._wrong("its holders have different keys")
        if not self._keys:
            self._wrong("nobody holds a key to it")
        elif not opened and all(key.wrapped_key is None and key.known is not None for key in self._keys):
            self._context.findings.checked("messages shredded")
        return min(opened, default=None)

    def _unwrapped(self, key: Row[Any]) -> bytes | None:
        if key.known is None:
            self._wrong(f"its holder {key.holder_id} does not exist")
        holder = self._context.holder(key.holder_id, key.wrapped_key)
        if holder is None:
            return None
        self._context.findings.checked("message keys")
        try:
            return unwrap_key(holder, key.wrapped, key_aad(self._row.id))
        except SealBroken:
            self._wrong(f"the key wrapped for holder {key.holder_id} does not open")
            return None

    def _meta(self, key: bytes) -> MessageMeta | None:
        try:
            meta = MessageMeta.unseal(key, self._row.sealed_meta, self._row.id)
        except (SealBroken, ValueError, TypeError, AttributeError):
            self._wrong("its sealed meta-data do not open")
            return None
        if (meta.verdict, meta.received_at) != (self._row.verdict, self._row.received_at):
            self._wrong("its row says another verdict or time than its sealed meta-data")
        return meta

    def _body(self, key: bytes, meta: MessageMeta | None) -> None:
        size, digest = 0, hashlib.sha256()
        try:
            for piece in self._pieces(key):
                size += len(piece)
                digest.update(piece)
        except SealBroken:
            self._wrong(f"its body ({self._row.storage}) does not open")
            return
        except OSError:
            self._missing()
            return
        self._context.findings.checked(f"bodies in a {self._row.storage}")
        if {size} != {self._row.size, self._row.body_size} | ({meta.size} if meta else set()):
            self._wrong("its body has not the size that its rows say")
        if meta and digest.hexdigest() != meta.sha256:
            self._wrong("its body has not the SHA-256 that was written down when it came in")

    def _pieces(self, key: bytes) -> Iterator[bytes]:
        body_id = self._row.body_id
        if self._row.storage == "row":
            yield unseal(key, self._row.sealed or b"", body_aad(body_id))
            return
        with (self._context.blobs / f"{body_id % SPREAD:02x}" / str(body_id)).open("rb") as file:
            reader = SealedReader(file, key, body_aad(body_id))
            for offset in range(0, reader.size, PIECE):
                yield reader.read_range(offset, PIECE)

    def _missing(self) -> None:
        """A file that cannot be read is damage, unless the message was removed while we looked."""
        if self._context.db.read(_exists, self._row.id):
            self._wrong("the file of its body is missing or unreadable")

    def _wrong(self, what: str) -> None:
        self._context.findings.problem(f"message {self._row.id}: {what}")


def _exists(session: Session, message_id: int) -> bool:
    return session.execute(select(messages.c.id).where(messages.c.id == message_id)).first() is not None


def _bodies_alone(context: Context) -> None:
    query = select(bodies.c.id).outerjoin(messages, messages.c.body_id == bodies.c.id).where(messages.c.id.is_(None))
    for rows in context.batches(query, bodies.c.id):
        for row in rows:
            context.findings.problem(f"body {row.id}: belongs to no message")
