"""A structure that no honest message has is refused before anybody has to read it."""

from mail.incoming import Incoming
from mail.replies import MailError, to_mail_error
from mail.stages.stage import Stage


class MimeInBounds(Stage):
    """Depth, parts, header octets, parameters and addresses stay within `mail.limits`."""

    name: str = "mime-in-bounds"

    def check(self, mail: Incoming) -> MailError | None:
        if mail.letter is None or mail.letter.broken is None:
            return None
        return to_mail_error(mail.letter.broken)
