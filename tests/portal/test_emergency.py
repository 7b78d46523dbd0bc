"""`/pro/urgence` and its review: one patient, a reason, an hour; the patient sees it, somebody else judges it."""

import re

import pytest
from playwright.sync_api import Browser as Chromium
from sqlalchemy import select

from core.tables import audit
from directory.patients import Identity, create_patient, get_patient
from ops.demo_files import demo_patient
from record import break_glass, consent, representatives
from record.access import Reader
from record.representatives import Kind, Representative
from record.tables import break_glass as rows
from tests.support.browser import look, page_of, sign_in
from tests.support.kept import PHARMACY, prescribed
from tests.support.people import CHILD
from tests.support.portal_clinic import PHYSICIAN, Clinic, moved_in
from tests.support.portal_world import Browser, World, served

WHY = "Patiente inconsciente aux urgences, allergies inconnues"
PAGE, OPERATOR, COLLEAGUE = "/pro/urgence", "exploitation@demo.mssante.test", "noe.inventee@demo.mssante.test"
SPACED = " ".join(("2", "79", "03", "99", "123", "001", "92"))


class Ward:
    """The clinic with a patient who never wrote to it, documents in the record, a colleague and an operator."""

    def __init__(self, world: World) -> None:
        kept = self.kept = world.kept
        self.world, self.clinic = world, Clinic(world)
        self.letter = prescribed(kept)
        self.who = demo_patient()
        moved_in(world, OPERATOR, "operator")
        moved_in(world, COLLEAGUE, "physician")

    @property
    def me(self) -> Browser:
        return self.clinic.browser

    def ask(self, browser: Browser | None = None, **changed: str):
        form = {"matricule": self.who.ins.matricule, "naissance": self.who.birth_date, "motif": WHY} | changed
        return (browser or self.me).act(PAGE, PAGE, **form)

    def opened(self) -> str:
        """The page of the open record."""
        answer = self.ask()
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    def glasses(self) -> list[int]:
        return self.kept.db.read(lambda session: list(session.execute(select(rows.c.id).order_by(rows.c.id)).scalars()))

    def acts(self, actor: int, *actions: str) -> list[tuple[str, str, str]]:
        query = select(audit.c.action, audit.c.outcome, audit.c.detail).order_by(audit.c.seq)
        found = query.where(audit.c.actor == str(actor), audit.c.action.in_(actions))
        return self.kept.db.read(lambda session: [tuple(row) for row in session.execute(found)])

    def document(self) -> int:
        """One that only the patient and the pharmacy may read."""
        services, kept = self.world.services, self.kept
        reader = Reader(kept.patient.account_id, kept.patient.mailbox.id)
        found = services.records.list(reader, kept.patient_id)
        return next(each.row.id for each in found if each.meta and each.row.message_id == self.letter)


@pytest.fixture
def ward(world: World) -> Ward:
    return Ward(world)


def test_it_opens_reads_and_tells_the_time_that_is_left(ward: Ward) -> None:
    path = f"/pro/document/{ward.document()}"
    assert ward.me.get(path).status_code == 409
    page = ward.me.get(ward.opened()).text
    assert f"{ward.who.given} {ward.who.family}" in page and WHY in page and '<span id="minutes">60</span>' in page
    assert page.count("<article") >= 2 and f'href="{path}"' in page and ward.who.ins.matricule not in page
    assert ward.me.get(path).status_code == 200
    account = ward.clinic.home.account_id
    assert ward.acts(account, "glass.open", "record.list", "document.read") == [
        ("document.read", "refused", ""),
        ("glass.open", "allowed", ""),
        ("record.list", "allowed", "emergency"),
        ("document.read", "allowed", "emergency"),
    ]
    ward.kept.clock.advance(25 * 60)
    assert '<span id="minutes">35</span>' in ward.me.get(f"{PAGE}/{ward.glasses()[0]}").text
    assert "Un dossier est ouvert jusqu'au" in ward.me.get(PAGE).text


def test_a_matricule_is_typed_as_people_write_it(ward: Ward) -> None:
    assert ward.ask(matricule=SPACED).status_code == 303


