"""A clinician writes about a patient: each recipient gets the form that was chosen, and nobody what is not for them."""

from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from sqlalchemy import select

from core.address import Address, MailboxKind
from core.errors import NotFound
from core.tables import audit
from directory.extracts.entry import Entry
from directory.importer import upsert
from directory.patients import create_patient
from mail.relay_tables import sent_messages
from ops.demo.cast import PATIENTS, address_of
from ops.demo_files import PHOTO_DATE, demo_patient, prescription_pdf
from record import consent
from record.documents import rows_of
from record.tables import documents
from record.unpack import unpack
from record.unpack.facts import CDA, PDF
from tests.support.full_cda import full_cda
from tests.support.kept import PHARMACY, filing, keep, make_home, written
from tests.support.portal_clinic import COLLEAGUE, PHYSICIAN, Clinic
from tests.support.portal_world import World, patient_login

ENTRY = Entry(
    address=PHYSICIAN,
    kind="PER",
    national_id="899700000001",
    title="DR",
    family="INVENTÉE",
    given="Léa",
    structure_id="1990000001",
    structure_name="Cabinet des Essais",
    sector="SA07",
)
CODES = ("Subject", "X-MSS-CODECDA", "X-MSS-INS", "X-MSS-MES", "Disposition-Notification-To")
SHEET = {"cle": "k", "type": "11488-4", "titre": "Toux", "texte": "Repos & eau <3.\nÀ revoir."}


@pytest.fixture
def clinic(world: World) -> Clinic:
    found = Clinic(world)
    world.kept.db.run(upsert, [ENTRY])
    found.agreed(consent.FILING)
    return found


def write(clinic: Clinic, **filled: object):
    page = f"/pro/patient/{clinic.world.kept.patient_id}/ecrire"
    return clinic.browser.act(page, page, **(SHEET | filled))


def letters(clinic: Clinic) -> list[EmailMessage]:
    """Those that were sent, oldest first, as their recipients read them."""
    kept = clinic.world.kept
    ids = kept.db.read(
        lambda session: list(
            session.execute(select(sent_messages.c.message_id).order_by(sent_messages.c.message_id)).scalars()
        )
    )
    found = []
    for message_id in ids:
        for home in (clinic.colleague, kept.patient, kept.pharmacy):
            try:
                opened = clinic.world.services.store.open_message(message_id, home.mailbox.holder_id)
            except NotFound:  # not one of theirs
                continue
            found.append(message_from_bytes(opened.raw, policy=policy.default))
            break
    return found


def files(letter: EmailMessage) -> dict[str, bytes]:
    named = {part.get_filename(): part for part in letter.walk() if part.get_filename()}
    return {name: part.get_content() for name, part in named.items() if name.endswith((".pdf", ".zip"))}


def test_each_recipient_gets_the_form_that_was_chosen(clinic: Clinic):
    theirs = {"au_patient": "true", "forme": "pdf", "sans_reponse": "true"}
    told = write(clinic, **theirs, accuse="true", a=[COLLEAGUE, PHARMACY], forme_a=["xdm", "pdf"])
    assert told.status_code == 303, told.text
    found = letters(clinic)
    to = [letter["To"].addresses[0].addr_spec for letter in found]
    assert to == [patient_login(clinic.world.kept), COLLEAGUE, PHARMACY]
    said = {name: [letter[name] for letter in found] for name in CODES}
    label = "CR ou fiche de consultation ou de visite LEVEQUE Maëlys 14/03/1979"
    assert said["Subject"] == [label, f"XDM/1.0/DDM+{label}", label]
    assert said["X-MSS-CODECDA"] == [None, "11488-4", None] and said["X-MSS-INS"] == [None, "O", None]
    assert said["X-MSS-MES"] == ["FIN", None, None]
    assert said["Disposition-Notification-To"] == [f"<{PHYSICIAN}>"] * 3
    name = "20260601_CR_ou_fiche_de_consultation_ou_de_visite_LEVEQUE_Maelys.pdf"
    assert [sorted(files(letter)) for letter in found] == [[name], [name, "IHE_XDM.zip"], [name]]


