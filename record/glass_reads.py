"""What was read on the ground of one emergency alone, for whoever reviews it: acts and numbers, never a title."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.clock import epoch_ms
from core.tables import audit
from directory.patients import get_patient
from record.access import Trace
from record.break_glass import Glass
from record.visibility import Ground


def reads_of(session: Session, glass: Glass, most: int = 500) -> tuple[Trace, ...]:
    """The entries of the trail, oldest first. What the same account read with consent, or before, is none of them.

    Raises NotFound.
    """
    columns = [audit.c[name] for name in Trace.__slots__]
    query = select(*columns).where(
        audit.c.holder_id == get_patient(session, glass.patient_id).holder_id,
        audit.c.actor == str(glass.account_id),
        audit.c.detail == Ground.EMERGENCY.value,
        audit.c.at.between(epoch_ms(glass.opened_at), epoch_ms(glass.until)),
    )
    return tuple(Trace(*row) for row in session.execute(query.order_by(audit.c.seq).limit(most)))
