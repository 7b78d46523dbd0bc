"""A pharmacy's program at `/api/record`: its key, its questions, what the patient allows it, a document to read.

Each answer is judged by fhir.resources, which is not ours.
"""

from email.message import EmailMessage
from importlib import import_module

from crypto.verdict import Reason, Verdict
from ops.demo_files import demo_patient
from record import consent, software
from record.software import SCOPES
from tests.support.full_cda import full_cda
from tests.support.kept import filing, keep
from tests.support.portal_world import World

API = "/api/record"
INS = demo_patient().ins
ALLERGY = "Pénicilline & dérivés <oedème>"


def judged(resource: dict) -> dict:
    """Read by the R4B model of its type, and every entry of a bundle too."""
    kind = resource["resourceType"]
    getattr(import_module(f"fhir.resources.R4B.{kind.lower()}"), kind)(**resource)
    for entry in resource.get("entry", ()):
        if "resource" in entry:
            judged(entry["resource"])
    return resource


class Program:
    """A pharmacy's program with a key."""

    def __init__(self, world: World, scopes: tuple[str, ...] = SCOPES) -> None:
        self.world, kept = world, world.kept
        args = (kept.pharmacy.mailbox.id, "Logiciel d'officine", frozenset(scopes), "1", kept.clock.now())
        self.entry, self.key = kept.db.run(software.register, kept.keyring, kept.trail, *args)
        self.client = world.browser().client

    def get(self, path: str, status: int = 200, **headers: str) -> dict:
        answer = self.client.get(f"{API}/{path}", headers=self._headers | headers)
        assert answer.status_code == status, answer.text
        return judged(answer.json())

    def post(self, path: str, status: int = 200, **form: str) -> dict:
        answer = self.client.post(f"{API}/{path}", data=form, headers=self._headers)
        assert answer.status_code == status, answer.text
        return judged(answer.json())

    def find(self) -> dict:
        return self.post("Patient/_search", identifier=f"urn:oid:{INS.oid}|{INS.matricule}")

    @property
    def _headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.key}"}


def agree(world: World, program: Program, agreed: bool = True) -> None:
    kept, now = world.kept, world.kept.clock.now()
    for purpose, grantee in ((consent.SOFTWARE, program.entry.id), (consent.ACCESS, kept.pharmacy.mailbox.id)):
        args = (kept.patient_id, purpose, agreed, "patient", now, grantee)
        kept.db.run(consent.settle, kept.trail, *args)


def clinical(world: World) -> int:
    """A level 3 document with an allergy section is filed."""
    section = f"<title>Allergies</title><text>{ALLERGY.replace('&', '&amp;').replace('<', '&lt;')}</text>"
    document = full_cda(demo_patient(), text="x").replace(
        b"<section><text>x</text></section>", f'<section><code code="48765-2"/>{section}</section>'.encode()
    )
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "a@demo.mssante.test", "b@demo.mssante.test", "Document"
    mail.set_content("Bonjour")
    mail.add_attachment(document, maintype="text", subtype="xml", filename="doc.xml")
    raw = mail.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    kept = world.kept
    message_id = keep(kept, raw, kept.pharmacy, kept.patient, sender=kept.patient, verdict=Verdict(Reason.OK))
    filing(kept)(message_id)
    return message_id
