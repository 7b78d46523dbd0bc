"""Patients' mailboxes have a bound of their own. DOMAIN: 25 MB in all."""

from mail.incoming import Incoming
from mail.limits import MESSAGE_OCTETS
from mail.replies import MailError
from mail.stages.stage import Stage


class SizeForPatient(Stage):
    """A message to a patient has at most so many octets, declared (RFC 1870) or real."""

    name: str = "size-for-patient"

    def __init__(self, octets: int = MESSAGE_OCTETS) -> None:
        self._octets = octets

    def check(self, mail: Incoming) -> MailError | None:
        named = (*mail.recipients, mail.recipient) if mail.recipient else mail.recipients
        if (mail.size or 0) <= self._octets or not any(to.is_patient for to in named):
            return None
        return MailError(552, "5.3.4", "too large for a patient's mailbox")
