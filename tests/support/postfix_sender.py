"""Debian's Postfix as the operator that sends: takes mail from the loopback, hands it on over mutual TLS."""

from datetime import UTC, datetime
from pathlib import Path

from crypto.authority import Authority
from tests.support.postfix_dovecot import PostfixDovecot

SENDS_CF = """
relayhost = [localhost]:{port}
smtp_host_lookup = native
smtp_tls_security_level = secure
smtp_tls_secure_cert_match = nexthop
smtp_tls_mandatory_protocols = >=TLSv1.2
smtp_tls_CAfile = {ca}
smtp_tls_cert_file = {home}/etc/client.pem
smtp_tls_key_file = {home}/etc/client.key
"""


class PostfixSender(PostfixDovecot):
    """All that it takes goes to `localhost:port`, whose certificate `ca` has issued. A context manager."""

    def __init__(self, home: Path, authority: Authority, ca: Path, port: int, domain: str) -> None:
        super().__init__(home, users=1, password="unused", domain=domain, delivery="virtual")
        authority.issue_client(domain, now=datetime.now(UTC)).save(home / "etc", "client")
        with (home / "etc" / "main.cf").open("a") as file:
            file.write(SENDS_CF.format(home=home, ca=ca, port=port))

    def start(self) -> None:
        self._run(["postfix", "-c", str(self.home / "etc"), "start-fg"], self.smtp)
