"""A patient sends a prescription from the page: three steps, their own pharmacies, nobody else's draft."""

import io
import re
import zipfile
from dataclasses import replace
from email import message_from_bytes

from sqlalchemy import func, select

from mail.tables import messages
from ops.demo_files import PHOTO_DATE, demo_patient, photo_jpeg, prescription_pdf
from portal.app import build
from tests.support.kept import PHARMACY
from tests.support.portal_world import BASE, PASSWORD, Browser, World, token_in

SAME = {"sec-fetch-site": "same-origin", "origin": BASE}
PDF = ("ordonnance.pdf", prescription_pdf(demo_patient(), PHOTO_DATE), "application/pdf")


def count(world: World) -> int:
    return world.kept.db.read(lambda session: session.execute(select(func.count()).select_from(messages)).scalar_one())


def uploaded(world: World, browser, *files, **form):
    page = browser.get("/p/envoyer").text
    form = {"jeton": token_in(page), "pharmacie": str(world.kept.pharmacy.mailbox.id), **form}
    parts = [("fichiers", file) for file in files]
    return browser.client.post("/p/envoyer/documents", data=form, files=parts or None, headers=SAME)


def test_three_steps_without_scripts(world: World):
    browser = world.signed_in(world.patient_login)
    first = browser.get("/p/envoyer").text
    assert "PHARMACIE DU PORT" in first and 'aria-current="step"' in first
    second = browser.get(f"/p/envoyer/documents?pharmacie={world.kept.pharmacy.mailbox.id}").text
    assert 'capture="environment"' in second
    answer = uploaded(world, browser, PDF)
    assert answer.status_code == 303, answer.text
    review = answer.headers["location"]
    page = browser.get(review).text
    file = re.findall(r"/p/envoyer/fichier/\d+/\d+", page)[0]
    assert browser.get(file).content == PDF[1]
    sent = browser.act(review, review, note="Bonjour", souhait="demain matin\r\nX-Evil: 1")
    assert sent.status_code == 303 and sent.headers["location"] == "/p?fait=envoyee", sent.text
    store, holder = world.services.store, world.kept.pharmacy.mailbox.holder_id
    ids = world.kept.db.read(lambda session: list(session.execute(select(messages.c.id)).scalars()))
    opened = store.open_message(ids[-1], holder)
    assert opened.meta.verdict == "pass" and b"X-Pli-Souhait: demain matin X-Evil: 1" in opened.raw
    assert browser.get(review).status_code == 404 and count(world) == 1


def test_somebody_else_s_draft_and_pharmacy_do_not_exist(world: World):
    browser = world.signed_in(world.patient_login)
    review = uploaded(world, browser, PDF).headers["location"]
    file = re.findall(r"/p/envoyer/fichier/\d+/\d+", browser.get(review).text)[0]
    for path in (review, file):
        assert world.signed_in(PHARMACY).get(path).status_code in (401, 404)
        assert world.browser().get(path).status_code == 401
    assert browser.get(f"/p/envoyer/documents?pharmacie={world.other.mailbox.id}").status_code == 400
    assert uploaded(world, browser, PDF, pharmacie=str(world.other.mailbox.id)).status_code == 400
    assert browser.get("/p/envoyer/relire/12").status_code == 404


def test_what_cannot_be_read_is_said_at_once(world: World):
    browser = world.signed_in(world.patient_login)
    for file in (("x.pdf", b"no pdf at all", "application/pdf"), ("x.jpg", b"MZ" * 40, "image/jpeg")):
        answer = uploaded(world, browser, file)
        assert answer.status_code == 400 and 'role="alert"' in answer.text
    assert "Choisissez une photo" in uploaded(world, browser).text
    assert "au plus 4" in uploaded(world, browser, *[PDF] * 5).text


def test_a_file_of_another_kind_is_told_what_is_taken(world: World):
    browser, word = world.signed_in(world.patient_login), io.BytesIO()
    with zipfile.ZipFile(word, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", "<document/>")
    heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(range(256)) * 4
    for file in (("o.docx", word.getvalue(), "application/zip"), ("o.heic", heic, "image/heic")):
        assert "Envoyez une photo (JPEG, PNG) ou un PDF." in uploaded(world, browser, file).text, file[0]


def test_too_much_is_refused_and_a_stranger_uploads_nothing(world: World):
    browser = world.signed_in(world.patient_login)
    large = ("x.pdf", b"%PDF-" + b"0" * 21 * 1024 * 1024, "application/pdf")
    assert uploaded(world, browser, large).status_code == 413
    stranger = world.browser().client
    small = ("x.pdf", b"%PDF-" + b"0" * 200_000, "application/pdf")
    assert stranger.post("/p/envoyer/documents", files=[("fichiers", small)], headers=SAME).status_code == 413


def test_a_photo_of_a_phone_s_size_passes(world: World):
    """Larger than any other form, in the demonstration and out of it."""
    large = ("x.pdf", PDF[1] + b"%" + b"0" * 300_000 + b"\n%%EOF", "application/pdf")
    for demo in (True, False):
        browser = Browser(build(replace(world.services, demo=demo)))
        browser.post("/entrer", login=world.patient_login, password=PASSWORD)
        assert uploaded(world, browser, large).status_code == 303


def test_a_browser_s_signature_that_does_not_hold_sends_nothing(world: World):
    browser = world.signed_in(world.patient_login)
    review = uploaded(world, browser, PDF).headers["location"]
    draft = review.rsplit("/", 1)[1]
    entity = browser.act(review, f"/p/envoyer/composer/{draft}")
    composed = message_from_bytes(entity.content)
    assert entity.status_code == 200 and composed["From"] == f"<{world.patient_login}>"
    assert composed.get_content_type() == "multipart/mixed" and composed.get_param("hp") == "clear"  # RFC 9788 §2.1
    assert browser.act(review, f"/p/envoyer/signer/{draft}", signature="AAAA").status_code == 409
    assert browser.act(review, f"/p/envoyer/signer/{draft}", signature="?").status_code == 400
    assert browser.act(review, "/p/cle", cle="AAAA", preuve="AAAA").status_code == 400
    assert count(world) == 0


def test_a_photo_is_looked_at_before_it_goes(world: World):
    browser = world.signed_in(world.patient_login)
    answer = uploaded(world, browser, ("photo.jpg", photo_jpeg(), "image/jpeg"))
    assert answer.status_code == 303
    page = browser.get(answer.headers["location"]).text
    assert "<img src=" in page and "Reprendre la photo" not in page
