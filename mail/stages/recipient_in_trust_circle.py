"""Our users write to our own domains and to those of the trusted list."""

from mail.circle import Circle
from mail.incoming import Incoming
from mail.replies import MailError
from mail.stages.stage import Stage


class RecipientInTrustCircle(Stage):
    """The recipient's domain is one of ours, or listed: mail never leaves the circle of trust."""

    name: str = "recipient-in-trust-circle"

    def __init__(self, circle: Circle) -> None:
        self._circle = circle

    def waits(self, mail: Incoming) -> bool:
        """Where the list is read."""
        to = mail.recipient
        return to is not None and not to.is_local and not self._circle.remembers_domain(to.address.domain)

    def check(self, mail: Incoming) -> MailError | None:
        if mail.recipient is None or mail.recipient.is_local:
            return None
        if self._circle.lists(mail.recipient.address.domain):
            return None
        return MailError(550, "5.7.1", "this domain is not in the circle of trust")
