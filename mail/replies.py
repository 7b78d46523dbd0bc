"""Errors become SMTP replies here and nowhere else: code, enhanced code (RFC 3463), a general sentence for the peer.

The cause stays in our log. No reply ever repeats what the peer sent, nor an exception's text.
"""

from core.address import NotAnAddress
from core.errors import BadInput, DatabaseDown, NotFound, Permanent, PliError, Refused, StorageFull, Temporary
from mail.bounds import MimeBounds


class MailError(PliError):
    """A refusal in SMTP's words. `public` is the sentence that the peer reads, `cause` is for our log."""

    def __init__(self, code: int, enhanced: str, public: str, cause: str = "") -> None:
        super().__init__(public, cause)
        self.code = code
        self.enhanced = enhanced

    @property
    def reply(self) -> str:
        """The reply line, without its line end."""
        return f"{self.code} {self.enhanced} {self.public}"


# The first kind that fits wins. RFC 5321 §4.2.2, RFC 3463 §3; DATA may also answer 552, 554, 451, 452 (§4.3.2).
_REPLIES: tuple[tuple[type[Exception], int, str, str], ...] = (
    (StorageFull, 452, "4.3.1", "no room to store this now, try again later"),
    (DatabaseDown, 451, "4.3.0", "local error, try again later"),
    (Temporary, 451, "4.3.0", "local error, try again later"),
    (NotAnAddress, 553, "5.1.3", "this is not a mail address that we take"),
    (MimeBounds, 554, "5.6.0", "the structure of the message passes our limits"),
    (BadInput, 554, "5.6.0", "the message is malformed"),
    (NotFound, 550, "5.1.1", "no such mailbox here"),
    (Refused, 550, "5.7.1", "refused"),
    (Permanent, 554, "5.0.0", "refused"),
)
LOCAL_ERROR = MailError(451, "4.3.0", "local error, try again later")


def to_mail_error(error: Exception) -> MailError:
    """Any error in SMTP's words. One that nobody foresaw is temporary: the peer keeps the mail and tries again."""
    if isinstance(error, MailError):
        return error
    for kind, code, enhanced, public in _REPLIES:
        if isinstance(error, kind):
            return MailError(code, enhanced, public, str(error))
    return MailError(LOCAL_ERROR.code, LOCAL_ERROR.enhanced, LOCAL_ERROR.public, type(error).__name__)
