"""What is new for somebody since their last visit to a patient's page. A visit ends half an hour after its last look:
what was new when it began stays marked while it lasts.
"""

from contextlib import suppress
from datetime import datetime, timedelta

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core.clock import epoch_ms
from record.tables import looks

VISIT = timedelta(minutes=30)
FIRST = 0  # `since` of somebody's first visit


def look(session: Session, account_id: int, patient_id: int, now: datetime) -> int:
    """Unit of work: this look is written down; returns the end of the visit before (epoch, ms), or FIRST."""
    mine = (looks.c.account_id == account_id) & (looks.c.patient_id == patient_id)
    at = epoch_ms(now)
    row = session.execute(select(looks.c.since, looks.c.seen_at).where(mine).with_for_update()).one_or_none()
    if row is None:
        values = {"account_id": account_id, "patient_id": patient_id, "since": FIRST, "seen_at": at}
        with suppress(IntegrityError), session.begin_nested():  # the same page, asked for twice at once
            session.execute(insert(looks), values)
        return FIRST
    since: int = row.seen_at if row.seen_at < epoch_ms(now - VISIT) else row.since
    session.execute(update(looks).where(mine).values(since=since, seen_at=max(at, row.seen_at)))
    return since


def last_looks(session: Session, account_id: int, now: datetime, most: int) -> dict[int, int]:
    """Patient → from when on a document is new to this account; those of the latest visits, at most `most`."""
    query = select(looks.c.patient_id, looks.c.since, looks.c.seen_at).where(looks.c.account_id == account_id)
    over = epoch_ms(now - VISIT)
    rows = session.execute(query.order_by(looks.c.seen_at.desc()).limit(most))
    return {row.patient_id: row.seen_at if row.seen_at < over else row.since for row in rows}
