"""An operator of its own: a home made by `pli setup`, served by `pli serve`; its domain, certificates, two people."""

import email.policy
import imaplib
import json
import smtplib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Self

from crypto.authority import Authority
from crypto.identity import Identity
from crypto.tls import client_context
from tests.support import list_maker
from tests.support.pli_server import MX, PliServer
from tests.support.process import answers, wait_until

PASSWORD = "correct horse 7"
SUBMISSIONS, IMAPS = 2465, 2993
TOML = """
[listen]
port_offset = {offset}
hostname = "mss.{domain}"
[record]
desk = "integration@{domain}"
[relay]
postmaster = "postmaster@{domain}"
retry_first_seconds = 1
retry_longest_seconds = 2
[relay.routes]
"{other}" = "localhost:{port}"
[trust]
source = "{source}"
anchors = "{anchors}"
signer = "{signer}"
"""


class SignedList:
    """The list of trusted domains, as a file that every operator reads; signed anew by `publish`."""

    def __init__(self, folder: Path) -> None:
        now = datetime.now(UTC) - timedelta(days=1)
        authority = list_maker.authority(now=now)
        self.signer = list_maker.seal(authority, now=now)
        self.path, self.anchors = folder / "liste.xml", folder / "anchors.pem"
        self.anchors.write_bytes(authority.certificate_pem)

    def publish(self, entries: list[tuple[str, str]]) -> None:
        generated = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        self.path.write_bytes(list_maker.xmldsig(list_maker.document(entries, generated), self.signer))

    @property
    def settings(self) -> dict[str, str]:
        signer = self.signer.certificate.subject.rfc4514_string().replace('"', '\\"')
        return {"source": str(self.path), "anchors": str(self.anchors), "signer": signer}


@dataclass(frozen=True)
class Received:
    """A message as IMAP hands it out, with its flags; `number` is ours, told as EMAILID (RFC 8474)."""

    raw: bytes
    flags: str
    number: str

    @property
    def parsed(self) -> EmailMessage:
        return email.message_from_bytes(self.raw, policy=email.policy.default)  # type: ignore[return-value]


class OperatorHouse:
    """`doctor` and `desk` are its people. `start` it once its neighbour's port is written down."""

    def __init__(self, folder: Path, domain: str, authority: Authority) -> None:
        self.domain, self.home, self.authority = domain, folder / domain, authority
        self.doctor, self.desk = f"dr.essai@{domain}", f"accueil@{domain}"
        self.server = PliServer(self.home, command=["serve"], log=folder / f"{domain}.log")
        self.tls = self.home / "tls"
        self.tls.mkdir(parents=True)
        now = datetime.now(UTC)
        authority_file = self.tls / "ca.pem"
        authority_file.write_bytes(authority.certificate_pem)
        (self.tls / "crl.pem").write_bytes(authority.crl_pem(now=now, days=30))
        self.gateway = authority.issue_client(f"passerelle.{domain}", now=now, dns=["localhost"])
        self.gateway.save(self.tls, "relay")
        self.listener = self.certified(f"mss.{domain}")
        self.client = client_context(authority_file)

    def certified(self, name: str) -> Identity:
        """A certificate of this common name for the listeners, in force at the next start."""
        made = self.authority.issue_server([name, "localhost"], now=datetime.now(UTC))
        made.save(self.tls, "server")
        return made

    @property
    def listed(self) -> list[tuple[str, str]]:
        """Its lines on the list: who answers for the domain, and who calls."""
        names = (one.certificate.subject.rfc4514_string() for one in (self.gateway, self.listener))
        return [(self.domain, name) for name in names]

    def make(self, other: "OperatorHouse", listed: SignedList) -> None:
        offset, port = self.server.offset, MX + other.server.offset
        where = {"offset": offset, "domain": self.domain, "other": other.domain, "port": port}
        (self.home / "pli.toml").write_text(TOML.format(**where, **listed.settings))
        self.server.cli("setup")
        proof = ("--password", PASSWORD)
        self.server.cli("account", "add", self.doctor, "--role", "physician", *proof)
        self.server.cli("account", "add", self.desk, "--role", "physician", "--kind", "ORG", *proof)
        seal = self.authority.issue_smime(f"postmaster@{self.domain}", "Courrier", now=datetime.now(UTC))
        certificate, key = seal.save(self.home, "postmaster")
        files = ("--certificate", str(certificate), "--key", str(key))
        self.server.cli("seal", "put", f"postmaster@{self.domain}", *files)
        self.server.cli("trust", "refresh")

    def start(self) -> None:
        self.server.start(wait=False)
        wait_until(self._is_up, what=f"pli serve of {self.domain}")

    def _is_up(self) -> bool:
        if not self.server.running:
            raise OSError(f"pli serve ended: {self.server.log[-2000:]}")
        return answers(IMAPS + self.server.offset)

    def stop(self) -> None:
        self.server.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def send(
        self, *to: str, text: str, extra: tuple[str, ...] = (), mail: tuple[str, ...] = (), asks: bool = False
    ) -> str:
        """The doctor writes; `mail` and `extra` are parameters of MAIL and RCPT, `asks` for a receipt. Returns the
        Message-ID."""
        message_id = f"<{text.replace(' ', '-')}@{self.domain}>"
        head = f"From: <{self.doctor}>\r\nTo: <{'>, <'.join(to)}>\r\nMessage-ID: {message_id}\r\nSubject: {text}\r\n"
        head += f"Disposition-Notification-To: <{self.doctor}>\r\n" if asks else ""
        with smtplib.SMTP_SSL("localhost", SUBMISSIONS + self.server.offset, "client", context=self.client) as client:
            client.login(self.doctor, PASSWORD)
            client.sendmail(self.doctor, list(to), f"{head}\r\n{text}\r\n".encode(), mail, extra)
        return message_id

    def inbox(self, login: str) -> list[Received]:
        with imaplib.IMAP4_SSL("localhost", IMAPS + self.server.offset, ssl_context=self.client) as client:
            client.login(login, PASSWORD)
            client.select("INBOX", readonly=True)
            count = client.search(None, "ALL")[1][0].split()
            parts = client.fetch("1:*", "(EMAILID FLAGS BODY.PEEK[])")[1] if count else []
        found = [(part[1], part[0].decode()) for part in parts if isinstance(part, tuple)]
        return [Received(raw, told, told.partition("EMAILID (M")[2].partition(")")[0]) for raw, told in found]

    def waits_for(self, login: str, words: str) -> Received:
        """The newest message with these words in it, as soon as it is there."""
        found: list[Received] = []

        def there() -> bool:
            found[:] = [each for each in self.inbox(login) if words.encode() in each.raw]
            return bool(found)

        wait_until(there, what=f"a message at {self.domain}")
        return found[-1]

    def queue(self) -> list[dict[str, Any]]:
        return list(json.loads(self.server.cli("queue", "list", "--json")))

    def waits_because(self, reason: str) -> dict[str, Any]:
        """The one consignment in the queue, as soon as it waits for this reason."""

        def there() -> bool:
            return [row["reason"] for row in self.queue()] == [reason]

        wait_until(there, what=reason)
        return self.queue()[0]

    def told(self, message_id: str) -> set[tuple[str, str]]:
        """The timeline: kind and recipient of each event."""
        rows = json.loads(self.server.cli("message", "timeline", message_id, "--by", self.doctor, "--json"))
        return {(row["event"], row["recipient"] or "") for row in rows["events"]}
