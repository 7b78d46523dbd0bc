"""A patient's page for clinicians: whose it is, what is new since the last visit, a room from it, what was sent."""

from dataclasses import replace

import pytest

from core.address import Address
from core.clock import FakeClock
from core.tables import audit
from instant.admin import Admin
from instant.case_desk import CaseDesk
from instant.enrolment import Enrolment
from instant.rooms import CASE
from instant.tables import rooms
from mail.accounts import set_password
from mail.sent import Event, note
from ops.chat_cases import ChatCases
from ops.demo_files import demo_patient
from portal.app import build
from record import consent
from record.erasure import forget_record
from record.looks import FIRST, look
from record.tables import looks
from tests.support.full_cda import full_cda
from tests.support.passwords import hashed
from tests.support.portal_chat import SERVER, in_annuaire, told
from tests.support.portal_clinic import COLLEAGUE, PHYSICIAN, Clinic
from tests.support.portal_world import PASSWORD, World
from tests.support.ports import free_port

NOW = FakeClock().now()


@pytest.fixture
def clinic(world: World) -> Clinic:
    return Clinic(world)


def page_of(clinic: Clinic) -> str:
    return clinic.browser.get(f"/pro/patient/{clinic.world.kept.patient_id}").text


def an_hour_later(clinic: Clinic) -> None:
    """Another visit: the session of the first is over, too."""
    clinic.world.kept.clock.advance(3600)
    clinic.browser = clinic.world.signed_in(PHYSICIAN)


def cda(number: str) -> tuple[str, str, bytes]:
    return (f"doc{number}.xml", "text/xml", full_cda(demo_patient(), number=number, text="Tout va bien."))


def test_what_my_messages_brought_is_there_without_any_consent(clinic: Clinic):
    page = page_of(clinic)
    assert "Maëlys LÉVÊQUE" in page and "votre premier passage" in page
    assert page.count("/pro/document/") == 1
    assert demo_patient().ins.matricule not in page
    entry = clinic.count(audit, audit.c.action == "record.list", audit.c.detail == "message")
    assert entry == 1


def test_what_others_received_is_there_only_with_consent(clinic: Clinic):
    kept = clinic.world.kept
    clinic.agreed(consent.FILING)
    clinic.received(cda("2"), to=kept.pharmacy)
    assert page_of(clinic).count('href="/pro/document/') == 1
    clinic.agreed(consent.ACCESS, clinic.home.mailbox.id)
    assert page_of(clinic).count('href="/pro/document/') == 2
    clinic.agreed(consent.ACCESS, clinic.home.mailbox.id, granted=False)
    assert page_of(clinic).count('href="/pro/document/') == 1


def test_what_is_hidden_from_professionals_stays_hidden_unless_they_received_it(clinic: Clinic):
    kept = clinic.world.kept
    clinic.agreed(consent.FILING)
    clinic.agreed(consent.ACCESS, clinic.home.mailbox.id)
    name, media, data = cda("2")
    secret = data.replace(b'code="N"', b'code="MASQUE_PS"')
    clinic.received((name, media, secret), to=kept.pharmacy)
    assert "Ordonnance du 1er juin" not in page_of(clinic)
    clinic.received((name, media, secret))  # the same, to themselves: they have it, here as in their mail
    assert "Ordonnance du 1er juin" in page_of(clinic)


def test_whose_messages_say_nothing_of_a_patient_finds_nobody_and_the_trail_says_so(clinic: Clinic, world: World):
    world.kept.db.run(set_password, clinic.colleague.account_id, hashed(PASSWORD))
    colleague = world.signed_in(COLLEAGUE)
    words = []
    for patient_id in (world.kept.patient_id, 123456789, 0):
        for path in ("", "/ecrire"):
            answer = colleague.get(f"/pro/patient/{patient_id}{path}")
            assert answer.status_code == 404 and "LÉVÊQUE" not in answer.text
            words.append(answer.text.split("<main", 1)[1].split("</main>", 1)[0])
    assert "vôtres" in words[0] and clinic.count(looks) == 0
    assert clinic.count(audit, audit.c.action == "record.list", audit.c.outcome == "refused") == 2
    assert clinic.count(audit, audit.c.action == "record.list", audit.c.outcome == "not_found") == 4


@pytest.mark.parametrize("odd", ["-1", "9" * 30, "x", "1%00"])
def test_an_odd_number_is_no_failure_of_ours(clinic: Clinic, odd: str):
    for path in (f"/pro/patient/{odd}", f"/pro/patient/{odd}/ecrire", f"/pro/envoyes/{odd}"):
        assert clinic.browser.get(path).status_code in (400, 404, 422)


@pytest.mark.parametrize("path", ["/pro/patient/{}", "/pro/patient/{}/ecrire", "/pro/envoyes", "/pro/envoyes/1"])
def test_it_is_there_for_physicians_alone(world: World, path: str):
    path = path.format(world.kept.patient_id)
    assert world.browser().get(path).status_code == 401
    assert world.signed_in("pharmacie.9@demo.mssante.test").get(path).status_code == 404


