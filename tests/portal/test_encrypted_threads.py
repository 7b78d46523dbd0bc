"""« Chiffrer » where a patient, a pharmacy or a clinician answers: both sides read it, nothing of it is filed."""

import pytest
from sqlalchemy import delete, func, select

from crypto.verdict import Reason, Verdict
from directory.mailboxes import address_of
from mail.deciphering import says_encrypted
from mail.meta import MessageMeta
from mail.seals import keep_seal
from mail.tables import seal_keys
from ops.demo_files import photo_pdf
from record.order_facts import Order
from record.order_thread import thread_of
from record.tables import documents
from tests.support.browser import look, page_of, sign_in
from tests.support.kept import PHARMACY, Home, ordered, prescribed
from tests.support.portal_clinic import Clinic, secret
from tests.support.portal_world import Browser, World, served

WORDS = "Je prends aussi un traitement dont je ne veux parler qu'à vous."
BOX = 'name="chiffrer"'


def sealed(world: World, home: Home, name: str) -> None:
    """The mailbox has a seal of the authority that this world trusts."""
    kept = world.kept
    address = kept.db.read(address_of, kept.keyring, home.mailbox.id)
    seal = kept.authority.issue_smime(address.text, name, now=kept.clock.now())
    kept.db.run(keep_seal, kept.keyring, home.mailbox.id, seal)


@pytest.fixture
def order(world: World) -> Order:
    sealed(world, world.kept.patient, "Patiente inventée")
    return ordered(world.kept, prescribed(world.kept, Verdict(Reason.OK)))


def last(world: World, order: Order, holder: Home) -> tuple[bytes, MessageMeta]:
    letter = world.kept.db.read(thread_of, order.id)[-1]
    opened = world.services.store.open_message(letter.message_id, holder.mailbox.holder_id)
    return opened.raw, opened.meta


def sides(world: World, order: Order) -> tuple[Browser, Browser, str]:
    counter, patient = world.signed_in(PHARMACY), world.signed_in(world.patient_login)
    return counter, patient, f"/officine/commande/{order.number}"


def filed(world: World) -> int:
    return world.kept.db.read(lambda session: session.execute(select(func.count()).select_from(documents)).scalar_one())


def test_the_patient_s_words_are_read_by_both_sides_alone(world: World, order: Order):
    counter, patient, path = sides(world, order)
    before = filed(world)
    assert BOX in patient.get("/p").text
    assert patient.act("/p", f"/p/repondre/{order.number}", texte=WORDS, chiffrer="true").status_code == 303
    raw, meta = last(world, order, world.kept.pharmacy)
    assert says_encrypted(meta.tree) and b"traitement" not in raw and filed(world) == before
    for page in (counter.get(path).text, patient.get("/p").text):
        assert "ne veux parler" in page and "chiffré</p>" in page and "Signature valide" in page


def test_the_pharmacy_s_words_too(world: World, order: Order):
    counter, patient, path = sides(world, order)
    assert BOX in counter.get(path).text
    assert (
        counter.act(path, f"{path}/repondre", texte="Venez seule, s'il vous plaît.", chiffrer="true").status_code == 303
    )
    assert says_encrypted(last(world, order, world.kept.patient)[1].tree)
    assert "Venez seule" in patient.get("/p").text and "Venez seule" in counter.get(path).text


def test_without_the_box_it_is_signed_as_before(world: World, order: Order):
    counter, patient, path = sides(world, order)
    assert patient.act("/p", f"/p/repondre/{order.number}", texte="Le 3 juin.").status_code == 303
    assert not says_encrypted(last(world, order, world.kept.pharmacy)[1].tree)
    page = counter.get(path).text
    assert "Le 3 juin." in page and "chiffré</p>" not in page


def test_a_photo_is_never_encrypted_away_from_the_record(world: World, order: Order):
    _counter, patient, _path = sides(world, order)
    token = patient.get("/p").text.split('name="jeton" value="', 1)[1].split('"', 1)[0]
    answer = patient.client.post(
        f"/p/repondre/{order.number}",
        data={"jeton": token, "texte": WORDS, "chiffrer": "true"},
        files={"photo": ("o.pdf", photo_pdf(), "application/pdf")},
        headers={"sec-fetch-site": "same-origin", "origin": "http://127.0.0.1"},
    )
    assert answer.status_code == 400 and "ne serait pas classée" in answer.text
    assert len(world.kept.db.read(thread_of, order.id)) == 0


def test_without_a_certificate_there_is_no_box_and_no_way_around(world: World, order: Order):
    counter, patient, path = sides(world, order)
    kept = world.kept
    kept.db.run(lambda session: session.execute(delete(seal_keys)))
    assert BOX not in patient.get("/p").text and BOX not in counter.get(path).text
    answer = patient.act("/p", f"/p/repondre/{order.number}", texte=WORDS, chiffrer="true")
    assert answer.status_code == 400 and "Impossible de chiffrer" in answer.text
    assert kept.db.read(thread_of, order.id) == ()


@pytest.mark.parametrize("value", ["peut-être", "2", "<script>"])
def test_a_box_that_says_nonsense_sends_nothing(world: World, order: Order, value: str):
    _counter, patient, _path = sides(world, order)
    assert patient.act("/p", f"/p/repondre/{order.number}", texte=WORDS, chiffrer=value).status_code == 400
    assert world.kept.db.read(thread_of, order.id) == ()


def test_what_neither_seal_opens_says_so(world: World, order: Order):
    counter, patient, path = sides(world, order)
    assert patient.act("/p", f"/p/repondre/{order.number}", texte=WORDS, chiffrer="true").status_code == 303
    sealed(world, world.kept.pharmacy, "Une clé renouvelée")
    assert "ne veux parler" in counter.get(path).text  # the earlier one is kept
    world.kept.db.run(lambda session: session.execute(delete(seal_keys)))
    sealed(world, world.kept.pharmacy, "Une autre clé")
    page = counter.get(path).text
    assert "ne veux parler" not in page and "ne s'ouvre qu'avec la clé" in page


def test_a_clinician_answers_an_encrypted_letter_encrypted(world: World):
    clinic = Clinic(world)
    sealed(world, clinic.home, "Léa inventée")
    path = f"/pro/message/{secret(clinic)}"
    page = clinic.browser.get(path).text
    assert "checked" in page.split(BOX, 1)[1][:120]
    assert clinic.browser.act(path, f"{path}/repondre", cle="k", texte=WORDS, chiffrer="true").status_code == 303
    plain = clinic.browser.get(f"/pro/message/{clinic.letter}").text
    assert BOX not in plain  # its author has no certificate here
    answer = clinic.browser.act(
        f"/pro/message/{clinic.letter}", f"/pro/message/{clinic.letter}/repondre", cle="l", texte=WORDS, chiffrer="true"
    )
    assert answer.status_code == 400 and "Impossible de chiffrer" in answer.text


@pytest.mark.slow
def test_in_a_browser(world: World, order: Order, chromium):
    counter, _patient, path = sides(world, order)
    counter.act(path, f"{path}/repondre", texte="Une question, pour vous seule.", chiffrer="true")
    with served(world.app) as base:
        for login, where, name in (
            (world.patient_login, "/p", "chiffrer-patient"),
            (PHARMACY, path, "chiffrer-officine"),
        ):
            page = page_of(chromium)
            sign_in(page, base, login)
            page.goto(base + where)
            if login == world.patient_login:
                page.click("summary:has-text('Messages avec')")
            look(page, name)
            page.context.close()
