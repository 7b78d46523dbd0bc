"""A patient's record forgotten: content, keys and consents go; orders stay as rows that nothing opens any more."""

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from core.db import tally
from directory.patients import get_patient
from record.documents import wipe
from record.tables import break_glass, consents, documents, looks, representatives


def forget_record(session: Session, patient_id: int) -> list[int]:
    """Unit of work; returns the documents whose files the caller discards after the commit. Harmless twice."""
    ids = list(session.execute(select(documents.c.id).where(documents.c.patient_id == patient_id)).scalars())
    files: list[int] = []
    for start in range(0, len(ids), 500):
        files += wipe(session, ids[start : start + 500])
    gone = session.execute(
        delete(documents).where(documents.c.patient_id == patient_id).returning(documents.c.id)
    ).all()
    tally(session, "documents", -len(gone))
    for table in (consents, break_glass, looks):
        session.execute(delete(table).where(table.c.patient_id == patient_id))
    mine = representatives.c.patient_id == patient_id
    mailbox_id = get_patient(session, patient_id).mailbox_id
    session.execute(delete(representatives).where(or_(mine, representatives.c.mailbox_id == mailbox_id)))
    return files
