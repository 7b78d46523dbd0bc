"""What the folders of a mailbox take. RFC 9208 §5.1."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.statements import chunks
from mail.tables import folder_messages, folders, messages

_KEPT = folder_messages.join(messages, messages.c.id == folder_messages.c.message_id)


def used(session: Session, mailbox_id: int) -> int:
    """Octets of all messages in all folders, each copy counted."""
    query = select(func.coalesce(func.sum(messages.c.size), 0)).select_from(
        _KEPT.join(folders, folders.c.id == folder_messages.c.folder_id)
    )
    return int(session.execute(query.where(folders.c.mailbox_id == mailbox_id)).scalar_one())


def octets_of(session: Session, folder_id: int, uids: Sequence[int]) -> int:
    """Octets of these messages of a folder."""
    query = select(func.coalesce(func.sum(messages.c.size), 0)).select_from(_KEPT)
    inside = folder_messages.c.folder_id == folder_id
    return sum(
        int(session.execute(query.where(inside, folder_messages.c.uid.in_(chunk))).scalar_one())
        for chunk in chunks(list(uids))
    )
