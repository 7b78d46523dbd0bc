"""`/compte`: one's own password is changed with the current one, one's own sessions are seen and ended."""

import pytest
from playwright.sync_api import Browser as Chromium
from sqlalchemy import select

from core.errors import Refused
from core.tables import audit
from portal.devices import device_of
from portal.session import IDLE
from portal.tables import web_sessions
from tests.support.browser import look, page_of, sign_in
from tests.support.kept import PHARMACY
from tests.support.portal_world import OTHER, PASSWORD, Browser, World, served, token_in

NEW = "quatre chats gris dorment"
CHANGE, DEVICES = "/compte/mot-de-passe", "/compte/appareils"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"


def changed(browser: Browser, current: str = PASSWORD, new: str = NEW, again: str | None = None, page: str = CHANGE):
    form = {"actuel": current, "nouveau": new, "encore": new if again is None else again}
    return browser.act(page, page, **form)


def acts(world: World, action: str) -> int:
    query = select(audit.c.seq).where(audit.c.action == action)
    return world.kept.db.read(lambda session: len(session.execute(query).all()))


def test_a_new_password_ends_every_other_session_and_opens_the_door(world: World):
    mine, elsewhere, colleague = world.signed_in(PHARMACY), world.signed_in(PHARMACY), world.signed_in(OTHER)
    before = mine.client.cookies["pli"]
    answer = changed(mine)
    assert answer.status_code == 303 and answer.headers["location"] == "/compte?fait=1"
    assert mine.client.cookies["pli"] != before
    assert mine.get("/officine").status_code == 200
    assert elsewhere.get("/officine").status_code == 401 and colleague.get("/officine").status_code == 200
    stolen = world.browser()
    stolen.client.cookies.set("pli", before)
    assert stolen.get("/officine").status_code == 401
    assert world.browser().post("/entrer", login=PHARMACY, password=PASSWORD).status_code == 401
    assert world.browser().post("/entrer", login=PHARMACY, password=NEW).status_code == 303
    assert acts(world, "password.change") == 1


def test_a_patient_does_it_on_their_own_pages(world: World):
    patient = world.signed_in(world.patient_login)
    assert changed(patient, page="/p" + CHANGE).headers["location"] == "/p/compte?fait=1"
    assert patient.get("/p").status_code == 200


@pytest.mark.parametrize(
    ("current", "new", "again", "said"),
    [
        ("faux", NEW, NEW, "pas le bon"),
        ("", NEW, NEW, "pas le bon"),
        ("x" * 1999, NEW, NEW, "pas le bon"),
        (PASSWORD, NEW, NEW + " ", "diffèrent"),
        (PASSWORD, PASSWORD, PASSWORD, "est l&#39;ancien"),
        (PASSWORD, "court", "court", "12 caractères"),
        (PASSWORD, "", "", "12 caractères"),
        (PASSWORD, "password1234", "password1234", "se devine"),
        (PASSWORD, "pharmacie-9-demo", "pharmacie-9-demo", "se devine"),
        (PASSWORD, "Pharmacie du Port", "Pharmacie du Port", "se devine"),
        (PASSWORD, "é" * 900, "é" * 900, "trop long"),
        (PASSWORD, NEW * 11, NEW * 11, "trop long"),
    ],
)
def test_what_is_wrong_is_said_and_changes_nothing(world: World, current: str, new: str, again: str, said: str):
    browser = world.signed_in(PHARMACY)
    answer = changed(browser, current, new, again)
    assert answer.status_code == 400 and said in answer.text
    if len(new) > 5:
        assert new not in answer.text
    assert browser.get("/officine").status_code == 200
    assert world.browser().post("/entrer", login=PHARMACY, password=PASSWORD).status_code == 303
    assert acts(world, "password.change") == 0


def test_the_current_one_is_guessed_no_faster_than_at_the_door(world: World):
    browser = world.signed_in(PHARMACY)
    answers = [changed(browser, f"faux {number}").status_code for number in range(12)]
    assert answers[0] == 400 and answers[-1] == 429
    assert changed(browser).status_code == 429


def test_the_form_needs_its_token_and_somebody_signed_in(world: World):
    form = {"actuel": PASSWORD, "nouveau": NEW, "encore": NEW, "session": ""}
    for path in (CHANGE, DEVICES):
        assert world.browser().get(path).status_code == 401
        assert world.browser().post(path, jeton="x", **form).status_code == 401
        assert world.signed_in(PHARMACY).post(path, jeton="faux", **form).status_code == 409
    assert world.browser().post("/entrer", login=PHARMACY, password=PASSWORD).status_code == 303


