"""Encrypted letters on the clinician's pages: opened with the seal where it fits, never filed, and said so."""

import pytest

from core.clock import FakeClock
from crypto.authority import Authority
from tests.support.portal_clinic import PHYSICIAN, Clinic, secret
from tests.support.portal_world import World

NOW = FakeClock().now()


@pytest.fixture
def clinic(world: World) -> Clinic:
    return Clinic(world)


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
