"""A mailbox that was closed or suspended takes nothing."""

from mail.incoming import Incoming
from mail.replies import MailError
from mail.stages.stage import Stage


class MailboxOpen(Stage):
    """The mailbox is open: a suspended one may open again (4yz would keep the peer waiting), a closed one is gone."""

    name: str = "mailbox-open"

    def check(self, mail: Incoming) -> MailError | None:
        if mail.recipient is None or not mail.recipient.is_local or mail.recipient.is_open:
            return None
        return MailError(550, "5.2.1", "this mailbox takes no mail")  # RFC 3463 §3.3: disabled
