"""Another operator shows who it is before anything else."""

import ipaddress
from functools import lru_cache

from mail.incoming import Incoming
from mail.replies import MailError
from mail.stages.stage import Stage


@lru_cache(maxsize=1024)
def is_loopback(address: str) -> bool:
    """Whether the peer is this very machine."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


class ClientCertificateShown(Stage):
    """Mail from other operators comes over TLS with a client certificate that the handshake has checked."""

    name: str = "client-certificate-shown"

    def __init__(self, *, insecure_loopback: bool = False) -> None:
        self._insecure_loopback = insecure_loopback

    def check(self, mail: Incoming) -> MailError | None:
        if self._insecure_loopback and is_loopback(mail.peer.address):
            return None
        if not mail.peer.tls:
            return MailError(530, "5.7.0", "must issue a STARTTLS command first")  # RFC 3207 §4
        if not mail.peer.certificate_dn:
            return MailError(550, "5.7.1", "a client certificate is required")
        return None
