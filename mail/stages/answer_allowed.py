"""`X-MSS-MES: FIN` on a professional's message forbids answers to it. R2 2.2.8."""

from core.db import Db
from crypto.keyring import Keyring
from mail.conversations import answers_closed
from mail.incoming import Incoming
from mail.replies import MailError
from mail.stages.stage import Stage


class AnswerAllowed(Stage):
    """A patient does not answer a message whose author forbade it."""

    name: str = "answer-allowed"

    def __init__(self, db: Db, keyring: Keyring) -> None:
        self._db = db
        self._keyring = keyring

    def waits(self, mail: Incoming) -> bool:
        """For a patient's mail only."""
        return mail.identity is not None and mail.from_patient

    def check(self, mail: Incoming) -> MailError | None:
        if mail.letter is None or mail.identity is None or not mail.from_patient:
            return None
        if self._db.read(answers_closed, self._keyring, mail.identity.mailbox_id, mail.letter.headers):
            return MailError(550, "5.7.1", "the author takes no answers to this message")
        return None
