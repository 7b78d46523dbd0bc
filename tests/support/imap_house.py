"""A whole IMAP server in the test's own loop: mailboxes with accounts, a delivery, throwaway TLS."""

import hashlib
import ssl
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import Session

from core.address import Address
from core.audit import Trail
from core.clock import SystemClock
from core.db import Db
from crypto.authority import Authority
from crypto.keyring import SoftKeyring
from crypto.tls import client_context, server_context
from directory.holders import holder_key
from directory.mailboxes import create_mailbox
from mail.accounts import NewAccount, create_account
from mail.append import Appender
from mail.auth import Authenticator
from mail.bearer import TokenCheck
from mail.blobs import Blobs
from mail.folders import create_default_folders
from mail.imap.indexes import Indexes
from mail.imap.permits import Permits
from mail.imap.server import ImapServer
from mail.imap.services import Options, Services
from mail.judge import UNSIGNED
from mail.lading import Place
from mail.notify import Hub
from mail.spool import spool_bytes
from tests.support.passwords import hashed

LEA, NOE = "lea.martin@cabinet.example", "noe.petit@pharmacie.example"
PASSWORD = "correct horse 7"
_HASH = hashed(PASSWORD)


@dataclass(frozen=True)
class Box:
    """A mailbox of the house."""

    mailbox_id: int
    holder_id: int
    account_id: int
    inbox_id: int
    key: bytes


class TlsFiles:
    """A throwaway authority, its server, and a client certificate for a software account."""

    def __init__(self, folder: Path) -> None:
        clock = SystemClock()
        authority = Authority.create("Essai", now=clock.now())
        self.ca = authority.save(folder, "ca")[0]
        self.server = authority.issue_server(["localhost"], now=clock.now()).save(folder, "server")
        self.client = authority.issue_client("logiciel", now=clock.now()).save(folder, "client")

    def server_side(self) -> ssl.SSLContext:
        return server_context(*self.server, client_ca=self.ca)

    def client_side(self, *, certificate: bool = False) -> ssl.SSLContext:
        return client_context(self.ca, *(self.client if certificate else ()))


class ImapHouse:
    """Everything that the wiring would give, small. Closes the database that it is given."""

    def __init__(self, db: Db, home: Path, tls: TlsFiles, options: Options) -> None:
        self.db, self.tls, self.clock = db, tls, SystemClock()
        self.keyring = SoftKeyring.fresh()
        self.blobs = Blobs(home / "blobs")
        self.pool = ThreadPoolExecutor(4, thread_name_prefix="test-pool")
        self.trail = Trail(lambda data: self.keyring.mac("audit", data))
        self.hub = Hub()
        db.on_commit(self.hub.heard)
        self.boxes = {name: db.run(self._make, name) for name in (LEA, NOE)}
        self.options = options
        self.fuzzed = False  # one house serves many examples of a test
        self.servers: list[ImapServer] = []

    tokens: TokenCheck | None = None  # who stands behind an access token, for tests that give some

    def services(self, options: Options | None = None) -> Services:
        return Services(
            db=self.db,
            keyring=self.keyring,
            blobs=self.blobs,
            authenticator=Authenticator(self.db, self.keyring, self.clock, tokens=self.tokens),
            appender=self.appender(),
            hub=self.hub,
            trail=self.trail,
            clock=self.clock,
            pool=self.pool,
            options=options or self.options,
            indexes=Indexes(self.db, self.hub),
            permits=Permits(self.db, self.hub),
        )

    async def serve(self, options: Options | None = None, *, implicit_tls: bool = False) -> int:
        """Start a listener; its port."""
        server = ImapServer(self.services(options), self.tls.server_side())
        self.servers.append(server)
        return await server.listen("127.0.0.1", 0, implicit_tls=implicit_tls)

    async def deliver(self, raw: bytes, to: str = LEA, flags: str = "") -> int:
        """Into INBOX; its UID."""
        box = self.boxes[to]
        place = Place(box.inbox_id, box.holder_id, box.key, flags)
        return (await self.appender().append(spool_bytes(self.blobs, raw), place, "mx")).uid

    async def restart(self) -> None:
        """Everything ends but what is on the disk and the keys; the database is opened anew."""
        for server in self.servers:
            await server.close()
        self.servers.clear()
        url = self.db.url.render_as_string(hide_password=False)
        self.db.close()
        self.db = Db.open(url)
        self.hub = Hub()
        self.db.on_commit(self.hub.heard)

    async def close(self) -> None:
        for server in self.servers:
            await server.close()
        self.pool.shutdown()
        self.db.close()

    def appender(self) -> Appender:
        return Appender(self.db, self.trail, lambda *_: UNSIGNED, self.clock, self.pool)

    def software(self) -> None:
        """An account for LEA's mailbox whose only credential is the client certificate."""
        end = "-----END CERTIFICATE-----\n"
        first = self.tls.client[0].read_text().split(end)[0] + end  # the chain follows
        der = ssl.PEM_cert_to_DER_cert(first)
        new = NewAccount("logiciel", "software", self.boxes[LEA].mailbox_id, None, hashlib.sha256(der).hexdigest())
        self.db.run(create_account, self.keyring, new)

    def colleague(self, login: str) -> int:
        """One more account of LEA's mailbox, with the same password; its id."""
        new = NewAccount(login, "physician", self.boxes[LEA].mailbox_id, _HASH)
        return self.db.run(create_account, self.keyring, new)

    def _make(self, session: Session, name: str) -> Box:
        now = self.clock.now()
        mailbox = create_mailbox(session, self.keyring, Address.parse(name), "PER", now)
        inbox = create_default_folders(session, mailbox.id, now)["INBOX"]
        account = create_account(session, self.keyring, NewAccount(name, "physician", mailbox.id, _HASH))
        return Box(mailbox.id, mailbox.holder_id, account, inbox, holder_key(session, self.keyring, mailbox.holder_id))
