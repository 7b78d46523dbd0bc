"""Sessions and forms against whoever is not the person: stolen, old, forged, cross-site."""

import re
from dataclasses import replace

import pytest
from sqlalchemy import select

from crypto.passwords import hash_password
from directory.mailboxes import close
from mail.accounts import set_password, set_state
from portal.app import build
from portal.guard import LARGEST_BODY
from portal.tables import web_sessions
from tests.support.kept import PHARMACY, ordered, prescribed
from tests.support.portal_world import BASE, PASSWORD, Browser, World, token_in

SAME = {"sec-fetch-site": "same-origin", "origin": BASE}


def test_a_wrong_password_says_what_to_do_and_opens_nothing(world: World):
    browser = world.browser()
    answer = browser.post("/entrer", login=PHARMACY, password="faux")
    assert answer.status_code == 401 and "incorrect" in answer.text and "set-cookie" not in answer.headers
    assert browser.post("/entrer", login="inconnu@demo.mssante.test", password=PASSWORD).status_code == 401
    assert browser.post("/entrer").status_code == 401


def test_after_many_wrong_passwords_one_waits(world: World):
    browser = world.browser()
    answers = [browser.post("/entrer", login=PHARMACY, password="faux").status_code for _ in range(12)]
    assert answers[0] == 401 and answers[-1] == 429
    assert "quart d&#39;heure" in browser.post("/entrer", login=PHARMACY, password=PASSWORD).text


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(world: World):
    answer = world.browser().post("/entrer", login=PHARMACY, password=PASSWORD)
    cookie = answer.headers["set-cookie"].lower()
    assert answer.headers["location"] == "/officine"
    assert cookie.startswith("pli=") and "httponly" in cookie and "samesite=lax" in cookie and "path=/" in cookie


def test_by_tls_the_cookie_is_bound_to_host_and_tls(world: World):
    browser = Browser(build(replace(world.services, https=True)))
    browser.client.base_url = "https://127.0.0.1"
    headers = {"sec-fetch-site": "same-origin", "origin": "https://127.0.0.1"}
    answer = browser.client.post("/entrer", data={"login": PHARMACY, "password": PASSWORD}, headers=headers)
    cookie = answer.headers["set-cookie"].lower()
    assert cookie.startswith("__host-pli=") and "secure" in cookie and "domain" not in cookie
    assert "max-age=" in answer.headers["strict-transport-security"]


def test_the_token_is_not_in_the_database(world: World):
    browser = world.signed_in(PHARMACY)
    token = browser.client.cookies["pli"]
    rows = world.kept.db.read(lambda session: session.execute(select(web_sessions)).all())
    assert len(rows) == 1 and token.encode() not in b"".join(
        bytes(part) for part in (rows[0].lookup, rows[0].credential)
    )


def test_signing_in_again_ends_the_earlier_session(world: World):
    browser = world.signed_in(PHARMACY)
    old = browser.client.cookies["pli"]
    assert browser.post("/entrer", login=PHARMACY, password=PASSWORD).status_code == 303
    assert browser.client.cookies["pli"] != old
    stolen = world.browser()
    stolen.client.cookies.set("pli", old)
    assert stolen.get("/officine").status_code == 401


def test_signing_out_ends_the_session_on_our_side(world: World):
    browser = world.signed_in(PHARMACY)
    token = browser.client.cookies["pli"]
    assert browser.post("/sortir", jeton="faux").status_code == 409
    assert browser.act("/officine", "/sortir").status_code == 303
    stolen = world.browser()
    stolen.client.cookies.set("pli", token)
    assert stolen.get("/officine").status_code == 401


@pytest.mark.parametrize("token", ["", "x", "a" * 43, "é" * 10, "a" * 5000, "../../etc", "' OR 1=1 --"])
def test_an_invented_token_opens_nothing(world: World, token: str):
    world.signed_in(PHARMACY)
    assert world.services and world.app.state.front.sessions.find(token, active=True) is None


def test_half_an_hour_without_an_act(world: World):
    browser = world.signed_in(PHARMACY)
    for _ in range(3):
        world.kept.clock.advance(29 * 60)
        assert browser.get("/officine").status_code == 200
    world.kept.clock.advance(31 * 60)
    answer = browser.get("/officine")
    assert answer.status_code == 401 and "Connectez-vous" in answer.text


def test_a_page_that_refreshes_itself_keeps_nothing_alive(world: World):
    browser = world.signed_in(PHARMACY)
    for _ in range(3):
        world.kept.clock.advance(9 * 60)
        assert browser.get("/officine?auto=1").status_code == 200
    world.kept.clock.advance(4 * 60)
    assert browser.get("/officine?auto=1").status_code == 401


def test_the_longest_session_ends_whatever_is_done(world: World):
    browser = world.signed_in(PHARMACY)
    for _ in range(12):
        world.kept.clock.advance(20 * 60)
        last = browser.get("/officine").status_code
    assert last == 401


