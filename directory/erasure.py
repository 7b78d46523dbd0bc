"""A person forgotten: the keys are destroyed, and no look-up leads to what they opened."""

import secrets

from sqlalchemy import update
from sqlalchemy.orm import Session

from directory.holders import destroy_holder
from directory.mailboxes import CLOSED
from directory.patients import Patient
from directory.tables import mailboxes, patients


def forget_patient(session: Session, patient: Patient, mailbox_holder_id: int | None) -> tuple[int, ...]:
    """Unit of work; returns the holders whose keys were destroyed. The same person may be registered anew later."""
    unknown = {"lookup": secrets.token_bytes(32)}
    session.execute(update(patients).where(patients.c.id == patient.id).values(sealed_identity=b"", **unknown))
    if patient.mailbox_id is not None:
        forgotten = {"lookup": secrets.token_bytes(32), "sealed_address": b"", "state": CLOSED}
        session.execute(update(mailboxes).where(mailboxes.c.id == patient.mailbox_id).values(**forgotten))
    holders = [patient.holder_id] if mailbox_holder_id is None else [patient.holder_id, mailbox_holder_id]
    for holder_id in holders:
        destroy_holder(session, holder_id)
    return tuple(holders)
