"""Reading packs: what FETCH and SEARCH ask of many messages, for one unsealing instead of one a message.

A pack that does not open is as good as none: its messages are opened one by one. In a reader thread.
"""

import zlib
from collections.abc import Iterator, Sequence

import structlog
from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from crypto.sealed import SealBroken, unseal
from mail.imap.contents import Source, holder_of
from mail.imap.memory import Known
from mail.imap.packed import Texts, read_answers
from mail.packs import Stretch, answers_aad, texts_aad
from mail.tables import folder_packs

_INSIDE = (
    (folder_packs.c.folder_id == bindparam("folder"))
    & (folder_packs.c.last_uid >= bindparam("low"))
    & (folder_packs.c.first_uid <= bindparam("high"))
)
_ANSWERS = select(folder_packs.c.first_uid, folder_packs.c.sealed_answers).where(_INSIDE)
_TEXTS = select(folder_packs.c.sealed_texts).where(
    folder_packs.c.folder_id == bindparam("folder"), folder_packs.c.first_uid == bindparam("first")
)

log = structlog.get_logger()


def known_of(session: Session, source: Source, uids: Sequence[int]) -> dict[int, Known]:
    """What the packs between the first and the last of ascending `uids` know, by UID; all of it is remembered."""
    found: dict[int, Known] = {}
    holder = holder_of(session, source)
    for first, sealed in session.execute(_ANSWERS, {"folder": source.folder_id, "low": uids[0], "high": uids[-1]}):
        try:
            messages = read_answers(unseal(holder, sealed, answers_aad(source.folder_id, first)))
        except (SealBroken, zlib.error, ValueError) as error:
            _damaged(source, first, error)
            continue
        source.memory.put_many(source.holder_id, [(one.message_id, one.known) for one in messages])
        found |= {one.uid: one.known for one in messages}
    return found


def texts_of(session: Session, source: Source, pack: Stretch) -> Texts | None:
    """The texts of a pack; None when it is gone or does not open."""
    sealed = session.execute(_TEXTS, {"folder": source.folder_id, "first": pack.first}).scalar_one_or_none()
    if sealed is None:
        return None
    try:
        return Texts(unseal(holder_of(session, source), sealed, texts_aad(source.folder_id, pack.first)))
    except (SealBroken, zlib.error, ValueError) as error:
        _damaged(source, pack.first, error)
        return None


def over(uids: Sequence[int], packs: Sequence[Stretch]) -> Iterator[Stretch]:
    """Those of ascending `packs` that speak of one of ascending `uids`."""
    at = 0
    for pack in packs:
        while at < len(uids) and uids[at] < pack.first:
            at += 1
        if at < len(uids) and uids[at] <= pack.last:
            yield pack


def _damaged(source: Source, first: int, error: Exception) -> None:
    log.error("imap.pack_damaged", folder_id=source.folder_id, first_uid=first, cause=type(error).__name__)
