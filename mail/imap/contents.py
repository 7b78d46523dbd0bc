"""Rows of messages for FETCH and SEARCH, read many at a time and unsealed outside the transaction, in a reader thread.

One query brings what a batch needs and no more: the sealed meta-data, or the sealed body with it where it is short.
"""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from core.db import Db
from core.errors import NotFound
from core.statements import ask
from crypto.keyring import Keyring
from crypto.sealed import SealedReader, unseal, unwrap_key
from directory.holders import holder_key
from mail.blobs import Blobs
from mail.folder_rows import among
from mail.headers import header_end
from mail.imap.memory import HEADER_KEPT, Known, Memory
from mail.meta import Answers, key_aad
from mail.part import Part
from mail.spool import body_aad
from mail.store import TOGETHER, sealed_body

_META = "SELECT f.uid, f.message_id, m.size, m.body_id, b.storage, k.wrapped, m.sealed_meta"
_WITH_BODY = _META + f", CASE WHEN m.size <= {TOGETHER} THEN b.sealed END"
_FROM = (
    " FROM folder_messages f JOIN messages m ON m.id = f.message_id JOIN bodies b ON b.id = m.body_id "
    "JOIN message_keys k ON k.message_id = m.id AND k.holder_id = ? WHERE f.folder_id = ?"
)


class Depth(enum.IntEnum):
    """How deep a command has to look."""

    ROW = 0  # what the index knows
    META = 1  # and what was computed at delivery
    HEADER = 2  # and the message's own header block
    BODY = 3  # and the octets themselves


@dataclass(frozen=True, slots=True)
class Source:
    """Where a session's messages are opened: the house's means and the holder whose key opens."""

    db: Db
    keyring: Keyring
    blobs: Blobs
    memory: Memory
    folder_id: int
    holder_id: int


@dataclass(repr=False, eq=False)  # not frozen: thousands are made for one command
class Content:
    """One message of a folder, as deep as it was asked for; sealed until a property is read."""

    uid: int
    message_id: int
    size: int
    body_id: int
    storage: str
    wrapped: bytes
    sealed_meta: bytes
    sealed_body: bytes | None
    holder: bytes
    source: Source
    remembered: Known | None

    @cached_property
    def key(self) -> bytes:
        """The object's key. Raises SealBroken."""
        known = self.remembered
        return known.key if known else unwrap_key(self.holder, self.wrapped, key_aad(self.message_id))

    @cached_property
    def known(self) -> Known:
        """What delivery computed; remembered. Raises SealBroken."""
        found = self.remembered
        if found is None:
            found = Known(self.key, Answers.unseal(self.key, self.sealed_meta, self.message_id))
            self.source.memory.put(self.source.holder_id, self.message_id, found)
        return found

    @cached_property
    def whole(self) -> bytes:
        """A body that lives in its row. Raises SealBroken, NotFound."""
        key = self.remembered.key if self.remembered else self.key
        sealed = self.sealed_body or self.source.db.look(sealed_body, self.body_id)
        return unseal(key, sealed, body_aad(self.body_id))

    @property
    def tree(self) -> Part:
        """The part tree. Raises SealBroken."""
        return self.known.tree

    @cached_property
    def header(self) -> bytes:
        """The message's header with its blank line; remembered once the rest is. Raises SealBroken, NotFound."""
        known = self.remembered
        if known is not None and known.header is not None:
            return known.header
        end = header_end(self.whole, 0, self.size) if self.storage == "row" else self.tree.body
        return self.read(0, end)

    def remember_header(self) -> Known:
        """`known` with the header in it. Raises SealBroken, NotFound, MimeBounds."""
        known = self.known
        if known.header is None:
            known = Known(known.key, known.answers, self.header)
            if len(self.header) <= HEADER_KEPT:
                self.source.memory.put(self.source.holder_id, self.message_id, known)
        return known

    def read(self, offset: int, length: int) -> bytes:
        """Octets [offset, offset+length); of a file only the chunks concerned. Raises SealBroken, NotFound."""
        if self.storage == "row":
            return self.whole[offset : offset + length]
        try:
            with self.source.blobs.open(self.body_id) as file:
                return SealedReader(file, self.key, body_aad(self.body_id)).read_range(offset, length)
        except FileNotFoundError:
            raise NotFound("the message is not there", "the body's file is missing") from None


class Opened:
    """A message for SEARCH, opened where it is looked at."""

    def __init__(self, content: Content) -> None:
        self._content = content

    def headers(self) -> bytes:
        """Its header block."""
        return self._content.header

    def tree(self) -> Part:
        """Its part tree."""
        return self._content.tree

    def read(self, offset: int, length: int) -> bytes:
        """Octets of it."""
        return self._content.read(offset, length)


def read_contents(
    session: Session | Connection, source: Source, uids: Sequence[int], *, with_body: bool
) -> list[Content]:
    """Those of `uids` that are still there and that this holder has a key to, ascending."""
    if not uids:
        return []
    inside, values = among(uids)
    statement = (_WITH_BODY if with_body else _META) + f"{_FROM} AND {inside} ORDER BY f.uid"
    rows = ask(session, statement, source.holder_id, source.folder_id, *values)
    holder = holder_of(session, source)
    wanted = set(uids)
    rows = [row for row in rows if row[0] in wanted]
    known = source.memory.get_many(source.holder_id, [row[1] for row in rows])
    return [_content(row, holder, source, one) for row, one in zip(rows, known, strict=True)]


def _content(row: Any, holder: bytes, source: Source, remembered: Known | None) -> Content:
    uid, message_id, size, body_id, storage, wrapped, sealed_meta, *sealed = row
    body = sealed[0] if sealed else None
    return Content(uid, message_id, size, body_id, storage, wrapped, sealed_meta, body, holder, source, remembered)


def check_holder(session: Session | Connection, source: Source) -> None:
    """What is remembered is served only while the holder's key exists. Raises NotFound."""
    holder_of(session, source)


def holder_of(session: Session | Connection, source: Source) -> bytes:
    """The holder's key, asked for again after a moment. Raises NotFound."""
    ask = partial(holder_key, session, source.keyring, source.holder_id)
    return source.memory.keys.get(source.holder_id, ask)