def test_the_archive_holds_what_the_pdf_shows_and_names_the_patient(clinic: Clinic):
    write(clinic, a=[COLLEAGUE], forme_a=["xdm"])
    (letter,) = letters(clinic)
    found = unpack(files(letter)["IHE_XDM.zip"], "application/zip", "IHE_XDM.zip")
    assert found.problems == () and [each.media_type for each in found.documents] == [CDA, PDF]
    document, page = found.documents
    assert page.data == next(data for name, data in files(letter).items() if name.endswith(".pdf"))
    assert page.data.startswith(b"%PDF-1.4") and b"pdfaid:part>1" in page.data
    assert document.cda.ins[0].text == demo_patient().ins.matricule and document.cda.title == "Toux"
    assert "Repos & eau <3." in page.text and "LÉVÊQUE Maëlys" in page.text


def test_documents_of_the_record_go_along(clinic: Clinic):
    (row,) = clinic.received(("a.xml", "text/xml", full_cda(demo_patient(), number="9", text="Tout va bien.")))
    told = write(clinic, a=[COLLEAGUE], forme_a=["xdm"], document=str(row.id))
    assert told.status_code == 303, told.text
    (letter,) = letters(clinic)
    assert letter["Subject"].startswith("XDM/1.0/DDM+2 documents ") and letter["X-MSS-CODECDA"] == "11488-4,57833-6"
    assert sorted(name[-6:] for name in files(letter)) == ["DM.zip", "_1.pdf", "_2.pdf"]
    kinds = [each.media_type for each in unpack(files(letter)["IHE_XDM.zip"], "", "").documents]
    assert kinds == [CDA, PDF, CDA]
    assert clinic.count(audit, audit.c.action == "document.read", audit.c.ref == row.id) == 1


def test_a_pdf_of_the_record_goes_as_pdf_alone(clinic: Clinic):
    (row,) = clinic.world.kept.db.read(rows_of, documents.c.message_id == clinic.letter)
    refused = write(clinic, a=[COLLEAGUE], forme_a=["xdm"], document=str(row.id))
    assert refused.status_code == 400 and "PDF seul" in refused.text and not letters(clinic)
    assert write(clinic, a=[COLLEAGUE], forme_a=["pdf"], document=str(row.id)).status_code == 303
    (letter,) = letters(clinic)
    assert len(files(letter)) == 2 and not letter["X-MSS-CODECDA"]


def test_sent_twice_it_leaves_once_and_changed_it_leaves_again(clinic: Clinic):
    for _ in range(2):
        assert write(clinic, au_patient="true", forme="xdm").status_code == 303
    assert clinic.count(sent_messages) == 1
    assert write(clinic, au_patient="true", forme="xdm", texte="Autre chose.").status_code == 303
    assert clinic.count(sent_messages) == 2


def test_the_patient_s_software_files_it(clinic: Clinic):
    write(clinic, au_patient="true", forme="xdm")
    kept = clinic.world.kept
    (message_id,) = kept.db.read(lambda session: list(session.execute(select(sent_messages.c.message_id)).scalars()))
    filing(kept)(message_id)
    page = clinic.browser.get(f"/pro/patient/{kept.patient_id}").text
    assert "Toux" not in page  # the sender keeps no copy of it, and has no consent
    clinic.agreed(consent.ACCESS, clinic.home.mailbox.id)
    assert "Toux" in clinic.browser.get(f"/pro/patient/{kept.patient_id}").text


