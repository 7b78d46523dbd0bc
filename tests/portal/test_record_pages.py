"""`/p/dossier`: documents, synthesis, who read and why, rights, the end. Last in a real browser, by axe."""

import re

import pytest
from playwright.sync_api import Browser as Chromium

from core.audit import Event
from core.errors import Refused
from crypto.verdict import Reason, Verdict
from directory.extracts.entry import Entry
from directory.importer import upsert
from directory.patients import Identity, create_patient, get_patient
from portal.actors import actor_name, mailbox_label
from record import consent, representatives
from record.access import Reader
from record.break_glass import open_glass
from record.orders import State
from record.representatives import Kind, Representative
from tests.support.browser import page_of, picture, sign_in, too_wide, violations
from tests.support.kept import PHARMACY, ordered, prescribed
from tests.support.people import CHILD
from tests.support.portal_clinic import COLLEAGUE, moved_in
from tests.support.portal_program import Program, agree, clinical
from tests.support.portal_world import Browser, World, confirmed, moved, served, token_in


def me(world: World) -> Browser:
    return world.signed_in(world.patient_login)


def first_document(world: World) -> int:
    found = world.services.records.list(Reader(1, world.kept.patient.mailbox.id), world.kept.patient_id)
    return found[0].row.id


def act(browser: Browser, page: str, path: str, **form: str) -> str:
    answer = browser.act(page, path, **form)
    assert answer.status_code == 303, answer.text
    return browser.get(answer.headers["location"]).text


def test_documents_are_listed_opened_found_and_sandboxed(world: World) -> None:
    prescribed(world.kept, Verdict(Reason.OK))
    clinical(world)
    browser = me(world)
    page = browser.get("/p/dossier").text
    assert page.count("<article") == 3 and "Ordonnance du 1er juin" in page
    found = browser.get("/p/dossier?q=penicilline").text
    assert found.count("<article") == 1 and "Pénicilline &amp; dérivés" in found
    answer = browser.get(f"/p/dossier/document/{first_document(world)}")
    assert answer.content.startswith(b"%PDF") and "default-src 'none'" in answer.headers["content-security-policy"]
    assert "Pénicilline &amp; dérivés &lt;oedème&gt;" in browser.get("/p/dossier/synthese").text


def test_hiding_showing_and_removing(world: World) -> None:
    prescribed(world.kept, Verdict(Reason.OK))
    number, browser = first_document(world), me(world)
    path = f"/p/dossier/document/{number}"
    assert "Caché aux professionnels" in act(browser, "/p/dossier", f"{path}/visible", qui="pro", cacher="oui")
    assert "Caché aux professionnels" not in act(browser, "/p/dossier", f"{path}/visible", qui="pro", cacher="non")
    assert browser.act("/p/dossier", f"{path}/retirer").status_code == 400
    page = act(browser, "/p/dossier", f"{path}/retirer", sur="oui")
    assert "retiré et détruit" in page and page.count("<article") == 1
    assert browser.get(path).status_code == 404


def test_who_read_what_and_why(world: World) -> None:
    prescribed(world.kept, Verdict(Reason.OK))
    number = first_document(world)
    world.services.records.read(Reader(world.kept.pharmacy.account_id, world.kept.pharmacy.mailbox.id), number)
    program = Program(world)
    program.get(f"List/{world.kept.patient_id}", 403)
    agree(world, program)
    program.get(f"List/{world.kept.patient_id}")
    page = me(world).get("/p/dossier/acces").text
    assert "l&#39;a reçu par messagerie" in page and "PHARMACIE DU PORT" in page
    assert (
        "Le logiciel « Logiciel d&#39;officine »" in page
        and "<strong>refusé</strong>" in page
        and "avec votre accord" in page
    )


def test_what_became_of_an_order_is_told_in_words(world: World) -> None:
    order = ordered(world.kept, prescribed(world.kept, Verdict(Reason.OK)))
    confirmed(world.kept, moved(world.kept, order, State.TAKEN))
    page = me(world).get("/p/dossier/acces").text
    lines = [" ".join(each.split()) for each in re.findall(r"<p><strong>(.+?)</p>", page, re.DOTALL)]
    assert "Pli</strong> a préparé une commande à partir d&#39;un message" in lines
    assert any("a changé l&#39;état d&#39;une commande" in each for each in lines)
    assert any("a confirmé les lignes d&#39;une commande" in each for each in lines)
    assert not [each for each in lines if re.search(r"[a-z]\.[a-z]", each)]  # our own words for acts


def test_an_act_without_a_name_is_told_without_our_word_for_it(world: World) -> None:
    kept, services = world.kept, world.services
    holder = kept.db.read(get_patient, kept.patient_id).holder_id
    event = Event("system", "thing.invented", "done", services.clock.now(), holder_id=holder)
    kept.db.run(services.trail.record, event)
    page = me(world).get("/p/dossier/acces").text
    assert "a agi sur le dossier" in page and "thing.invented" not in page


