"""A whole post office on loopback, for tests: database, keyring, people, stages, listeners on free ports.

Dr Aubin and Dr Leroux are professionals, Leroux's pharmacy is an ORG, Lea and Paul are patients; all invented.
"""

import asyncio
import ssl
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.address import Address
from core.audit import Trail
from core.clock import FakeClock
from core.db import Db
from crypto.authority import Authority
from crypto.identity import Identity as Certified
from crypto.keyring import SoftKeyring
from crypto.tls import client_context, server_context
from crypto.verdict import Verdict
from directory.holders import holder_key
from directory.mailboxes import Mailbox, create_mailbox
from directory.trusted import load_trusted
from mail import pipeline
from mail.accounts import NewAccount, create_account
from mail.announcement import Announcement
from mail.auth import Authenticator
from mail.blobs import Blobs
from mail.consign import Consigner, Queue
from mail.conversations import DISPENSED_WITHIN_DAYS
from mail.deliver import Deliverer, Names
from mail.edge import dn_text
from mail.folders import create_default_folders, find_inbox
from mail.incoming import Door
from mail.judge import UNSIGNED
from mail.line import House
from mail.listeners import Listeners, Socket
from mail.reception import Reception
from mail.spool import IN_MEMORY
from mail.store import Opened, Store
from mail.tables import folder_messages
from tests.support.passwords import hashed
from tests.support.people import invented

PASSWORD = "correct horse battery staple"
AUBIN = "dr.aubin@cabinet.example"
PHARMACY = "contact@pharmacie.example"
LEA = f"{invented(1).matricule}@patient.mssante.fr"
PAUL = f"{invented(2).matricule}@patient.mssante.fr"
ROBOT = "robot@labo.example"
POSTMASTER = "postmaster@cabinet.example"
FOREIGN = "dr.martin@hopital.test"
PEOPLE = {
    AUBIN: ("PER", "physician"),
    "dr.leroux@cabinet.example": ("PER", "physician"),
    PHARMACY: ("ORG", "pharmacist"),
    LEA: ("PAT", "patient"),
    PAUL: ("PAT", "patient"),
    ROBOT: ("APP", "software"),
}


@dataclass(frozen=True)
class Papers:
    """Certificates of one test run's authority, on disk as the listeners want them."""

    folder: Path
    authority: Authority
    operator: Certified  # another operator, listed for hopital.test
    stranger: Certified  # certified, listed for nothing
    robot: Certified

    @property
    def ca(self) -> Path:
        return self.folder / "ca.pem"

    def server(self) -> ssl.SSLContext:
        return server_context(self.folder / "server.pem", self.folder / "server.key", client_ca=self.ca)

    def client(self, who: Certified | None = None) -> ssl.SSLContext:
        """A client that checks our name, and shows a certificate when one is given."""
        if who is None:
            return client_context(self.ca)
        return client_context(self.ca, *who.save(self.folder, f"client-{who.sha256[:8]}"))


@cache
def papers(folder: Path) -> Papers:
    now = FakeClock().now()
    real = datetime.now(now.tzinfo)  # the handshake looks at the machine's clock
    authority = Authority.create("Autorité d'essai", now=real)
    authority.save(folder)
    authority.issue_server(["localhost", "127.0.0.1"], now=real).save(folder, "server")
    return Papers(
        folder,
        authority,
        authority.issue_client("Passerelle, hôpital", now=real, dns=["mx.hopital.test"]),
        authority.issue_client("Passerelle inconnue", now=real, dns=["mx.inconnu.test"]),
        authority.issue_client("Robot du labo", now=real, dns=["robot.labo.example"]),
    )


