"""Encrypted letters on the clinician's pages: opened with the seal where it fits, never filed, and said so."""

import pytest

from core.address import Address
from core.clock import FakeClock
from crypto.authority import Authority
from crypto.identity import Identity
from crypto.secret_mail import encrypt_message
from mail.compose import Attachment, Draft, header_block, mime_entity
from mail.seals import open_seal
from ops.demo_files import PHOTO_DATE, demo_patient, prescription_pdf
from tests.support.kept import keep
from tests.support.portal_clinic import PHYSICIAN, Clinic
from tests.support.portal_world import World

NOW = FakeClock().now()


@pytest.fixture
def clinic(world: World) -> Clinic:
    return Clinic(world)


def secret(clinic: Clinic, to: Identity | None = None) -> int:
    """An encrypted letter with a file; by default to the seal of the physician's mailbox."""
    kept, address = clinic.world.kept, Address.parse(PHYSICIAN)
    seal = kept.db.read(open_seal, kept.keyring, clinic.home.mailbox.id)
    file = Attachment("application/pdf", "bilan.pdf", prescription_pdf(demo_patient(), PHOTO_DATE))
    draft = Draft(address, "", [address], "Bilan confidentiel", "Texte caché.\n", "s@d.test", NOW, attachments=[file])
    raw = encrypt_message(header_block(draft), mime_entity(draft), seal, [(to or seal).certificate])
    return keep(kept, raw, clinic.home)


def test_an_encrypted_letter_is_opened_with_the_seal_and_filed_nowhere(clinic: Clinic):
    message_id = secret(clinic)
    assert "Bilan confidentiel" not in clinic.browser.get("/pro").text
    page = clinic.browser.get(f"/pro/message/{message_id}").text
    assert "Bilan confidentiel" in page and "Texte caché." in page and "bilan.pdf" in page
    assert "ne sont classées dans aucun dossier" in page and "/pro/document/" not in page
    found = clinic.browser.get(f"/pro/message/{message_id}/fichier/1")
    assert found.content.startswith(b"%PDF") and found.headers["content-type"] == "application/pdf"
    assert clinic.browser.get(f"/pro/message/{message_id}/fichier/2").status_code == 404
    assert clinic.browser.get(f"/pro/message/{clinic.letter}/fichier/1").status_code == 404


def test_what_only_its_owner_s_key_opens_says_so(clinic: Clinic):
    other = Authority.create("X", now=NOW).issue_smime(PHYSICIAN, "Carte", now=NOW)
    page = clinic.browser.get(f"/pro/message/{secret(clinic, other)}").text
    assert "Texte caché." not in page and "ne s'ouvre qu'avec la clé" in page.replace("&#39;", "'")


def test_encrypting_where_it_cannot_be_says_so(clinic: Clinic):
    sheet = {"a": "a@demo.mssante.test", "objet": "x", "texte": "y", "cle": "k", "chiffrer": "true"}
    answer = clinic.browser.act("/pro/ecrire", "/pro/ecrire", **sheet)
    assert answer.status_code == 400 and "Impossible de chiffrer" in answer.text
