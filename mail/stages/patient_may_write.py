"""Who may write to whom, for patients: see `mail.conversations`."""

from core.db import Db
from mail.conversations import DISPENSED_WITHIN_DAYS, may_write
from mail.incoming import Incoming
from mail.replies import MailError
from mail.stages.stage import Stage


class PatientMayWrite(Stage):
    """A patient answers professionals who wrote, or starts with a pharmacy that dispensed; never patient to patient."""

    name: str = "patient-may-write"

    def __init__(self, db: Db, within_days: int = DISPENSED_WITHIN_DAYS) -> None:
        self._db = db
        self._within_days = within_days

    def waits(self, mail: Incoming) -> bool:
        """For our own patients only."""
        return mail.identity is not None and mail.from_patient

    def check(self, mail: Incoming) -> MailError | None:
        if mail.recipient is None or not mail.from_patient:
            return None
        if mail.recipient.is_patient:
            return MailError(550, "5.7.1", "patients do not write to each other")
        if mail.identity is None:
            return None  # another operator's patient: that operator knows who wrote to them
        if self._db.read(may_write, mail.identity.mailbox_id, mail.recipient, mail.received_at, self._within_days):
            return None
        return MailError(550, "5.7.1", "this conversation was not opened by the professional, or is closed")