@dataclass
class PostOffice:
    """Everything in place; `start` opens a listener."""

    db: Db
    folder: Path
    insecure: bool = True
    house_options: dict = field(default_factory=dict)
    row_octets: int = IN_MEMORY
    announce: tuple[str, ...] = ("record.file",)
    verdict: Verdict = UNSIGNED
    connections: tuple[int, int] = (500, 50)

    def __post_init__(self) -> None:
        self.keyring, self.clock = SoftKeyring.fresh(), FakeClock()
        self.blobs = Blobs(self.folder / "blobs")
        self.papers = papers(self.folder)
        self.trail = Trail(lambda data: self.keyring.mac("audit", data))
        self.pool = ThreadPoolExecutor(4)
        self.mailboxes: dict[str, Mailbox] = self.db.run(self._populate)
        names = Names("localhost", "pli.example")
        self.queue = self.db.run(self._queue)
        consign = Consigner(self.db, self.keyring, self.queue, timedelta(days=5))
        told = tuple(map(Announcement, self.announce))
        self.deliverer = Deliverer(
            self.db, self.keyring, self.trail, self._judge, names, told, consign, self._judge_on_loop
        )
        self.reception = Reception(
            self.db, self.keyring, self.clock, self.blobs, self.deliverer, self._pipelines(), self.pool, self.row_octets
        )
        self.authenticator = Authenticator(self.db, self.keyring, self.clock)
        self.store = Store(self.db, self.keyring, self.blobs)
        options = {"insecure_loopback": self.insecure, **self.house_options}
        self.house = House(self.reception, self.authenticator, "localhost", POSTMASTER, **options)
        self.listeners = Listeners(self.house, *self.connections)

    def _judge(self, _raw: bytes, _sender: str | None, _at: datetime) -> Verdict:
        return self.verdict

    async def _judge_on_loop(self, raw: bytes, sender: str | None, at: datetime) -> Verdict:
        return await asyncio.to_thread(self._judge, raw, sender, at)

    def _queue(self, session: Session) -> Queue:
        address = Address.parse(POSTMASTER)
        mailbox = create_mailbox(session, self.keyring, address, "SYS", self.clock.now())
        return Queue(mailbox.id, mailbox.holder_id, holder_key(session, self.keyring, mailbox.holder_id))

    def _pipelines(self) -> dict[Door, pipeline.Pipeline]:
        days = DISPENSED_WITHIN_DAYS
        return {
            Door.MX: pipeline.mx(self.db, insecure_loopback=self.insecure),
            Door.SUBMISSION: pipeline.submission(self.db, self.keyring, dispensed_within_days=days),
            Door.COLLECT: pipeline.collect(),
        }

    def _populate(self, session: Session) -> dict[str, Mailbox]:
        now = self.clock.now()
        found = {}
        for text, (kind, role) in PEOPLE.items():
            address = Address.parse(text)
            found[text] = create_mailbox(session, self.keyring, address, kind, now)
            create_default_folders(session, found[text].id, now)
            software = role == "software"
            create_account(
                session,
                self.keyring,
                NewAccount(
                    text,
                    role,
                    found[text].id,
                    None if software else hashed(PASSWORD),
                    self.papers.robot.sha256 if software else None,
                ),
            )
        name = self.papers.operator.certificate.subject
        listed = dn_text(frozenset((part.oid.dotted_string, str(part.value)) for part in name))
        load_trusted(session, [("hopital.test", listed)])
        return found

    async def start(self, door: Door = Door.MX, *, implicit: bool = False, tls: bool = True) -> int:
        """A listener on a free port."""
        secured = self.papers.server() if tls else None
        return await self.listeners.start(Socket(door, "127.0.0.1", 0, secured, implicit))

    async def stop(self) -> None:
        await self.listeners.stop()
        self.pool.shutdown()

    def inbox(self, who: str) -> list[Opened]:
        """What this person has, oldest first."""
        mailbox = self.mailboxes[who]
        ids = self.db.read(_message_ids, mailbox.id)
        return [self.store.open_message(each, mailbox.holder_id) for each in ids]


def _message_ids(session: Session, mailbox_id: int) -> list[int]:
    inbox = find_inbox(session, mailbox_id)
    query = select(folder_messages.c.message_id).where(folder_messages.c.folder_id == inbox.id)
    return list(session.execute(query.order_by(folder_messages.c.uid)).scalars())
