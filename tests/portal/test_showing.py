"""What opens when a document is opened: a CDA by what it carries or says, and a name that a computer knows."""

import pytest

from ops.demo_files import demo_patient
from portal.files import file_response
from record import consent
from record.unpack.open import unpack
from tests.support.full_cda import full_cda
from tests.support.portal_clinic import Clinic
from tests.support.portal_world import World
from tests.support.record_files import text_pdf

PDF = text_pdf("GLYCÉMIE", "1,1 g/l")


@pytest.fixture
def clinic(world: World) -> Clinic:
    return Clinic(world)


def said(answer) -> str:
    assert answer.status_code == 200 and answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"].startswith("inline;")
    return unpack(answer.content, "", "").documents[0].text


def test_a_cda_opens_as_the_pdf_that_it_carries(clinic: Clinic):
    row, *_more = clinic.received(("a.xml", "text/xml", full_cda(demo_patient(), pdf=PDF)))
    answer = clinic.browser.get(f"/pro/document/{row.id}")
    assert answer.content == PDF and answer.headers["content-type"] == "application/pdf"


def test_a_structured_cda_opens_as_a_page_for_the_physician_and_for_the_patient(clinic: Clinic):
    clinic.agreed(consent.FILING)
    (row,) = clinic.received(("a.xml", "text/xml", full_cda(demo_patient(), number="9", text="Tout va bien.")))
    assert "Tout va bien." in said(clinic.browser.get(f"/pro/document/{row.id}"))
    mine = clinic.world.signed_in(clinic.world.patient_login)
    assert "Tout va bien." in said(mine.get(f"/p/dossier/document/{row.id}"))
    assert "données structurées" in mine.get("/p/dossier").text


@pytest.mark.parametrize(("media_type", "ending"), [("image/tiff", "tif"), ("application/rtf", "rtf"), ("x/y", "bin")])
def test_what_no_browser_shows_is_saved_under_a_name_that_a_computer_knows(media_type: str, ending: str):
    headers = file_response(b"octets", media_type, "document-1").headers
    assert headers["content-disposition"] == f'attachment; filename="document-1.{ending}"'
    assert headers["content-type"] == "application/octet-stream"
