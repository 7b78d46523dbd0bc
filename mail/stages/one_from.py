"""Two From lines are a trick: programs and people would each see another author."""

from mail.addresses import addresses
from mail.incoming import Incoming
from mail.replies import MailError
from mail.stages.stage import Stage


class OneFrom(Stage):
    """There is exactly one From field, with exactly one well-formed address. RFC 5322 §3.6."""

    name: str = "one-from"

    def check(self, mail: Incoming) -> MailError | None:
        if mail.letter is None:
            return None
        fields = mail.letter.headers.get_all(b"from")
        if len(fields) != 1 or mail.letter.headers.count(b"sender") > 1:
            return MailError(550, "5.6.0", "a message has one From field, and at most one Sender")
        listed = addresses(fields[0])
        if not listed.clean or len(listed.mailboxes) != 1 or len(listed.items) != 1:
            return MailError(550, "5.6.0", "the From field has one well-formed address")
        return None
