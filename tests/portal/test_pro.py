"""The clinician's pages over a real store: what is new by patient, a letter, its documents, the answer."""

from pathlib import Path

import pytest

from core.tables import audit
from directory.extracts import mssante
from directory.importing import Importer
from mail.folder_rows import SEEN
from mail.tables import messages
from ops.demo_files import demo_patient
from tests.support.annuaire import RULES
from tests.support.kept import PHARMACY, keep, written
from tests.support.portal_clinic import COLLEAGUE, PHYSICIAN, Clinic
from tests.support.portal_world import World


@pytest.fixture
def clinic(world: World) -> Clinic:
    return Clinic(world)


def test_what_is_new_by_patient(clinic: Clinic):
    page = clinic.browser.get("/pro").text
    assert page.index("Maëlys LÉVÊQUE") < page.index("Mes résultats") < page.index("Autres messages")
    assert page.count("1 nouveau<") == 2
    assert demo_patient().ins.matricule not in page


def test_a_letter_is_read_once_it_is_in_the_trail(clinic: Clinic):
    before = clinic.count(audit, audit.c.action == "mail.read")
    page = clinic.browser.get(f"/pro/message/{clinic.letter}").text
    assert "Mes résultats" in page
    assert "Non signée" in page
    assert "/pro/document/" in page
    assert clinic.count(audit, audit.c.action == "mail.read") == before + 1
    assert SEEN in clinic.flags(clinic.letter)
    assert clinic.browser.get("/pro").text.count("1 nouveau<") == 1


def test_html_is_shown_washed_in_a_frame_that_may_do_nothing(clinic: Clinic):
    page = clinic.browser.get(f"/pro/message/{clinic.html}").text
    assert 'sandbox=""' in page
    assert "Glycémie &amp;lt; 1 g/l" in page
    assert "alert(" not in page
    assert "ailleurs.example" not in page


def test_the_document_opens(clinic: Clinic):
    page = clinic.browser.get(f"/pro/message/{clinic.letter}").text
    number = page.split('href="/pro/document/', 1)[1].split('"', 1)[0]
    answer = clinic.browser.get(f"/pro/document/{number}")
    assert answer.content.startswith(b"%PDF")
    assert answer.headers["content-disposition"] == f'inline; filename="document-{number}.pdf"'


def test_an_answer_leaves_once(clinic: Clinic):
    letter = f"/pro/message/{clinic.letter}"
    page = clinic.browser.get(letter).text
    key = page.split('name="cle" value="', 1)[1].split('"', 1)[0]
    before = clinic.count(messages)
    for _ in range(2):
        answer = clinic.browser.act(letter, f"{letter}/repondre", cle=key, texte="Bien reçu.")
        assert answer.headers["location"] == "/pro?fait=envoye"
    assert clinic.count(messages) == before + 1


@pytest.mark.parametrize("texte", ["", "   ", "\r\n"])
def test_an_empty_answer_is_refused_kindly(clinic: Clinic, texte: str):
    letter = f"/pro/message/{clinic.letter}"
    answer = clinic.browser.act(letter, f"{letter}/repondre", cle="x", texte=texte)
    assert answer.status_code == 400
    assert "Écrivez votre message" in answer.text


@pytest.mark.parametrize("path", ["/pro", "/pro/ecrire", "/pro/message/1", "/pro/document/1", "/pro/a-verifier"])
def test_it_is_there_for_physicians_alone(world: World, path: str):
    assert world.signed_in(world.patient_login).get(path).status_code == 401
    assert world.browser().get(path).status_code == 401


def test_somebody_else_s_letter_is_not_found(clinic: Clinic, world: World):
    theirs = keep(world.kept, written("Ailleurs"), world.kept.pharmacy)
    assert clinic.browser.get(f"/pro/message/{theirs}").status_code == 404
    answer = clinic.browser.act(f"/pro/message/{clinic.letter}", f"/pro/message/{theirs}/repondre", cle="x", texte="?")
    assert answer.status_code == 404


def test_an_unknown_mailbox_is_told_in_french(clinic: Clinic):
    sheet = {"a": "personne@demo.mssante.test", "objet": "Avis", "texte": "Bonjour", "cle": "k"}
    answer = clinic.browser.act("/pro/ecrire", "/pro/ecrire", **sheet)
    assert answer.status_code == 400
    assert "Vérifiez-la dans l&#39;annuaire" in answer.text


