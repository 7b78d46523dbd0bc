"""A small instance with everything in it that can be damaged: people, mail, documents, orders, in rows and in files."""

from dataclasses import dataclass, replace
from email.message import EmailMessage
from pathlib import Path

from sqlalchemy.orm import Session

from core.address import Address, MailboxKind
from core.audit import Event, Trail
from core.clock import FakeClock
from core.db import Db
from core.ids import new_id
from crypto.authority import Authority
from crypto.keyring import FileKeyring
from crypto.verdict import Verdict
from directory.holders import holder_key
from directory.mailboxes import Mailbox, address_of, create_mailbox
from directory.patients import create_patient
from mail.accounts import NewAccount, create_account
from mail.blobs import Blobs
from mail.folders import create_default_folders
from mail.incoming import Door
from mail.judge import UNSIGNED
from mail.lading import Lading, Place
from mail.letter import build_meta, read_letter
from mail.seals import keep_seal
from mail.spool import spool_bytes
from mail.store import Store
from ops.demo_files import PHOTO_DATE, demo_patient, photo_pdf, prescription_pdf
from record.filing import FileMessage, FilingRules
from record.letters import StoredLetters
from record.lines import propose
from record.order_book import OrderBook
from record.order_detail import Detail
from record.order_facts import Actor, Order, Wish
from record.orders import Role, State
from tests.support.made import open_made

PHARMACY = "pharmacie.9@demo.mssante.test"


@dataclass(frozen=True)
class Home:
    """One person's or pharmacy's mailbox, its INBOX and its account."""

    mailbox: Mailbox
    inbox_id: int
    account_id: int


@dataclass(frozen=True)
class Kept:
    """The instance and who lives in it."""

    db: Db
    keyring: FileKeyring
    blobs: Blobs
    trail: Trail
    clock: FakeClock
    pharmacy: Home
    patient: Home
    patient_id: int
    authority: Authority


def open_kept(url: str, folder: Path) -> Kept:
    """Everything made anew; the caller closes the database."""
    db, clock = open_made(url), FakeClock()
    keyring = FileKeyring.create(folder / "keyring.json")
    trail = Trail(lambda data: keyring.mac("audit", data))
    who = demo_patient()
    address = Address.parse(f"{who.ins.matricule}@patient.mssante.fr")
    pharmacy = db.run(make_home, keyring, Address.parse(PHARMACY), MailboxKind.ORG, "pharmacist", clock)
    patient = db.run(make_home, keyring, address, MailboxKind.PAT, "patient", clock)
    made = db.run(create_patient, keyring, who, patient.mailbox.id, clock.now())
    authority = Authority.create("DÉMO", now=clock.now())
    seal = authority.issue_smime(PHARMACY, "Pharmacie inventée", now=clock.now())
    db.run(keep_seal, keyring, pharmacy.mailbox.id, seal)
    return Kept(db, keyring, Blobs(folder / "blobs"), trail, clock, pharmacy, patient, made.id, authority)


def reopened(kept: Kept, url: str, folder: Path) -> Kept:
    """A copy of its database and keyring as an instance of its own, at the time at which all began."""
    keyring = FileKeyring.open(folder / "keyring.json")
    trail = Trail(lambda data: keyring.mac("audit", data))
    authority = replace(kept.authority, revoked=dict(kept.authority.revoked))
    blobs = Blobs(folder / "blobs")
    return replace(
        kept, db=Db.open(url), keyring=keyring, blobs=blobs, trail=trail, clock=FakeClock(), authority=authority
    )


def make_home(
    session: Session, keyring: FileKeyring, address: Address, kind: MailboxKind, role: str, clock: FakeClock
) -> Home:
    mailbox = create_mailbox(session, keyring, address, kind, clock.now())
    folders = create_default_folders(session, mailbox.id, clock.now())
    account = NewAccount(address.text, role, mailbox.id, password_hash="*", profile={"name": "Inventé"})
    return Home(mailbox, folders["INBOX"], create_account(session, keyring, account))


def written(text: str, size: int = 0, *files: bytes) -> bytes:
    """A mail of about `size` bytes and with these PDFs, CRLF lines."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "a@demo.mssante.test", PHARMACY, text
    mail["Message-ID"] = f"<{new_id()}@demo.mssante.test>"
    mail.set_content(text + "\n" + ("x" * 70 + "\n") * (size // 71))
    for number, file in enumerate(files):
        mail.add_attachment(file, maintype="application", subtype="pdf", filename=f"ordonnance{number}.pdf")
    return mail.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def prescribed(kept: Kept, verdict: Verdict = UNSIGNED) -> int:
    """The patient's mail to the pharmacy with the prescription as text and as a photo; filed. Returns its id."""
    files = (prescription_pdf(demo_patient(), PHOTO_DATE), photo_pdf())
    raw = written("Ordonnance", 0, *files)
    message_id = keep(kept, raw, kept.pharmacy, kept.patient, sender=kept.patient, verdict=verdict)
    filing(kept)(message_id)
    return message_id


def filing(kept: Kept) -> FileMessage:
    """The handler of `record.file`."""
    letters = StoredLetters(kept.db, Store(kept.db, kept.keyring, kept.blobs))
    return FileMessage(kept.db, kept.keyring, kept.trail, kept.clock, letters, kept.blobs, FilingRules())


def ordered(kept: Kept, message_id: int, text: str = "PARACÉTAMOL 1 g, comprimé : 1 comprimé matin et soir") -> Order:
    """An order drafted from this message, at the pharmacy."""
    detail = Detail(lines=propose(text), provenance="pdf")
    book = OrderBook(kept.keyring, kept.trail)
    order = kept.db.run(book.draft, message_id, kept.pharmacy.mailbox.id, kept.patient_id, detail, kept.clock.now())
    assert order is not None
    return order


def pharmacist(kept: Kept) -> Actor:
    return Actor(Role.PHARMACIST, kept.pharmacy.account_id, kept.pharmacy.mailbox.id)


def asked(kept: Kept, order: Order, note: str = "Quelle date ?") -> Order:
    """The pharmacist wants to know something."""
    book, now = OrderBook(kept.keyring, kept.trail), kept.clock.now()
    who = pharmacist(kept)
    return kept.db.run(book.move, order.id, State.QUESTION, who, now, version=order.version, wish=Wish(note))


def keep(kept: Kept, raw: bytes, *homes: Home, sender: Home | None = None, verdict: Verdict = UNSIGNED) -> int:
    """Deliver without a listener: the real body, meta-data, keys, copies and trail. Returns the message's id."""
    letter, body = read_letter(raw), spool_bytes(kept.blobs, raw)
    assert letter.description is not None
    now = kept.clock.now()
    door = Door.SUBMISSION if sender else Door.MX
    envelope = (kept.db.read(address_of, kept.keyring, sender.mailbox.id).text if sender else "", (PHARMACY,))
    meta = build_meta(letter, letter.description, body, envelope, "", verdict, now, door.value)
    body.keep()
    message_id = new_id()
    places = tuple(_place(kept, home) for home in homes)
    event = Event("mx", "mail.receive", "stored", now, message_id)
    kept.db.load(Lading(message_id, body, meta, places, now, now, (), (kept.trail.row(event),)).freight())
    return message_id


def _place(kept: Kept, home: Home) -> Place:
    holder_id = home.mailbox.holder_id
    return Place(home.inbox_id, holder_id, kept.db.read(holder_key, kept.keyring, holder_id))
