"""Our own users log in first."""

from mail.incoming import Incoming
from mail.replies import MailError
from mail.stages.stage import Stage


class Authenticated(Stage):
    """Whoever submits mail has proved an account. RFC 6409 §4.3."""

    name: str = "authenticated"

    def check(self, mail: Incoming) -> MailError | None:
        if mail.identity is None:
            return MailError(530, "5.7.0", "authentication required")
        return None
