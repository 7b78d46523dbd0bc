"""A folder's index kept in one row, so that the first SELECT of a large folder need not read all of its rows.

It is what the rows said at one modseq; what is newer is read from them, as for an index in memory. It holds no more
than they do (numbers and flags, in clear there too), and is made anew while the server rests once something was taken
out of the folder: nothing erased stays in it.
"""

import sys
import zlib
from array import array
from collections.abc import Sequence
from struct import Struct
from typing import Any

import structlog
from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from mail.folder_rows import last_modseq
from mail.index import Index, read_news, read_rows
from mail.limits import IMAP_KEPT_INDEX_LEAST, IMAP_KEPT_INDEX_NEWER
from mail.tables import expunged, folder_indexes, folder_messages

_MAGIC = b"PliIndx1"
_HEAD = Struct("<8sIQI")  # magic, messages, uidnext, octets of the flags' texts; a CRC-32 of all ends the whole
_CHECKSUM = 4
_COLUMNS = "IIqqqq"  # UID, which of the texts; modseq, message, date, size

log = structlog.get_logger()


def write_index(index: Index) -> bytes:
    """The columns as they stand in memory (little-endian), behind the texts of flags: some forty octets a message."""
    texts = {text: number for number, text in enumerate(dict.fromkeys(index.flags))}
    which = [texts[text] for text in index.flags]
    columns = (index.uids, which, index.modseqs, index.message_ids, index.dates, index.sizes)
    known = "\n".join(texts).encode()
    head = _HEAD.pack(_MAGIC, len(index), index.uidnext, len(known))
    whole = b"".join((head, known, *map(_octets, _COLUMNS, columns)))
    return whole + zlib.crc32(whole).to_bytes(_CHECKSUM, "little")


def parse_index(octets: bytes, modseq: int) -> Index:
    """What `write_index` was given, of this modseq. Raises ValueError for anything else."""
    whole, checksum = memoryview(octets)[:-_CHECKSUM], octets[-_CHECKSUM:]
    if len(whole) < _HEAD.size or zlib.crc32(whole).to_bytes(_CHECKSUM, "little") != checksum:
        raise ValueError("not as it was written")
    magic, count, uidnext, length = _HEAD.unpack_from(whole)
    if magic != _MAGIC:
        raise ValueError("of another kind")
    at = _HEAD.size + length
    texts = bytes(whole[_HEAD.size : at]).decode().split("\n")
    columns: list[Any] = []
    for kind in _COLUMNS:
        column: array[int] = array(kind)
        end = at + count * column.itemsize
        column.frombytes(whole[at:end])
        columns.append(_turned(column))
        at = end
    uids, which, modseqs, message_ids, dates, sizes = columns
    flags = [texts[number] for number in which]
    return Index(uids, flags, modseqs, message_ids, dates, sizes, uidnext, modseq)


def read_index(session: Session, folder_id: int) -> Index:
    """The folder as it is now: the kept index and what is newer, or all rows. Raises FolderGone."""
    kept = _kept(session, folder_id)
    if kept is None or last_modseq(session, folder_id) < kept.modseq:
        return read_rows(session, folder_id)
    news = read_news(session, folder_id, kept.modseq)
    return kept if news is None else kept.advanced(news)


def due(session: Session, folder_id: int) -> bool:
    """A large folder has none, or much has changed since it was kept, or something has gone."""
    since = session.execute(select(folder_indexes.c.modseq).where(folder_indexes.c.folder_id == folder_id)).scalar()
    rows = select(folder_messages.c.uid).where(folder_messages.c.folder_id == folder_id)
    if since is None:
        return session.execute(rows.offset(IMAP_KEPT_INDEX_LEAST).limit(1)).first() is not None
    gone = select(expunged.c.uid).where(expunged.c.folder_id == folder_id, expunged.c.modseq > since)
    newer = rows.where(folder_messages.c.modseq > since)
    return any(
        session.execute(query).first() is not None
        for query in (gone.limit(1), newer.offset(IMAP_KEPT_INDEX_NEWER).limit(1))
    )


def is_right(session: Session, folder_id: int) -> bool:
    """What is kept can be read and is, with what is newer, what the rows say; or nothing is kept. Raises FolderGone."""
    query = select(folder_indexes.c.octets, folder_indexes.c.modseq).where(folder_indexes.c.folder_id == folder_id)
    found: Any = session.execute(query).one_or_none()
    try:
        if found is not None:
            parse_index(found.octets, found.modseq)
    except ValueError:
        return False
    return found is None or write_index(read_index(session, folder_id)) == write_index(read_rows(session, folder_id))


def keep(session: Session, folder_id: int, index: Index) -> None:
    """Unit of work: in place of an older one. Raises FolderGone."""
    last_modseq(session, folder_id)
    here = folder_indexes.c.folder_id == folder_id
    before = session.execute(select(folder_indexes.c.modseq).where(here)).scalar()
    if before is None or before < index.modseq:
        drop(session, [folder_id])
        row = {"folder_id": folder_id, "modseq": index.modseq, "octets": write_index(index)}
        session.execute(insert(folder_indexes), row)


def drop(session: Session, folder_ids: Sequence[int]) -> None:
    """The folders themselves go."""
    session.execute(delete(folder_indexes).where(folder_indexes.c.folder_id.in_(folder_ids)))


def _kept(session: Session, folder_id: int) -> Index | None:
    query = select(folder_indexes.c.octets, folder_indexes.c.modseq).where(folder_indexes.c.folder_id == folder_id)
    found: Any = session.execute(query).one_or_none()
    try:
        return None if found is None else parse_index(found.octets, found.modseq)
    except ValueError as error:  # as good as none
        log.error("imap.kept_index_damaged", folder_id=folder_id, cause=type(error).__name__)
        return None


def _octets(kind: str, column: Sequence[int]) -> bytes:
    same = isinstance(column, array) and column.typecode == kind and sys.byteorder == "little"
    return column.tobytes() if same and isinstance(column, array) else _turned(array(kind, column)).tobytes()


def _turned(column: "array[int]") -> "array[int]":
    if sys.byteorder == "big":
        column.byteswap()
    return column
