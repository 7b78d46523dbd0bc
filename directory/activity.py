"""When a mailbox was last used, and what follows when nobody uses it: a warning, then it is closed (CNIL 2014-239).

Who logs in has answered the warning. Closing unpublishes; nothing that the mailbox holds is lost, see `reopen`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from core import outbox
from core.clock import epoch_ms
from directory.mailboxes import OPEN, SUSPENDED, close
from directory.publication_rows import unpublish_mailbox
from directory.tables import mailbox_use, mailboxes

WARN_KIND = "mailbox.warn"  # the outbox's kind: tell the holder that the mailbox will be closed
EVERY = timedelta(hours=12)  # how often a use is written down
MOST = 5_000  # mailboxes looked at in one night; the others the night after
_PEOPLE = ("PER", "ORG", "CAB", "PAT")  # a software's or our own mailbox is not judged by its logins
_last_use = func.coalesce(mailbox_use.c.used_at, mailboxes.c.created_at)


@dataclass(frozen=True, slots=True)
class Patience:
    """Closed after `closed_after` without a login, and never sooner than `notice` after the warning."""

    closed_after: timedelta
    notice: timedelta

    @property
    def warned_after(self) -> timedelta:
        return max(self.closed_after - self.notice, timedelta())


def note_use(session: Session, mailbox_id: int, now: datetime) -> None:
    """Somebody has logged in: a warning that was given is answered. Written at most every twelve hours."""
    known = session.execute(select(mailbox_use).where(mailbox_use.c.mailbox_id == mailbox_id)).one_or_none()
    if known is None:
        row = {"mailbox_id": mailbox_id, "used_at": epoch_ms(now), "warned_at": None}
        session.execute(insert(mailbox_use), row)
    elif known.warned_at is not None or known.used_at < epoch_ms(now - EVERY):
        change = update(mailbox_use).where(mailbox_use.c.mailbox_id == mailbox_id)
        session.execute(change.values(used_at=epoch_ms(now), warned_at=None))


def follow_use(session: Session, patience: Patience, now: datetime) -> tuple[int, int]:
    """Unit of work, once a day: how many mailboxes were warned, how many closed."""
    closing = _idle(session, epoch_ms(now - patience.closed_after), epoch_ms(now - patience.notice))
    for mailbox_id in closing:
        close(session, mailbox_id)
        unpublish_mailbox(session, mailbox_id, now)
    warned = _idle(session, epoch_ms(now - patience.warned_after), None)
    for mailbox_id in warned:
        _warn(session, mailbox_id, now)
    return len(warned), len(closing)


def warned_at(session: Session, mailbox_id: int) -> int | None:
    """Epoch ms of the warning that waits for an answer; None when there is none."""
    query = select(mailbox_use.c.warned_at).where(mailbox_use.c.mailbox_id == mailbox_id)
    return session.execute(query).scalar_one_or_none()


def _idle(session: Session, used_before: int, warned_before: int | None) -> list[int]:
    """Mailboxes of people, unused since then, that were warned before that moment; with None: never warned."""
    warned = mailbox_use.c.warned_at
    query = (
        select(mailboxes.c.id)
        .outerjoin(mailbox_use, mailbox_use.c.mailbox_id == mailboxes.c.id)
        .where(mailboxes.c.kind.in_(_PEOPLE), mailboxes.c.state.in_((OPEN, SUSPENDED)), _last_use < used_before)
        .where(warned.is_(None) if warned_before is None else warned <= warned_before)
    )
    return list(session.execute(query.order_by(mailboxes.c.id).limit(MOST)).scalars())


def _warn(session: Session, mailbox_id: int, now: datetime) -> None:
    known = session.execute(select(mailbox_use).where(mailbox_use.c.mailbox_id == mailbox_id)).one_or_none()
    if known is None:
        made = session.execute(select(mailboxes.c.created_at).where(mailboxes.c.id == mailbox_id)).scalar_one()
        session.execute(insert(mailbox_use), {"mailbox_id": mailbox_id, "used_at": made, "warned_at": epoch_ms(now)})
    else:
        change = update(mailbox_use).where(mailbox_use.c.mailbox_id == mailbox_id)
        session.execute(change.values(warned_at=epoch_ms(now)))
    outbox.put(session, WARN_KIND, mailbox_id, now=now)
