"""Debian's Dovecot as another operator's IMAP server: TLS alone, one mailbox `box0`, its Maildir written by hand."""

import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from crypto.authority import Authority
from tests.support.postfix_dovecot import MAIL_USER, PostfixDovecot

THERE = "dr@ailleurs.test"
PASSWORD = 'mot "de" passe'

TLS_CONF = """
ssl = required
ssl_cert = <{home}/server.pem
ssl_key = <{home}/server.key
service imap-login {{
  inet_listener imaps {{
    port = {imap}
    ssl = yes
  }}
  inet_listener imap {{
    port = 0
  }}
}}
"""


class TlsDovecot(PostfixDovecot):
    """Dovecot alone, IMAP over TLS."""

    def __init__(self, home: Path, authority: Authority) -> None:
        super().__init__(home, users=1, password=PASSWORD)
        authority.issue_server(["localhost"], now=datetime.now(UTC)).save(home, "server")
        conf = (home / "dovecot.conf").read_text().replace("ssl = no\n", "")
        conf = conf[: conf.index("service imap-login")] + conf[conf.index("service lmtp") :]
        (home / "dovecot.conf").write_text(conf + TLS_CONF.format(home=home, imap=self.imap))

    def start(self) -> None:
        self._run(["dovecot", "-F", "-c", str(self.home / "dovecot.conf")], self.imap)

    def stop(self) -> None:
        for process in self._processes:
            process.terminate()
            process.wait()
        self._processes = []

    def put(self, name: str, text: str) -> None:
        """A short mail."""
        self.put_raw(
            name, f"Return-Path: <{THERE}>\nFrom: <{THERE}>\nMessage-ID: <{text}@ailleurs.test>\n\n{text}\n".encode()
        )

    def put_raw(self, name: str, raw: bytes) -> None:
        """A mail as a delivery agent writes it, with Return-Path."""
        folder = self.home / "mail" / "box0" / "new"
        for each in ("new", "cur", "tmp"):
            (folder.parent / each).mkdir(parents=True, exist_ok=True)
        writing = folder.parent / "tmp" / name
        writing.write_bytes(raw)
        subprocess.run(["chown", "-R", MAIL_USER, str(folder.parent)], check=True)
        writing.rename(folder / name)

    def renumber(self) -> None:
        """As after a restore: same messages, another UIDVALIDITY."""
        for path in (self.home / "mail" / "box0").glob("dovecot*"):
            path.unlink() if path.is_file() else shutil.rmtree(path)
