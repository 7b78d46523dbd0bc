"""A message that has been everywhere is going in circles."""

from mail.incoming import Incoming
from mail.limits import HOPS
from mail.replies import MailError
from mail.stages.stage import Stage


class NoLoop(Stage):
    """It has passed at most HOPS servers. RFC 5321 §6.3."""

    name: str = "no-loop"

    def check(self, mail: Incoming) -> MailError | None:
        if mail.letter is None or mail.letter.headers.count(b"received") <= HOPS:
            return None
        return MailError(554, "5.4.6", "too many hops")
