"""Mail is refused at once where it could not arrive."""

from mail.incoming import Incoming
from mail.replies import MailError
from mail.stages.stage import Stage


class RecipientKnown(Stage):
    """Somebody has this mailbox; of another operator's we know nothing."""

    name: str = "recipient-known"

    def check(self, mail: Incoming) -> MailError | None:
        if mail.recipient is None or not mail.recipient.is_local or mail.recipient.mailbox_id is not None:
            return None
        return MailError(550, "5.1.1", "no such mailbox here")