@pytest.mark.parametrize("to", ["", "nobody", "a@b@c", "x\r\nBcc: y@z.example"])
def test_an_address_that_is_none_is_told(clinic: Clinic, to: str):
    answer = clinic.browser.act("/pro/ecrire", "/pro/ecrire", a=to, objet="Avis", texte="Bonjour", cle="k")
    assert answer.status_code in (400, 422)


def published(clinic: Clinic, folder: Path, *people: tuple[str, str]) -> None:
    """An annuaire of these family names and addresses."""
    rows = [
        mssante.Row._make([""] * len(mssante.COLUMNS))._replace(
            kind="PER", address=address, national_id=f"8990000000{number:02}", family=family, given="Anne"
        )
        for number, (family, address) in enumerate(people)
    ]
    file = folder / "mssante.txt"
    file.write_text("\n".join(["|".join(mssante.COLUMNS), *("|".join(row) for row in rows), ""]), encoding="utf-8")
    world = clinic.world
    Importer(world.kept.db, world.services.annuaire, RULES, lambda *_: None).run([file], world.kept.clock.now())


@pytest.mark.slow
def test_correspondents_for_an_address_book(clinic: Clinic, tmp_path: Path):
    """Those who wrote and those who were written to; nobody else, no patient; the look is in the trail."""
    people = (("COLLÈGUE", COLLEAGUE), ("LABO", "labo@demo.mssante.test"), ("AUTRE", "autre@demo.mssante.test"))
    published(clinic, tmp_path, *people)
    clinic.sent("Bonjour")
    before = clinic.count(audit, audit.c.action == "mail.list")
    table = clinic.browser.get("/pro/annuaire/correspondants.csv")
    assert table.headers["content-disposition"] == 'attachment; filename="correspondants.csv"'
    assert [line.split(";")[0] for line in table.text.splitlines()[1:]] == ["Anne COLLÈGUE", "Anne LABO"]
    assert COLLEAGUE in table.text and demo_patient().ins.matricule not in table.text
    assert clinic.count(audit, audit.c.action == "mail.list") == before + 1
    cards = clinic.browser.get("/pro/annuaire/correspondants.vcf")
    assert cards.text.count("BEGIN:VCARD") == 2 and "EMAIL;TYPE=work:labo@demo.mssante.test" in cards.text
    assert clinic.browser.get("/pro/annuaire/correspondants.xls").status_code == 404
    assert clinic.world.signed_in(PHARMACY).get("/pro/annuaire/correspondants.csv").status_code != 200


@pytest.mark.slow
def test_what_makes_one_certain_before_one_writes(clinic: Clinic, tmp_path: Path):
    """Name, certificate and the last letter that arrived, either way; of an unknown address, that it is unknown."""
    published(clinic, tmp_path, ("COLLÈGUE", COLLEAGUE), ("LABO", "labo@demo.mssante.test"))
    fresh = clinic.browser.get(f"/pro/ecrire?a={COLLEAGUE}").text
    assert "Anne COLLÈGUE" in fresh and "sans certificat connu" in fresh
    heard = clinic.browser.get("/pro/ecrire?a=labo@demo.mssante.test").text
    assert "dernier échange réussi" in heard
    stranger = clinic.browser.get("/pro/ecrire?a=personne@ailleurs.mssante.test").text
    assert "inconnue de l'annuaire" in stranger and "aucun échange récent" in stranger
    own = clinic.browser.get(f"/pro/ecrire?a={PHYSICIAN}").text
    assert "certificat connu" in own and "sans certificat connu" not in own
    assert "Objet" in clinic.browser.get("/pro/ecrire?a=rien").text


@pytest.mark.slow
def test_a_letter_that_was_delivered_is_an_exchange(clinic: Clinic):
    before = clinic.count(audit, audit.c.action == "mail.list")
    clinic.sent("Bonjour")
    assert "dernier échange réussi" in clinic.browser.get(f"/pro/ecrire?a={COLLEAGUE}").text
    assert clinic.count(audit, audit.c.action == "mail.list") == before + 1
