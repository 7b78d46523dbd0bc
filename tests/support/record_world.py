"""A small world for the record room: a patient, a pharmacy, a physician, a desk; messages laid into the real store."""

import base64
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

import record.tables  # noqa: F401  on the one MetaData before it is created
from core.address import Address
from core.audit import Trail
from core.clock import FakeClock, epoch_ms
from core.db import Db
from core.ids import new_id
from core.ins import Ins, key_of
from core.tables import audit, outbox
from crypto.keyring import SoftKeyring
from crypto.sealed import OBJECT_MAGIC, Sealer, new_key, seal, wrap_key
from directory.extracts.entry import Entry
from directory.holders import holder_key
from directory.importer import upsert
from directory.mailboxes import Mailbox, create_mailbox
from directory.patients import Identity, Patient, create_patient
from directory.tables import local_domains
from mail.blobs import Blobs
from mail.meta import MessageMeta, key_aad
from mail.mime import walk
from mail.part import dumps
from mail.spool import body_aad
from mail.store import Store
from mail.tables import bodies, message_keys, messages
from record.documents import DocumentRow, rows_of
from record.filing import FileMessage, FilingRules
from record.identity import accepted_oids
from record.letters import StoredLetters
from record.order_book import OrderBook
from record.tables import documents

DOMAIN = "demo.mssante.test"
PATIENTS = "patient.mssante.fr"
TEST_OIDS = accepted_oids(False)


def person(rank: int = 1, **changes: str) -> Identity:
    """An invented patient; the matricule says: a woman, born in March 1979."""
    traits = {"family": "DUPRÉ-L'HÔTE", "given": "Maëlys", "birth_date": "1979-03-28", "sex": "F"} | changes
    body = f"2790399124{rank:03}"
    return Identity(ins=Ins(body + key_of(body)), **traits)


def patient_address(ins: Ins) -> Address:
    return Address.parse(f"{ins.matricule}@{PATIENTS}")


@dataclass
class Sent:
    sender_mailbox_id: int
    recipients: tuple[Address, ...]
    subject: str
    text: str
    in_reply_to: str
    key: str


@dataclass
class PostOffice:
    """A Submitter that keeps what it is given; the same key is sent once."""

    sent: dict[str, tuple[int, Sent]] = field(default_factory=dict)

    def submit(
        self,
        sender_mailbox_id: int,
        recipients: tuple[Address, ...],
        subject: str,
        text: str,
        in_reply_to: str,
        idempotency_key: str,
    ) -> int:
        letter = Sent(sender_mailbox_id, recipients, subject, text, in_reply_to, idempotency_key)
        return self.sent.setdefault(idempotency_key, (new_id(), letter))[0]

    @property
    def letters(self) -> list[Sent]:
        return [letter for _number, letter in self.sent.values()]


