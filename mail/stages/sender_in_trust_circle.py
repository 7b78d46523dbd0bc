"""An operator speaks for the domains that are listed under its certificate's name, for no other."""

from mail.circle import Circle
from mail.incoming import Incoming
from mail.replies import MailError
from mail.stages.client_certificate import is_loopback
from mail.stages.stage import Stage


class SenderInTrustCircle(Stage):
    """The client certificate's name is listed for the sender's domain; for the null sender, for any domain."""

    name: str = "sender-in-trust-circle"

    def __init__(self, circle: Circle, *, insecure_loopback: bool = False) -> None:
        self._circle = circle
        self._insecure_loopback = insecure_loopback

    def waits(self, mail: Incoming) -> bool:
        """Until the circle remembers the answer."""
        return not self._is_spared(mail) and not self._circle.remembers(*_question(mail))

    def check(self, mail: Incoming) -> MailError | None:
        if self._is_spared(mail) or self._circle.trusts(*_question(mail)):
            return None
        if self._circle.withdrawn:
            return MailError(451, "4.7.1", "the list of operators is being renewed, try again later", "list too old")
        return MailError(550, "5.7.1", "sender not authorised", "the certificate is not listed for the sender's domain")

    def _is_spared(self, mail: Incoming) -> bool:
        return self._insecure_loopback and is_loopback(mail.peer.address)


def _question(mail: Incoming) -> tuple[str, str | None]:
    return mail.peer.certificate_dn, mail.sender.domain if mail.sender else None
