"""A physician beside the pharmacy of `portal_world`, with letters to read."""

from sqlalchemy import func, select

from core.address import Address, MailboxKind
from crypto.authority import Authority
from crypto.passwords import hash_password
from mail.accounts import set_password
from mail.seals import keep_seal
from mail.tables import folder_messages
from ops.demo_files import PHOTO_DATE, demo_patient, prescription_pdf
from tests.support.kept import Home, _home, filing, keep, written
from tests.support.portal_world import PASSWORD, World

PHYSICIAN = "lea.inventee@demo.mssante.test"
HTML = (
    b"From: Labo <labo@demo.mssante.test>\r\nTo: <lea.inventee@demo.mssante.test>\r\nSubject: Compte rendu\r\n"
    b"Message-ID: <html@demo.mssante.test>\r\nMIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
    b"<p>Glyc\xc3\xa9mie &lt; 1 g/l</p><script>alert('non')</script><img src='http://ailleurs.example/x.png'>\r\n"
)


def moved_in(world: World, login: str, role: str) -> Home:
    """Somebody else of this role, who may sign in."""
    kept, kind = world.kept, MailboxKind.ORG if role == "operator" else MailboxKind.PER
    home = kept.db.run(_home, kept.keyring, Address.parse(login), kind, role, kept.clock)
    kept.db.run(set_password, home.account_id, hash_password(PASSWORD))
    return home


class Clinic:
    """A physician beside the pharmacy of `kept`, with a letter of the patient and a letter in HTML."""

    def __init__(self, world: World) -> None:
        kept = world.kept
        address = Address.parse(PHYSICIAN)
        self.world = world
        author = Address.parse("a@demo.mssante.test")  # of every letter that `written` makes
        kept.db.run(_home, kept.keyring, author, MailboxKind.PER, "physician", kept.clock)
        self.home = kept.db.run(_home, kept.keyring, address, MailboxKind.PER, "physician", kept.clock)
        kept.db.run(set_password, self.home.account_id, hash_password(PASSWORD))
        seal = Authority.create("DÉMO", now=kept.clock.now()).issue_smime(PHYSICIAN, "Inventée", now=kept.clock.now())
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