@pytest.mark.parametrize("end", ["password", "account", "mailbox"])
def test_a_change_of_the_account_ends_its_sessions_at_once(world: World, end: str):
    browser, kept = world.signed_in(PHARMACY), world.kept
    assert browser.get("/officine").status_code == 200
    if end == "password":
        kept.db.run(set_password, kept.pharmacy.account_id, hash_password("un autre mot de passe"))
    elif end == "account":
        kept.db.run(set_state, kept.pharmacy.account_id, "suspended")
    else:
        kept.db.run(close, kept.pharmacy.mailbox.id)
    assert browser.get("/officine").status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"sec-fetch-site": "cross-site", "origin": BASE},
        {"sec-fetch-site": "same-site", "origin": BASE},
        {"sec-fetch-site": "none"},
        {"origin": "https://ailleurs.example"},
        {"origin": "null"},
        {"sec-fetch-site": "same-origin", "origin": "https://ailleurs.example"},
        {"origin": "http://127.0.0.1:9999"},
        {"origin": "https://127.0.0.1"},
    ],
)
@pytest.mark.parametrize("path", ["/entrer", "/sortir", "/officine/commande/K7M-4TQ2/etat", "/nulle/part"])
def test_a_form_from_elsewhere_is_refused(world: World, path: str, headers: dict[str, str]):
    answer = world.signed_in(PHARMACY).client.post(
        path, data={"login": PHARMACY, "password": PASSWORD}, headers=headers
    )
    assert answer.status_code == 403 and "set-cookie" not in answer.headers


def test_an_older_browser_that_sends_origin_alone_passes(world: World):
    data = {"login": PHARMACY, "password": PASSWORD}
    assert world.browser().client.post("/entrer", data=data, headers={"origin": BASE}).status_code == 303


@pytest.mark.parametrize("token", ["", "faux", "a" * 44])
def test_a_form_without_the_session_s_token_changes_nothing(world: World, token: str):
    order = ordered(world.kept, prescribed(world.kept))
    browser = world.signed_in(PHARMACY)
    path = f"/officine/commande/{order.number}/etat"
    answer = browser.post(path, jeton=token, vers="taken", version="1")
    assert answer.status_code == 409 and "Rechargez la page" in answer.text
    assert world.kept.db.read(world.services.orders.get, order.id).version == 1


def test_the_token_of_another_session_does_not_fit(world: World):
    order = ordered(world.kept, prescribed(world.kept))
    mine, other = world.signed_in(PHARMACY), world.signed_in(PHARMACY)
    token = token_in(other.get("/officine").text)
    assert (
        mine.post(f"/officine/commande/{order.number}/etat", jeton=token, vers="taken", version="1").status_code == 409
    )


@pytest.mark.parametrize("host", ["ailleurs.example", "127.0.0.1.ailleurs.example", "", "[::1", "localhost:x@evil"])
def test_another_name_than_ours_is_refused(world: World, host: str):
    answer = world.browser().client.get("/", headers={"host": host})
    assert answer.status_code == 400


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"])
def test_other_methods_are_refused(world: World, method: str):
    assert world.browser().client.request(method, "/officine", headers=SAME).status_code == 405


def test_too_much_is_refused_with_and_without_a_length(world: World):
    browser = world.browser().client
    whole = b"login=" + b"x" * LARGEST_BODY
    kind = {"content-type": "application/x-www-form-urlencoded"}
    assert browser.post("/entrer", content=whole, headers=SAME | kind).status_code == 413
    pieces = (b"login=" if not n else b"x" * 1024 for n in range(LARGEST_BODY // 1024 + 2))
    assert browser.post("/entrer", content=pieces, headers=SAME | kind).status_code == 400  # while the form is read
    assert browser.post("/entrer", content=b"", headers=SAME | {"content-length": "-1"}).status_code == 413


@pytest.mark.parametrize(("demo", "ancestors", "frames"), [(False, "'none'", "DENY"), (True, "'self'", "SAMEORIGIN")])
def test_every_answer_is_protected(world: World, demo: bool, ancestors: str, frames: str):
    """Framed by nobody; in the demonstration by ourselves, for both sides in one window."""
    browser = Browser(build(replace(world.services, demo=demo)))
    browser.post("/entrer", login=PHARMACY, password=PASSWORD)
    for path in ("/", "/entrer", "/officine", "/sante", "/nulle-part", "/static/pli.css"):
        headers = browser.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy and f"frame-ancestors {ancestors}" in policy and "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff" and headers["x-frame-options"] == frames
        assert headers["cache-control"] == ("no-cache" if path.startswith("/static") else "no-store")
        assert headers["referrer-policy"] == "same-origin"


def test_no_page_holds_a_script_or_a_style_inside(world: World):
    browser = world.signed_in(PHARMACY)
    for path in ("/", "/officine", "/officine/a-verifier"):
        page = browser.get(path).text
        assert "<style" not in page and "style=" not in page and "onclick" not in page
        assert page.count("<script") == page.count('<script src="/static/')


def test_every_password_field_is_masked(world: World):
    pages = {
        "/entrer": ("password",),
        "/compte": ("actuel",),
        "/compte/mot-de-passe": ("actuel", "nouveau", "encore"),
    }
    for path, names in pages.items():
        page = (world.browser() if path == "/entrer" else world.signed_in(PHARMACY)).get(path).text
        fields = re.findall(r"<input[^>]*>", page)
        for name in names:
            assert all('type="password"' in field for field in fields if f'name="{name}"' in field), (path, name)
            assert any(f'name="{name}"' in field for field in fields), (path, name)


@pytest.mark.parametrize(
    "path", ["/officine", "/officine/reglages", "/officine/equipe", "/compte", "/compte/appareils"]
)
def test_signing_out_is_at_hand_on_each_page(world: World, path: str):
    assert '/sortir"' in world.signed_in(PHARMACY).get(path).text


def test_a_password_has_no_end(world: World):
    world.kept.clock.advance(3 * 365 * 86_400)
    assert world.signed_in(PHARMACY).get("/officine").status_code == 200