@pytest.mark.parametrize(
    "filled",
    [
        {},  # nobody
        {"a": ["", " "], "forme_a": ["xdm", "xdm"]},
        {"a": ["nobody"], "forme_a": ["xdm"]},
        {"a": [f"{COLLEAGUE}\r\nBcc: x@y.example"], "forme_a": ["xdm"]},
        {"a": [COLLEAGUE], "forme_a": ["zip"]},
        {"a": [COLLEAGUE], "forme_a": ["pdf"], "type": "57833-6"},
        {"a": [COLLEAGUE], "forme_a": ["pdf"], "titre": "  "},
        {"a": [COLLEAGUE], "forme_a": ["pdf"], "texte": "\r\n "},
        {"a": [COLLEAGUE], "forme_a": ["pdf"], "document": "914"},
        {"a": [COLLEAGUE], "forme_a": ["xdm"], "titre": "a\x00b"},
        {"a": [COLLEAGUE] * 9, "forme_a": ["xdm"] * 9},
    ],
)
def test_what_is_not_complete_or_not_ours_leaves_nothing(clinic: Clinic, filled: dict[str, object]):
    assert write(clinic, **filled).status_code in (400, 404, 422)
    assert clinic.count(sent_messages) == 0


def test_another_patient_never_gets_it(clinic: Clinic):
    for address in (address_of(PATIENTS[1]), patient_login(clinic.world.kept)):
        answer = write(clinic, a=[address], forme_a=["pdf"])
        assert answer.status_code == 409 and "lui-même" in answer.text
    assert clinic.count(sent_messages) == 0


def test_an_opposition_stands(clinic: Clinic):
    clinic.agreed(consent.ACCESS, clinic.colleague.mailbox.id, granted=False)
    answer = write(clinic, a=[PHARMACY, COLLEAGUE], forme_a=["pdf", "xdm"])
    assert answer.status_code == 409 and "oppose" in answer.text and clinic.count(sent_messages) == 0
    assert write(clinic, a=[PHARMACY], forme_a=["pdf"]).status_code == 303


@pytest.mark.parametrize(("code", "to"), [("INVISIBLE_PATIENT", "patient"), ("MASQUE_PS", "colleague")])
def test_what_is_hidden_from_somebody_is_not_sent_to_them(clinic: Clinic, code: str, to: str):
    hidden = full_cda(demo_patient(), number="9", text="Tout va bien.").replace(b'code="N"', f'code="{code}"'.encode())
    (row,) = clinic.received(("a.xml", "text/xml", hidden))
    filled = {"au_patient": "true", "forme": "pdf"} if to == "patient" else {"a": [COLLEAGUE], "forme_a": ["xdm"]}
    answer = write(clinic, document=str(row.id), **filled)
    assert answer.status_code == 409 and "caché" in answer.text and clinic.count(sent_messages) == 0


def test_a_document_of_another_patient_does_not_slip_in(clinic: Clinic):
    kept, other = clinic.world.kept, PATIENTS[1]
    address = Address.parse(address_of(other))
    home = kept.db.run(make_home, kept.keyring, address, MailboxKind.PAT, "patient", kept.clock)
    kept.db.run(create_patient, kept.keyring, other, home.mailbox.id, kept.clock.now())
    theirs = keep(kept, written("Résultats", 0, prescription_pdf(other, PHOTO_DATE)), clinic.home, sender=home)
    filing(kept)(theirs)
    (row,) = kept.db.read(rows_of, documents.c.message_id == theirs)
    answer = write(clinic, a=[COLLEAGUE], forme_a=["pdf"], document=str(row.id))
    assert answer.status_code == 404 and clinic.count(sent_messages) == 0


def test_without_a_whole_entry_in_the_annuaire_there_is_no_xdm_but_a_pdf(clinic: Clinic):
    clinic.world.kept.db.run(upsert, [replace(ENTRY, structure_name="")])
    answer = write(clinic, a=[COLLEAGUE], forme_a=["xdm"])
    assert answer.status_code == 400 and "(structure)" in answer.text and clinic.count(sent_messages) == 0
    assert write(clinic, a=[COLLEAGUE], forme_a=["pdf"]).status_code == 303


def test_a_form_of_elsewhere_is_refused(clinic: Clinic):
    page = f"/pro/patient/{clinic.world.kept.patient_id}/ecrire"
    answer = clinic.browser.post(page, jeton="faux", **SHEET, a=[COLLEAGUE], forme_a=["pdf"])
    assert answer.status_code == 409 and clinic.count(sent_messages) == 0