@pytest.mark.parametrize(
    ("changed", "status", "said"),
    [
        ({"motif": ""}, 400, "une phrase"),
        ({"motif": "   vite !   "}, 400, "une phrase"),
        ({"motif": "x" * 501}, 400, "une phrase"),
        ({"motif": "x" * 5000}, 400, ""),
        ({"matricule": ""}, 404, "Vérifiez les deux"),
        ({"matricule": "279039912300193"}, 404, "Vérifiez les deux"),
        ({"matricule": "' OR 1=1 --"}, 404, "Vérifiez les deux"),
        ({"naissance": "1979-03-27"}, 404, "Vérifiez les deux"),
        ({"naissance": ""}, 404, "Vérifiez les deux"),
        ({"naissance": "<script>"}, 404, "Vérifiez les deux"),
    ],
)
def test_what_is_missing_or_wrong_opens_nothing(ward: Ward, changed: dict[str, str], status: int, said: str) -> None:
    answer = ward.ask(**changed)
    assert answer.status_code == status and said in answer.text and "<script>" not in answer.text
    assert ward.who.ins.matricule not in answer.text
    assert ward.glasses() == []
    wanted = [("glass.open", "not_found", "")] if status == 404 else []
    assert ward.acts(ward.clinic.home.account_id, "glass.open") == wanted


def test_when_the_hour_is_over_nothing_is_shown_or_read(ward: Ward) -> None:
    page = ward.opened()
    ward.kept.clock.advance(20 * 60)
    ward.me.get(PAGE)
    ward.kept.clock.advance(20 * 60)
    ward.me.get(PAGE)
    ward.kept.clock.advance(20 * 60)
    over = ward.me.get(page)
    assert over.status_code == 200 and "terminé" in over.text
    assert ward.who.family not in over.text and WHY not in over.text and "<article" not in over.text
    assert ward.me.get(f"/pro/document/{ward.document()}").status_code == 409
    assert ward.acts(ward.clinic.home.account_id, "document.read") == [("document.read", "refused", "")]


def test_closing_ends_it_before_its_time(ward: Ward) -> None:
    page = ward.opened()
    assert ward.me.post(f"{page}/fin", jeton="faux").status_code == 409
    assert '<span id="minutes">' in ward.me.get(page).text
    assert ward.me.act(page, f"{page}/fin").status_code == 303
    assert "terminé" in ward.me.get(page).text
    assert ward.me.get(f"/pro/document/{ward.document()}").status_code == 409


def test_a_second_one_for_the_same_patient_gives_no_more_time(ward: Ward) -> None:
    page = ward.opened()
    ward.kept.clock.advance(20 * 60)
    assert ward.ask(motif="Une tout autre raison de regarder").headers["location"] == page
    assert '<span id="minutes">40</span>' in ward.me.get(page).text and len(ward.glasses()) == 1


def test_it_opens_one_patient_s_record_and_no_other_s(ward: Ward) -> None:
    kept = ward.kept
    stranger = Identity(CHILD, "TIERS", "Zoé", "2019-03-28", "F")
    made = kept.db.run(create_patient, kept.keyring, stranger, None, kept.clock.now())
    ward.opened()
    account, box = ward.clinic.home.account_id, ward.clinic.home.mailbox.id
    assert ward.world.services.records.ground(Reader(account, box), made.id) is None
    second = ward.ask(matricule=stranger.ins.matricule, naissance=stranger.birth_date)
    assert second.status_code == 303 and len(ward.glasses()) == 2
    page = ward.me.get(second.headers["location"]).text
    assert "TIERS" in page and ward.who.family not in page


def test_an_objection_and_the_fifth_of_a_day_are_said_and_refused(ward: Ward) -> None:
    kept = ward.kept
    for _ in range(break_glass.A_DAY):
        page = ward.opened()
        assert ward.me.act(page, f"{page}/fin").status_code == 303
    assert ward.ask().status_code == 409 and "en un jour" in ward.ask().text
    args = (kept.patient_id, consent.EMERGENCY, False, "patient", kept.clock.now())
    kept.db.run(consent.settle, ward.world.services.trail, *args)
    refused = ward.ask()
    assert refused.status_code == 409 and "opposé aux accès d&#39;urgence" in refused.text
    assert len(ward.glasses()) == break_glass.A_DAY


def test_an_objection_during_the_hour_ends_it(ward: Ward) -> None:
    page, kept = ward.opened(), ward.kept
    args = (kept.patient_id, consent.EMERGENCY, False, "patient", kept.clock.now())
    kept.db.run(consent.settle, ward.world.services.trail, *args)
    answer = ward.me.get(page)
    assert answer.status_code == 409 and ward.who.family not in answer.text


