"""Debian's Postfix as another operator: takes mail over mutual TLS only, and files it in Maildirs."""

from datetime import UTC, datetime
from pathlib import Path

from crypto.authority import Authority
from crypto.identity import Identity
from tests.support.postfix_dovecot import PostfixDovecot
from tests.support.process import wait_until

TLS_CF = """
smtpd_tls_security_level = encrypt
smtpd_tls_mandatory_protocols = >=TLSv1.2
smtpd_tls_cert_file = {home}/etc/server.pem
smtpd_tls_key_file = {home}/etc/server.key
smtpd_tls_CAfile = {ca}
smtpd_tls_ask_ccert = yes
smtpd_tls_req_ccert = yes
smtpd_tls_received_header = yes
smtpd_tls_session_cache_database =
smtpd_relay_restrictions = reject_plaintext_session, permit_auth_destination, reject
smtpd_client_restrictions = permit_tls_all_clientcerts, reject
"""


class PostfixPeer(PostfixDovecot):
    """`identity` is its server certificate; the mailboxes are `box{n}@domain`. A context manager."""

    def __init__(self, home: Path, authority: Authority, ca: Path, domain: str, *, users: int = 2) -> None:
        super().__init__(home, users=users, password="unused", domain=domain, delivery="virtual")
        self.identity: Identity = authority.issue_server(["localhost", "127.0.0.1"], now=datetime.now(UTC))
        self.identity.save(home / "etc", "server")
        with (home / "etc" / "main.cf").open("a") as file:
            file.write(TLS_CF.format(home=home, ca=ca))

    def start(self) -> None:
        self._run(["postfix", "-c", str(self.home / "etc"), "start-fg"], self.smtp)

    def mails(self, box: int = 0) -> list[bytes]:
        """What this mailbox has, oldest first, as Postfix keeps it: LF, its own header lines on top."""
        folder = self.home / "mail" / f"box{box}" / "new"
        files = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime) if folder.is_dir() else []
        return [path.read_bytes() for path in files]

    def wait_mails(self, count: int, box: int = 0) -> list[bytes]:
        """Until there are so many. Raises TimeoutError."""
        wait_until(lambda: len(self.mails(box)) >= count, seconds=60, what="the peer's mailbox")
        return self.mails(box)

    @property
    def log(self) -> str:
        return (self.home / "postfix.log").read_text(errors="replace")
