"""Nobody sends under another's name."""

from mail.incoming import Incoming
from mail.replies import MailError
from mail.stages.stage import Stage


class SenderIsIdentity(Stage):
    """The envelope sender is the account's own address, or null as receipts have it (RFC 8098 §2.1)."""

    name: str = "sender-is-identity"

    def check(self, mail: Incoming) -> MailError | None:
        if mail.sender is None or (mail.identity is not None and mail.sender == mail.identity.address):
            return None
        return MailError(550, "5.7.1", "the sender is not the address of this account")  # RFC 6409 §6.1