@pytest.mark.parametrize("who", ["stranger", "patient", "pharmacist", "colleague", "operator"])
def test_somebody_else_s_opening_is_nobody_s(ward: Ward, who: str) -> None:
    page = ward.opened()
    logins = {"patient": ward.world.patient_login, "pharmacist": PHARMACY, "colleague": COLLEAGUE, "operator": OPERATOR}
    browser = ward.world.signed_in(logins[who]) if who in logins else ward.world.browser()
    wanted = 401 if who in ("stranger", "patient") else 404  # here the patient's session is for /p alone
    for answer in (browser.get(page), browser.post(f"{page}/fin", jeton="x")):
        expected = (404, 409) if who == "colleague" else (wanted,)
        assert answer.status_code in expected and ward.who.family not in answer.text and WHY not in answer.text
    if who == "colleague":
        assert browser.act(PAGE, f"{page}/fin").status_code == 404
        assert browser.get(f"/pro/document/{ward.document()}").status_code == 409
    if who not in ("colleague",):
        asked = browser.post(PAGE, jeton="x", matricule=ward.who.ins.matricule, naissance="1979-03-28", motif=WHY)
        assert asked.status_code == wanted
    if who != "operator":
        review = f"/admin/urgence/{ward.glasses()[0]}"
        assert browser.get(review).status_code == wanted
        assert browser.post(review, jeton="x", avis="vu").status_code == wanted
    assert '<span id="minutes">60</span>' in ward.me.get(page).text


def test_without_the_form_s_token_nothing_opens(ward: Ward) -> None:
    form = {"matricule": ward.who.ins.matricule, "naissance": ward.who.birth_date, "motif": WHY}
    assert ward.me.post(PAGE, jeton="faux", **form).status_code == 409
    cross = {"sec-fetch-site": "cross-site", "origin": "https://ailleurs.example"}
    assert ward.me.client.post(PAGE, data=form, headers=cross).status_code == 403
    assert ward.glasses() == []


def test_the_patient_sees_who_when_and_why_at_once(ward: Ward) -> None:
    patient = ward.world.signed_in(ward.world.patient_login)
    assert "en urgence" not in patient.get("/p").text
    page = ward.opened()
    for path in ("/p?auto=1", "/p/dossier/acces"):
        shown = patient.get(path).text
        assert "ouvert en urgence" in shown and WHY in shown and "Inventé" in shown and "pas encore contrôlé" in shown
        assert "ouvert jusqu'au" in shown
    ward.me.act(page, f"{page}/fin")
    assert "terminé le" in patient.get("/p").text
    ward.kept.clock.advance(31 * 24 * 3600)
    patient = ward.world.signed_in(ward.world.patient_login)
    assert WHY not in patient.get("/p").text and WHY in patient.get("/p/dossier/acces").text


def test_a_parent_sees_the_child_s(ward: Ward) -> None:
    kept = ward.kept
    child = Identity(CHILD, "LÉVÊQUE", "Zoé", "2019-03-28", "F")
    made = kept.db.run(create_patient, kept.keyring, child, None, kept.clock.now())
    found = Representative(made.id, kept.patient.mailbox.id, Kind.PARENT)
    kept.db.run(representatives.appoint, kept.keyring, ward.world.services.trail, found, "operator", kept.clock.now())
    assert ward.ask(matricule=child.ins.matricule, naissance=child.birth_date).status_code == 303
    page = ward.world.signed_in(ward.world.patient_login).get("/p").text
    assert "Le dossier de Zoé LÉVÊQUE a été ouvert en urgence" in page and f"?de={made.id}" in page


def reviewer(ward: Ward) -> Browser:
    return ward.world.signed_in(OPERATOR)