class World:
    """Everything that the room's handlers are made with, on a real database."""

    def __init__(self, db: Db, home: Path, rules: FilingRules = FilingRules()) -> None:
        self.db, self.keyring, self.clock = db, SoftKeyring.fresh(), FakeClock()
        self.trail = Trail(lambda data: self.keyring.mac("audit", data))
        self.blobs = Blobs(home / "blobs")
        self.letters = StoredLetters(db, Store(db, self.keyring, self.blobs))
        self.book, self.post, self.rules = OrderBook(self.keyring, self.trail), PostOffice(), rules
        self.identity = person()
        self.patient, self.patient_box = db.run(self._patient, self.identity)
        self.pharmacy = db.run(self._professional, "pharmacie.1", "ORG", "SA33")
        self.physician = db.run(self._professional, "dr.aubin", "PER", "")
        self.desk = db.run(self._professional, "dossier", "SYS", "")

    @property
    def filing(self) -> FileMessage:
        return FileMessage(self.db, self.keyring, self.trail, self.clock, self.letters, self.blobs, self.rules)

    def another_patient(self, identity: Identity) -> tuple[Patient, Mailbox]:
        return self.db.run(self._patient, identity)

    def another_pharmacy(self, name: str = "pharmacie.2") -> Mailbox:
        return self.db.run(self._professional, name, "ORG", "SA33")

    def patients_are_elsewhere(self) -> None:
        """Mail for patients ends at another operator's, who writes from there."""
        self.db.run(lambda session: session.execute(delete(local_domains).where(local_domains.c.domain == PATIENTS)))

    def address(self, name: str) -> Address:
        return Address.parse(f"{name}@{DOMAIN}")

    @property
    def patient_address(self) -> Address:
        return patient_address(self.identity.ins)

    def deliver(
        self,
        raw: bytes,
        *,
        sender: Address | None = None,
        to: tuple[Address, ...] = (),
        holders: tuple[Mailbox, ...] = (),
        verdict: str = "pass",
        listener: str = "submission",
    ) -> int:
        """Lay a message into the store, as delivery would; from the patient to the pharmacy by default."""
        sender = sender or self.patient_address
        to = to or (self.address("pharmacie.1"),)
        return self.db.run(self._lay, raw, sender, to, holders or (self.pharmacy,), verdict, listener)

    def file(self, raw: bytes, **options: object) -> list[DocumentRow]:
        """Deliver, file, and read what became of it."""
        message_id = self.deliver(raw, **options)
        self.filing(message_id)
        return self.rows(message_id)

    def rows(self, message_id: int | None = None) -> list[DocumentRow]:
        conditions = [] if message_id is None else [documents.c.message_id == message_id]
        return list(self.db.read(rows_of, *conditions))

    def promises(self, kind: str) -> list[int]:
        """The refs of the outbox rows of this kind, in order."""
        return self.db.read(
            lambda s: list(s.execute(select(outbox.c.ref).where(outbox.c.kind == kind).order_by(outbox.c.id)).scalars())
        )

    def trace(self, action: str) -> list[tuple[str, str]]:
        """(actor, outcome) of this action in the trail."""
        query = select(audit.c.actor, audit.c.outcome).where(audit.c.action == action).order_by(audit.c.seq)
        return self.db.read(lambda s: [tuple(row) for row in s.execute(query)])

    def _patient(self, session: Session, identity: Identity) -> tuple[Patient, Mailbox]:
        box = create_mailbox(session, self.keyring, patient_address(identity.ins), "PAT", self.clock.now())
        return create_patient(session, self.keyring, identity, box.id, self.clock.now()), box

    def _professional(self, session: Session, name: str, kind: str, sector: str) -> Mailbox:
        address = self.address(name)
        if kind != "SYS":
            upsert(
                session, [Entry(address.key, kind, structure_name=f"PHARMACIE {name}" * (kind == "ORG"), sector=sector)]
            )
        return create_mailbox(session, self.keyring, address, kind, self.clock.now())

    def _lay(
        self,
        session: Session,
        raw: bytes,
        sender: Address,
        to: tuple[Address, ...],
        holders: tuple[Mailbox, ...],
        verdict: str,
        listener: str,
    ) -> int:
        message_id, body_id, key, at = new_id(), new_id(), new_key(), epoch_ms(self.clock.now())
        meta = _meta(raw, sender, to, verdict, listener, at)
        session.execute(
            insert(bodies),
            {
                "id": body_id,
                "storage": "row",
                "sealed": seal(key, raw, body_aad(body_id)),
                "size": len(raw),
                "created_at": at,
            },
        )
        sealed = meta.sealed(Sealer(OBJECT_MAGIC, key), message_id)
        row = {"id": message_id, "body_id": body_id, "sealed_meta": sealed, "size": len(raw)}
        session.execute(insert(messages), row | {"received_at": at, "verdict": verdict, "dedup": None})
        for box in holders:
            wrapped = wrap_key(holder_key(session, self.keyring, box.holder_id), key, key_aad(message_id))
            session.execute(
                insert(message_keys), {"message_id": message_id, "holder_id": box.holder_id, "wrapped": wrapped}
            )
        return message_id


def _meta(raw: bytes, sender: Address, to: tuple[Address, ...], verdict: str, listener: str, at: int) -> MessageMeta:
    subject = next((line[9:].decode() for line in raw.split(b"\r\n") if line.startswith(b"Subject: ")), "")
    known = {"sender": sender.text, "recipients": tuple(a.text for a in to), "verdict": verdict, "listener": listener}
    rest = {"size": len(raw), "received_at": at, "message_id": "<m1@demo.mssante.test>", "subject": subject}
    return MessageMeta(**(known | rest | {"tree_json": dumps(walk(raw)).decode()}))


def mail(*files: tuple[str, str, bytes], text: str = "Bonjour", subject: str = "Ordonnance") -> bytes:
    """A message with these attachments: (name, media type, bytes)."""
    parts = [b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + text.encode() + b"\r\n"]
    for name, media, data in files:
        shown = f'Content-Disposition: attachment; filename="{name}"\r\n'.encode() if name else b""
        head = f"Content-Type: {media}\r\nContent-Transfer-Encoding: base64\r\n".encode() + shown
        parts.append(head + b"\r\n" + base64.encodebytes(data).replace(b"\n", b"\r\n"))
    head = f"From: x@y.test\r\nSubject: {subject}\r\nMIME-Version: 1.0\r\n"
    head += "Content-Type: multipart/mixed; boundary=b42\r\n\r\n"
    return head.encode() + b"".join(b"--b42\r\n" + part + b"\r\n" for part in parts) + b"--b42--\r\n"
