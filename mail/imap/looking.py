"""What SEARCH is shown of messages: their rows, and their headers where these are enough. In a reader thread."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from core.clock import from_epoch_ms
from core.errors import NotFound
from crypto.sealed import SealBroken
from mail.bounds import MimeBounds
from mail.imap.contents import Content, read_contents
from mail.imap.search_rows import Rows
from mail.imap.session import Session
from mail.imap.unpack import known_of
from mail.part import Part

FEW = 4  # messages that are opened one by one even where they have a pack


@dataclass(frozen=True, slots=True)
class FoundRow:
    """A message's row, as `mail.imap.search` asks for it."""

    number: int
    uid: int
    flags: list[str]
    internal_at: datetime
    size: int
    modseq: int
    message_id: int


class HeaderOnly:
    """A message of which only the header is looked at."""

    def __init__(self, header: bytes) -> None:
        self._header = header

    def headers(self) -> bytes:
        """The header block."""
        return self._header

    def tree(self) -> Part:
        """A message that ends with its header."""
        return Part(0, len(self._header), len(self._header))

    def read(self, offset: int, length: int) -> bytes:
        """Octets of the header."""
        return self._header[offset : offset + length]


def headers(session: Session, rows: Rows, among: list[int]) -> dict[int, bytes]:
    """The header blocks of these places, without those of messages that cannot be opened. In a thread."""
    index, source = rows.index, session.source
    remembered = source.memory.get_many(source.holder_id, [index.message_ids[place] for place in among])
    known = {place: one.header for place, one in zip(among, remembered, strict=True) if one and one.header is not None}
    lacking = {index.uids[place]: place for place in among if place not in known}
    if len(lacking) > FEW:
        packed = session.services.db.read(known_of, source, list(lacking))
        for uid in [uid for uid in lacking if uid in packed and packed[uid].header is not None]:
            known[lacking.pop(uid)] = packed[uid].header or b""
    for content in read(session, list(lacking)):
        with suppress(SealBroken, NotFound, MimeBounds):
            known[lacking[content.uid]] = content.remember_header().header or b""
    return known


def read(session: Session, uids: list[int]) -> list[Content]:
    """Those of ascending `uids` that this holder can open."""
    return session.services.db.read(read_contents, session.source, uids, with_body=True) if uids else []


def row_of(rows: Rows, place: int) -> FoundRow:
    """The row at this place."""
    index = rows.index
    uid = index.uids[place]
    return FoundRow(
        number=rows.number(place),
        uid=uid,
        flags=rows.view.shown(uid, index.flags[place]),
        internal_at=from_epoch_ms(index.dates[place]),
        size=index.sizes[place],
        modseq=index.modseqs[place],
        message_id=index.message_ids[place],
    )