def test_what_is_new_since_the_last_visit(clinic: Clinic):
    kept = clinic.world.kept
    clinic.agreed(consent.FILING)
    page_of(clinic)
    an_hour_later(clinic)
    clinic.received(cda("3"))
    home = clinic.browser.get("/pro").text
    assert "Nouveau depuis votre dernier passage" in home and "1 nouveau document<" in home
    page = page_of(clinic)
    new = page.split('id="neuf"', 1)[1].split("</section>", 1)[0]
    assert "Ordonnance du 1er juin" in new and "1 nouveau<" in new
    assert new.count("/pro/document/") == 1
    kept.clock.advance(600)
    assert "1 nouveau<" in page_of(clinic), "the same visit"
    an_hour_later(clinic)
    assert "Rien depuis le" in page_of(clinic)
    assert "nouveau document" not in clinic.browser.get("/pro").text


def test_news_are_counted_by_the_record_s_own_door(clinic: Clinic):
    kept = clinic.world.kept
    clinic.agreed(consent.FILING)
    clinic.agreed(consent.ACCESS, clinic.home.mailbox.id)
    page_of(clinic)
    an_hour_later(clinic)
    clinic.received(cda("3"), to=kept.pharmacy)
    assert "1 nouveau document<" in clinic.browser.get("/pro").text
    assert clinic.count(audit, audit.c.action == "record.news", audit.c.outcome == "allowed") == 1
    clinic.agreed(consent.ACCESS, clinic.home.mailbox.id, granted=False)
    assert "1 nouveau document<" not in clinic.browser.get("/pro").text


def test_looks_of_two_accounts_are_apart_and_go_with_the_patient(clinic: Clinic):
    kept = clinic.world.kept
    patient_id = kept.patient_id
    assert kept.db.run(look, 1, patient_id, NOW) == FIRST
    kept.clock.advance(3600)
    assert kept.db.run(look, 2, patient_id, kept.clock.now()) == FIRST
    assert kept.db.run(look, 1, patient_id, kept.clock.now()) != FIRST
    assert clinic.count(looks) == 2
    kept.db.run(forget_record, patient_id)
    assert clinic.count(looks) == 0


def test_a_room_from_the_patient_s_page(clinic: Clinic):
    kept, world = clinic.world.kept, clinic.world
    in_annuaire(kept, PHYSICIAN, "899700000001")
    admin = Admin(f"http://127.0.0.1:{free_port()}", SERVER, "", "")
    people = Enrolment(kept.db, kept.keyring, kept.trail, kept.clock, admin, SERVER)
    services = world.services
    files = ChatCases(kept.db, kept.keyring, services.records, services.store, services.post, "1.2.3")
    desk = CaseDesk(kept.db, kept.keyring, kept.trail, kept.clock, services.store, files, people)
    chatting = replace(world, services=(made := replace(services, cases=desk)), app=build(made))
    browser = chatting.signed_in(PHYSICIAN)
    page = f"/pro/patient/{kept.patient_id}"
    assert "Ouvrir un salon" in browser.get(page).text
    people.enrol(Address.parse(PHYSICIAN))
    told(kept, clinic.home.mailbox.id)
    for _ in range(2):
        answer = browser.act(page, f"{page}/salon", cle="k")
        assert answer.headers["location"] == "/pro?fait=salon"
    assert clinic.count(rooms, rooms.c.kind == CASE) == 1
    assert browser.act(page, "/pro/patient/77/salon", cle="z").status_code in (404, 409)


def test_what_was_sent_and_what_became_of_it(clinic: Clinic):
    kept = clinic.world.kept
    sent = clinic.sent("Qu'en penses-tu ?")
    page = clinic.browser.get("/pro/envoyes").text
    assert "a@demo.mssante.test" in page and f'/pro/envoyes/{sent}">Avis<' in page
    page = clinic.browser.get(f"/pro/envoyes/{sent}").text
    assert '<p class="lead">Avis</p>' in page and page.index("Accepté") < page.index("Remis")
    kept.clock.advance(60)
    kept.db.run(note, kept.keyring, sent, Event("read", kept.clock.now(), "a@demo.mssante.test"))
    page = clinic.browser.get(f"/pro/envoyes/{sent}").text
    assert page.index("Remis") < page.index("<strong>Lu")
    assert "Lu" in clinic.browser.get("/pro/envoyes").text
    assert clinic.count(audit, audit.c.action == "mail.timeline") == 4


def test_nobody_follows_somebody_else_s_mail(clinic: Clinic, world: World):
    kept = world.kept
    message = world.services.post.submit(
        kept.pharmacy.mailbox.id, (Address.parse(COLLEAGUE),), "Stock", "Bonjour\n", "", "k1"
    )
    assert clinic.browser.get(f"/pro/envoyes/{message}").status_code == 404
    assert clinic.browser.get("/pro/envoyes/0").status_code == 404
    assert "Rien n'est parti" in clinic.browser.get("/pro/envoyes").text.replace("&#39;", "'")
