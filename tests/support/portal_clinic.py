"""A physician beside the pharmacy of `portal_world`, with letters to read."""

from email.message import EmailMessage
from email.policy import SMTP

from sqlalchemy import func, select

from core.address import Address, MailboxKind
from core.ids import new_id
from crypto.identity import Identity
from crypto.secret_mail import encrypt_message
from directory.mailboxes import address_of
from mail.accounts import set_password
from mail.compose import Attachment, Draft, header_block, mime_entity
from mail.relay_tables import sent_messages
from mail.seals import keep_seal, open_seal
from mail.tables import folder_messages
from ops.demo_files import PHOTO_DATE, demo_patient, prescription_pdf
from record import consent
from record.documents import DocumentRow, rows_of
from record.tables import documents
from tests.support.kept import Home, filing, keep, make_home, written
from tests.support.passwords import hashed
from tests.support.portal_world import PASSWORD, World

COLLEAGUE = "a@demo.mssante.test"
PHYSICIAN = "lea.inventee@demo.mssante.test"
HTML = (
    b"From: Labo <labo@demo.mssante.test>\r\nTo: <lea.inventee@demo.mssante.test>\r\nSubject: Compte rendu\r\n"
    b"Message-ID: <html@demo.mssante.test>\r\nMIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
    b"<p>Glyc\xc3\xa9mie &lt; 1 g/l</p><script>alert('non')</script><img src='http://ailleurs.example/x.png'>\r\n"
)


def moved_in(world: World, login: str, role: str) -> Home:
    """Somebody else of this role, who may sign in."""
    kept, kind = world.kept, MailboxKind.ORG if role == "operator" else MailboxKind.PER
    home = kept.db.run(make_home, kept.keyring, Address.parse(login), kind, role, kept.clock)
    kept.db.run(set_password, home.account_id, hashed(PASSWORD))
    return home


class Clinic:
    """A physician beside the pharmacy of `kept`, with a letter of the patient and a letter in HTML."""

    def __init__(self, world: World) -> None:
        kept = world.kept
        address = Address.parse(PHYSICIAN)
        self.world = world
        author = Address.parse(COLLEAGUE)  # of every letter that `written` makes
        self.colleague = kept.db.run(make_home, kept.keyring, author, MailboxKind.PER, "physician", kept.clock)
        self.home = kept.db.run(make_home, kept.keyring, address, MailboxKind.PER, "physician", kept.clock)
        kept.db.run(set_password, self.home.account_id, hashed(PASSWORD))
        seal = kept.authority.issue_smime(PHYSICIAN, "Inventée", now=kept.clock.now())
        kept.db.run(keep_seal, kept.keyring, self.home.mailbox.id, seal)
        paper = written("Mes résultats", 0, prescription_pdf(demo_patient(), PHOTO_DATE))
        self.letter = keep(kept, paper, self.home, sender=kept.patient)
        filing(kept)(self.letter)
        self.html = keep(kept, HTML, self.home)
        self.browser = world.signed_in(PHYSICIAN)

    def flags(self, message_id: int) -> str:
        query = select(folder_messages.c.flags).where(folder_messages.c.message_id == message_id)
        return self.world.kept.db.read(lambda session: session.execute(query).scalars().first())

    def count(self, table, *conditions) -> int:
        query = select(func.count()).select_from(table).where(*conditions)
        return self.world.kept.db.read(lambda session: session.execute(query).scalar_one())

    def sent(self, text: str) -> int:
        """A letter to a colleague, by the page; its id."""
        answer = self.browser.act("/pro/ecrire", "/pro/ecrire", a=COLLEAGUE, objet="Avis", texte=text, cle=text)
        assert answer.status_code == 303, answer.text
        newest = select(sent_messages.c.message_id).order_by(sent_messages.c.message_id.desc()).limit(1)
        return self.world.kept.db.read(lambda session: session.execute(newest).scalar_one())

    def agreed(self, purpose: str, grantee: int = 0, granted: bool = True) -> None:
        """The patient decides."""
        kept = self.world.kept
        now = kept.clock.now()
        kept.db.run(consent.settle, kept.trail, kept.patient_id, purpose, granted, "patient", now, grantee)

    def received(self, *files: tuple[str, str, bytes], to: Home | None = None) -> list[DocumentRow]:
        """A colleague's letter with these files about the patient, to this physician or to another mailbox; filed."""
        kept, mail = self.world.kept, EmailMessage()
        patient = kept.db.read(address_of, kept.keyring, kept.patient.mailbox.id).text
        mail["From"], mail["To"], mail["Subject"] = COLLEAGUE, patient, "Suivi"
        mail["Message-ID"] = f"<{new_id()}@demo.mssante.test>"
        mail.set_content("Bonjour\n")
        for name, media, data in files:
            main, _, sub = media.partition("/")
            mail.add_attachment(data, maintype=main, subtype=sub, filename=name)
        raw = mail.as_bytes(policy=SMTP)
        message_id = keep(kept, raw, to or self.home, kept.patient, sender=self.colleague)
        filing(kept)(message_id)
        return list(kept.db.read(rows_of, documents.c.message_id == message_id))


def secret(clinic: Clinic, to: Identity | None = None) -> int:
    """An encrypted letter with a file; by default to the seal of the physician's mailbox."""
    kept, address = clinic.world.kept, Address.parse(PHYSICIAN)
    seal = kept.db.read(open_seal, kept.keyring, clinic.home.mailbox.id)
    file = Attachment("application/pdf", "bilan.pdf", prescription_pdf(demo_patient(), PHOTO_DATE))
    words, now = ("Bilan confidentiel", "Texte caché.\n"), kept.clock.now()
    draft = Draft(address, "", [address], *words, "s@d.test", now, attachments=[file])
    raw = encrypt_message(header_block(draft), mime_entity(draft), seal, [(to or seal).certificate])
    return keep(kept, raw, clinic.home)
