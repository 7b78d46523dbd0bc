"""Client threads that keep sending over whatever happens to the server, and read the mailboxes back afterwards."""

import imaplib
import ssl
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tests.support.ledger import Entry, Finding, Found, Ledger
from tests.support.process import wait_until
from tests.support.smtp_client import Broken, SmtpClient, SmtpTarget

BATCH = 200


class Senders:
    """Fill a ledger until `stop`. Every second sender insists: it repeats what was not acknowledged, as a mail server
    does, and the repeat must be recognised. `limit` bounds the acknowledged messages."""

    def __init__(self, ledger: Ledger, target: SmtpTarget, *, count: int = 4, limit: int = 50_000) -> None:
        self.ledger, self.target, self.limit = ledger, target, limit
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(n % 2 == 1,), daemon=True) for n in range(count)]

    def __enter__(self) -> "Senders":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Let each sender end the message at hand."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(90)
            assert not thread.is_alive(), "a sender hangs"

    def wait_acked(self, more: int, *, seconds: float = 60) -> None:
        """Wait until `more` messages are acknowledged on top of those of now."""
        goal = min(self.ledger.acked + more, self.limit)
        wait_until(lambda: self.ledger.acked >= goal, seconds=seconds, what="the acknowledgements")

    def _run(self, insists: bool) -> None:
        entry: Entry | None = None
        while not self._done():
            try:
                with SmtpClient(self.target) as client:
                    while not self._done():
                        if entry is None or entry.over or not insists:
                            entry = self.ledger.new()
                        self._send(client, entry)
            except OSError:
                self._stopping.wait(0.01)  # the server is away: a client's pause before it knocks again

    def _done(self) -> bool:
        return self._stopping.is_set() or self.ledger.acked >= self.limit

    def _send(self, client: SmtpClient, entry: Entry) -> None:
        try:
            answer = client.send(entry.recipient, self.ledger.message(entry))
        except Broken as broken:
            entry.broken += broken.after_data
            raise
        self.ledger.note(entry, answer)
        if answer.code == 421:
            raise ConnectionResetError("421")
        if answer.code >= 400:
            self._stopping.wait(0.05)


@dataclass(frozen=True)
class ImapSource:
    """Where to read back; the login is the address, its password `password` unless `others` names another."""

    port: int
    password: str
    others: Mapping[str, str] = field(default_factory=dict)
    host: str = "127.0.0.1"
    context: ssl.SSLContext | None = None
    starttls: bool = False

    def open(self, login: str) -> imaplib.IMAP4:
        if self.context and not self.starttls:
            imap: imaplib.IMAP4 = imaplib.IMAP4_SSL(self.host, self.port, ssl_context=self.context, timeout=60)
        else:
            imap = imaplib.IMAP4(self.host, self.port, timeout=60)
            if self.starttls:
                imap.starttls(self.context)
        imap.login(login, self.others.get(login, self.password))
        return imap

    def messages(self, login: str, folder: str = "INBOX") -> Iterator[bytes]:
        """Every message of the folder, whole."""
        imap = self.open(login)
        count = int(imap.select(folder, readonly=True)[1][0] or b"0")
        for first in range(1, count + 1, BATCH):
            _, parts = imap.fetch(f"{first}:{min(first + BATCH - 1, count)}", "(BODY.PEEK[])")
            yield from (part[1] for part in parts if isinstance(part, tuple))
        imap.logout()


def check(ledger: Ledger, source: ImapSource) -> Finding:
    """Read the INBOX of every recipient and compare with the ledger."""
    return ledger.compare(found(ledger, source))


def found(ledger: Ledger, source: ImapSource) -> Iterator[Found]:
    for recipient in ledger.recipients:
        for raw in source.messages(recipient):
            if item := ledger.recognise(recipient, raw):
                yield item