def test_two_changes_at_once_are_one(world: World):
    browser = world.signed_in(PHARMACY)
    sessions, services = world.app.state.front.sessions, world.services
    visitor = sessions.find(browser.client.cookies["pli"], active=False)
    with pytest.raises(Refused, match="meanwhile"):
        sessions.new_password(visitor, "the hash of another password", "x")
    assert services.db.read(lambda session: len(session.execute(select(web_sessions)).all())) == 1


def test_one_sees_one_s_own_devices_and_ends_one_or_all(world: World):
    here, phone, third = world.signed_in(PHARMACY), world.browser(), world.signed_in(PHARMACY)
    phone.client.headers["user-agent"] = FIREFOX
    assert phone.post("/entrer", login=PHARMACY, password=PASSWORD).status_code == 303
    stranger = world.signed_in(OTHER)
    page = here.get(DEVICES).text
    assert page.count('<section class="panel"') == 3 and page.count("cet appareil</span>") == 1
    assert "Firefox, Windows" in page and "Mozilla" not in page
    assert "Firefox" not in stranger.get(DEVICES).text
    names = page.split('name="session" value="')[1:]
    assert here.post(DEVICES, jeton=token_in(page), session=names[0].split('"')[0]).status_code == 303
    alive = [each.get("/officine").status_code for each in (phone, third)]
    assert sorted(alive) == [200, 401]
    assert here.act(DEVICES, DEVICES).status_code == 303
    assert [each.get("/officine").status_code for each in (here, phone, third, stranger)] == [200, 401, 401, 200]
    assert here.get(DEVICES).text.count('<section class="panel"') == 1 and acts(world, "web.end") == 2


@pytest.mark.parametrize("name", ["x", "0" * 32, "' OR 1=1", "é" * 20])
def test_an_invented_name_ends_nothing(world: World, name: str):
    mine, elsewhere = world.signed_in(PHARMACY), world.signed_in(PHARMACY)
    mine.act(DEVICES, DEVICES, session=name)
    assert elsewhere.get("/officine").status_code == 200


def test_somebody_else_s_session_cannot_be_ended(world: World):
    mine, theirs = world.signed_in(PHARMACY), world.signed_in(OTHER)
    world.signed_in(OTHER)
    name = theirs.get(DEVICES).text.split('name="session" value="')[1].split('"')[0]
    mine.act(DEVICES, DEVICES, session=name)
    mine.act(DEVICES, DEVICES)
    assert theirs.get(DEVICES).text.count('<section class="panel"') == 2


def test_what_is_over_is_not_listed(world: World):
    world.signed_in(PHARMACY)
    world.kept.clock.advance(IDLE.total_seconds() + 1)
    assert world.signed_in(PHARMACY).get(DEVICES).text.count('<section class="panel"') == 1


@pytest.mark.parametrize(
    ("agent", "device"),
    [
        (FIREFOX, "Firefox, Windows"),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile/15E148 Safari/604.1",
            "Safari, iPhone",
        ),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140 Safari/537.36 Edg/140", "Edge, Windows"),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140 Mobile Safari/537.36", "Chrome, Android"),
        ("", ""),
        ("<script>alert(1)</script>", ""),
        ("\x00\ud800" + "x" * 100_000 + "Firefox", ""),
    ],
)
def test_two_words_of_a_user_agent_and_no_more(agent: str, device: str):
    assert device_of(agent) == device


def test_the_longest_one_opens_the_door(world: World):
    longest = (NEW + " ") * 9
    assert changed(world.signed_in(PHARMACY), new=longest).status_code == 303
    assert world.browser().post("/entrer", login=PHARMACY, password=longest).status_code == 303


@pytest.mark.slow
def test_in_a_browser_by_keyboard_and_axe(world: World, chromium: Chromium):
    with served(world.app) as base:
        world.signed_in(PHARMACY)
        page = page_of(chromium)
        sign_in(page, base, PHARMACY)
        page.goto(base + CHANGE)
        for text in ("faux", NEW, NEW):
            page.keyboard.press("Tab") if page.evaluate("document.activeElement.name") else page.focus("#actuel")
            page.keyboard.type(text)
        page.keyboard.press("Enter")
        page.wait_for_selector("[role=alert]")
        assert page.evaluate("document.activeElement.id") == "actuel"
        look(page, "mot-de-passe")
        page.keyboard.type(PASSWORD)
        page.fill("#nouveau", NEW)
        page.fill("#encore", NEW)
        page.keyboard.press("Enter")
        page.wait_for_url("**/compte?fait=1")
        world.browser().post("/entrer", login=PHARMACY, password=NEW)
        page.goto(base + DEVICES)
        look(page, "appareils")
        page.click("text=Déconnecter tous les autres")
        page.wait_for_selector("text=C'est fermé")
        assert page.locator("section.panel").count() == 1
        page.context.close()
