"""How a request for a receipt was answered: the trail knows who answered what and when; the keyword $MDNSent (RFC 3503)
on each copy of the message tells mail programs not to ask again, and us that one of them has answered.
"""

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.tables import audit
from mail.folder_rows import Change, TooManyFlags, change_flags
from mail.tables import folder_messages, folders

KEYWORD = "$MDNSent"
ACTION = "mail.receipt"  # of the trail
SENT, DECLINED, ELSEWHERE = "sent", "declined", "elsewhere"


@dataclass(frozen=True, slots=True)
class Answer:
    """`outcome`: SENT, DECLINED, or ELSEWHERE: by a mail program, which does not tell what. `at` in milliseconds, 0
    where nobody knows."""

    outcome: str
    at: int = 0


def answers(
    session: Session, mailbox_id: int, holder_id: int, message_ids: Collection[int]
) -> dict[int, Answer | None]:
    """Of those messages that lie in this mailbox; None where nobody has answered."""
    found: dict[int, Answer | None] = {}
    for row in _copies(session, mailbox_id, message_ids):
        is_marked = KEYWORD.lower() in row.flags.lower().split()
        found[row.message_id] = Answer(ELSEWHERE) if is_marked else found.get(row.message_id)
    query = select(audit.c.ref, audit.c.outcome, audit.c.at).where(audit.c.ref.in_(list(found)))
    mine = query.where(audit.c.action == ACTION, audit.c.holder_id == holder_id).order_by(audit.c.seq)
    for row in session.execute(mine):
        said = found[row.ref]
        if said is None or said.outcome != SENT:
            found[row.ref] = Answer(row.outcome, row.at)
    return found


def mark(session: Session, mailbox_id: int, message_id: int) -> None:
    """Unit of work: every copy gets the keyword; one that has as many as may be is left, the trail suffices."""
    for row in _copies(session, mailbox_id, (message_id,)):
        with suppress(TooManyFlags):
            change_flags(session, row.folder_id, [row.uid], Change.ADD, [KEYWORD])


def _copies(session: Session, mailbox_id: int, message_ids: Collection[int]) -> list[Any]:
    copy = folder_messages.c
    query = (
        select(copy.folder_id, copy.message_id, copy.uid, copy.flags)
        .join(folders, folders.c.id == copy.folder_id)
        .where(folders.c.mailbox_id == mailbox_id, copy.message_id.in_(list(message_ids)))
    )
    return list(session.execute(query).all())
