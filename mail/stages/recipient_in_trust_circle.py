"""Our users write to our own domains and to those of the trusted list."""

from core.db import Db
from directory.trusted import is_listed
from mail.incoming import Incoming
from mail.replies import MailError
from mail.stages.stage import Stage


class RecipientInTrustCircle(Stage):
    """The recipient's domain is one of ours, or listed: mail never leaves the circle of trust."""

    name: str = "recipient-in-trust-circle"

    def __init__(self, db: Db) -> None:
        self._db = db

    def waits(self, mail: Incoming) -> bool:
        """Where the list is read."""
        return mail.recipient is not None and not mail.recipient.is_local

    def check(self, mail: Incoming) -> MailError | None:
        if mail.recipient is None or mail.recipient.is_local:
            return None
        if self._db.read(is_listed, mail.recipient.address.domain):
            return None
        return MailError(550, "5.7.1", "this domain is not in the circle of trust")
