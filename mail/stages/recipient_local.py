"""We are no open relay."""

from mail.incoming import Incoming
from mail.replies import MailError
from mail.stages.stage import Stage


class RecipientLocal(Stage):
    """The recipient's domain is one of ours: other operators find each other without us."""

    name: str = "recipient-local"

    def check(self, mail: Incoming) -> MailError | None:
        if mail.recipient is None or mail.recipient.is_local:
            return None
        return MailError(550, "5.7.1", "relaying denied")