def test_a_person_whose_mailbox_bears_their_name_is_named_once(world: World) -> None:
    kept, home = world.kept, moved_in(world, COLLEAGUE, "physician")  # the account's name: Inventé
    kept.db.run(upsert, [Entry(address=COLLEAGUE, kind="PER", national_id="899000000001", family="INVENTÉ")])
    assert kept.db.read(mailbox_label, kept.keyring, home.mailbox.id) == "INVENTÉ"
    assert kept.db.read(actor_name, kept.keyring, str(home.account_id)) == "Inventé"


def test_an_emergency_is_flagged(world: World) -> None:
    kept, services = world.kept, world.services
    assert "Urgence" not in me(world).get("/p/dossier/acces").text
    services.db.run(
        lambda session: open_glass(
            session,
            services.keyring,
            services.trail,
            account_id=kept.pharmacy.account_id,
            mailbox_id=kept.pharmacy.mailbox.id,
            patient_id=kept.patient_id,
            reason="Patiente inconsciente, allergies inconnues",
            now=services.clock.now(),
        )
    )
    page = me(world).get("/p/dossier/acces").text
    assert "Urgence</span>" in page and "a ouvert le dossier en urgence, sans accord préalable" in page


def test_oppositions_and_agreements_take_effect_at_once(world: World) -> None:
    prescribed(world.kept, Verdict(Reason.OK))
    program, browser = Program(world), me(world)
    page = "/p/dossier/droits"
    number = str(program.entry.id)
    box = str(world.kept.pharmacy.mailbox.id)
    assert "Logiciel d&#39;officine" in act(browser, page, page, pour="software", qui=number, accord="oui")
    act(browser, page, page, pour="access", qui=box, accord="oui")
    program.get(f"List/{world.kept.patient_id}")
    assert "opposez à toute lecture" in act(browser, page, page, pour="access", qui="0", accord="non")
    program.get(f"List/{world.kept.patient_id}", 403)
    act(browser, page, page, pour="access", qui="0", accord="oui")
    program.get(f"List/{world.kept.patient_id}")
    assert "même en urgence" in act(browser, page, page, pour="emergency", accord="non")
    assert world.kept.db.read(consent.is_denied, world.kept.patient_id, consent.EMERGENCY)
    assert browser.act(page, page, pour="order", accord="oui").status_code != 303


def test_a_parent_sees_the_child_and_nobody_elses_record(world: World) -> None:
    kept, now = world.kept, world.kept.clock.now()
    child = Identity(CHILD, "LÉVÊQUE", "Zoé", "2019-03-28", "F")
    made = kept.db.run(create_patient, kept.keyring, child, world.other.mailbox.id, now)
    browser = me(world)
    assert browser.get(f"/p/dossier?de={made.id}").status_code == 404
    found = Representative(made.id, kept.patient.mailbox.id, Kind.PARENT)
    kept.db.run(representatives.appoint, kept.keyring, kept.trail, found, "operator", now)
    assert "Zoé LÉVÊQUE" in browser.get("/p/dossier").text
    assert "Documents de Zoé LÉVÊQUE" in browser.get(f"/p/dossier?de={made.id}").text
    assert "Droits de Zoé LÉVÊQUE" in browser.get(f"/p/dossier/droits?de={made.id}").text


def test_erasing_asks_for_a_word_and_is_done_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    erased: list[tuple[int, str]] = []
    object.__setattr__(world.services, "erase", lambda patient, actor: erased.append((patient, actor)))
    browser = me(world)
    assert browser.act("/p/dossier/effacer", "/p/dossier/effacer", mot="oui").status_code == 400
    assert browser.act("/p/dossier/effacer", "/p/dossier/effacer", mot="effacer").status_code == 303
    assert erased == [(world.kept.patient_id, str(world.kept.patient.account_id))]


def test_a_professional_has_no_such_pages_and_a_form_needs_its_token(world: World) -> None:
    pharmacy = world.signed_in(PHARMACY)
    for path in ("", "/acces", "/droits", "/synthese", "/effacer"):
        assert pharmacy.get(f"/p/dossier{path}").status_code == 401
    browser = me(world)
    assert token_in(browser.get("/p/dossier/droits").text)
    assert browser.post("/p/dossier/droits", pour="access", accord="oui", jeton="x").status_code == 409
    with pytest.raises(Refused):
        world.services.records.list(Reader(9, world.other.mailbox.id), world.kept.patient_id)


@pytest.mark.slow
@pytest.mark.parametrize("size", ["phone", "counter"])
def test_the_pages_are_accessible(world: World, chromium: Chromium, size: str) -> None:
    prescribed(world.kept, Verdict(Reason.OK))
    clinical(world)
    program = Program(world)
    agree(world, program)
    world.kept.db.run(
        consent.ask, world.kept.patient_id, consent.ACCESS, world.kept.clock.now(), world.other.mailbox.id
    )
    with served(world.app) as base:
        page = page_of(chromium, size)
        sign_in(page, base, world.patient_login)
        for path in ("", "?q=ordonnance", "/synthese", "/acces", "/droits", "/effacer"):
            page.goto(f"{base}/p/dossier{path}")
            picture(page, f"dossier-{size}-{path.strip('/?').replace('=', '-') or 'liste'}")
            assert violations(page) == [], path
            assert not too_wide(page), path
            assert page.locator("h1").count() == 1