def test_an_operator_reads_reason_and_readings_and_decides_once(ward: Ward) -> None:
    page = ward.opened()
    ward.me.get(page)
    ward.me.get(f"/pro/document/{ward.document()}")
    (waiting,) = ward.world.app.state.work.reviews.waiting()
    assert waiting.reason == "" and len(waiting.acts) == 2
    browser, path = reviewer(ward), f"/admin/urgence/{ward.glasses()[0]}"
    shown = browser.get(path).text
    assert WHY in shown and "a ouvert un document" in shown and str(ward.document()) in shown
    assert ward.who.family not in shown and ward.who.ins.matricule[-4:] not in re.sub(r"\d{10,}", "", shown)
    assert browser.post(path, jeton="faux", avis="vu").status_code == 409
    assert browser.act(path, path, avis="peut-être").status_code == 400
    form = browser.get(path).text
    assert browser.act(path, path, avis="a-contester").status_code == 303
    token = form.split('name="jeton" value="', 1)[1].split('"', 1)[0]
    assert browser.post(path, jeton=token, avis="vu").status_code == 409
    assert "contrôlé : à contester" in browser.get(path).text and "<button class" not in browser.get(path).text
    assert ward.world.app.state.work.reviews.waiting() == ()
    assert "contrôlé : à contester" in ward.world.signed_in(ward.world.patient_login).get("/p").text
    holder = ward.kept.db.read(get_patient, ward.kept.patient_id).holder_id
    query = select(audit.c.outcome).where(audit.c.action == "glass.review", audit.c.holder_id == holder)
    assert ward.kept.db.read(lambda session: list(session.execute(query).scalars())) == ["unjustified"]


def test_seeing_a_reason_stands_in_the_patient_s_list(ward: Ward) -> None:
    ward.opened()
    before = ward.world.signed_in(ward.world.patient_login).get("/p/dossier/acces").text
    reviewer(ward).get(f"/admin/urgence/{ward.glasses()[0]}")
    after = ward.world.signed_in(ward.world.patient_login).get("/p/dossier/acces").text
    assert after.count("a vu les motifs") > before.count("a vu les motifs")


def test_what_was_read_before_or_after_is_not_of_the_emergency(ward: Ward) -> None:
    kept, number = ward.kept, ward.document()
    grant = (kept.patient_id, consent.ACCESS, True, "patient", kept.clock.now(), ward.clinic.home.mailbox.id)
    page = ward.opened()
    ward.me.act(page, f"{page}/fin")
    kept.db.run(consent.settle, ward.world.services.trail, *grant)
    assert ward.me.get(f"/pro/document/{number}").status_code == 200
    (waiting,) = ward.world.app.state.work.reviews.waiting()
    assert len(waiting.acts) == 1  # the page that `act` looked at


@pytest.mark.parametrize("number", ["0", "1", "9223372036854775807", "9" * 30, "abc"])
def test_an_invented_number_is_nobody_s(ward: Ward, number: str) -> None:
    assert ward.me.get(f"{PAGE}/{number}").status_code in (400, 404)
    assert reviewer(ward).get(f"/admin/urgence/{number}").status_code in (400, 404)


@pytest.mark.slow
def test_in_a_browser_by_keyboard_and_axe(ward: Ward, chromium: Chromium) -> None:
    with served(ward.world.app) as base:
        page = page_of(chromium)
        sign_in(page, base, PHYSICIAN)
        page.goto(base + PAGE)
        look(page, "urgence")
        page.focus("#matricule")
        page.keyboard.type(SPACED)
        page.fill("#naissance", ward.who.birth_date)
        page.focus("#motif")
        page.keyboard.type("Trop court")
        page.keyboard.press("Tab")
        page.fill("#matricule", "1")
        page.keyboard.press("Enter")
        page.wait_for_selector("[role=alert]")
        look(page, "urgence-refus")
        page.keyboard.type(SPACED)
        page.fill("#motif", WHY)
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.wait_for_selector("#reste")
        assert page.inner_text("#minutes") == "60"
        look(page, "urgence-dossier")
        page.context.close()
        for login, path, name in (
            (ward.world.patient_login, "/p", "urgence-patient"),
            (ward.world.patient_login, "/p/dossier/acces", "urgence-acces"),
            (OPERATOR, f"/admin/urgence/{ward.glasses()[0]}", "urgence-controle"),
        ):
            page = page_of(chromium)
            sign_in(page, base, login)
            page.goto(base + path)
            look(page, name)
            page.context.close()


@pytest.mark.slow
def test_an_open_page_of_the_patient_s_learns_it_at_once(ward: Ward, chromium: Chromium) -> None:
    with served(ward.world.app) as base:
        page = page_of(chromium)
        sign_in(page, base, ward.world.patient_login)
        page.wait_for_selector("#commandes[data-live=oui]")
        assert WHY not in page.content()
        ward.opened()
        page.wait_for_selector("text=Votre dossier a été ouvert en urgence")
        assert WHY in page.content()
        page.context.close()
