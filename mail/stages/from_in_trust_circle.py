"""The name that people see obeys the same rule as the envelope."""

from core.address import Address
from core.errors import BadInput
from mail.circle import Circle
from mail.incoming import Incoming
from mail.letter import first_from
from mail.replies import MailError
from mail.stages.client_certificate import is_loopback
from mail.stages.stage import Stage


class FromInTrustCircle(Stage):
    """The client certificate's name is listed for the domain in From, too."""

    name: str = "from-in-trust-circle"

    def __init__(self, circle: Circle, *, insecure_loopback: bool = False) -> None:
        self._circle = circle
        self._insecure_loopback = insecure_loopback

    def waits(self, mail: Incoming) -> bool:
        """Until the circle remembers the answer."""
        if self._is_spared(mail):
            return False
        domain = _domain(mail)
        return domain is not None and not self._circle.remembers(mail.peer.certificate_dn, domain)

    def check(self, mail: Incoming) -> MailError | None:
        if mail.letter is None or self._is_spared(mail):
            return None
        domain = _domain(mail)
        if domain is None:
            return MailError(550, "5.7.1", "the From address cannot be read")
        if self._circle.trusts(mail.peer.certificate_dn, domain):
            return None
        return MailError(550, "5.7.1", "author not authorised", "the certificate is not listed for the domain in From")

    def _is_spared(self, mail: Incoming) -> bool:
        return self._insecure_loopback and is_loopback(mail.peer.address)


def _domain(mail: Incoming) -> str | None:
    """The domain of the first author; None when the field cannot be read."""
    try:
        return Address.parse(first_from(mail.letter.headers)[0]).domain if mail.letter else None
    except BadInput:
        return None
