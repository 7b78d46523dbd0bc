"""Our own OpenID provider: one client, professionals only, codes good once; and what others try."""

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import KeySet
from sqlalchemy import insert, select

from core.tables import audit
from crypto.keyring import SoftKeyring
from crypto.token_key import token_key
from directory.mailboxes import suspend
from directory.tables import directory_struck
from instant.accounts import account_of_mailbox
from portal.app import build
from portal.cookies import PENDING
from portal.oidc import LARGEST_FORM, NotOurs, Provider, Told
from portal.passes import Passes
from tests.support.kept import PHARMACY
from tests.support.portal_chat import CALLBACK, ISSUER, SECRET, in_annuaire, told
from tests.support.portal_clinic import PHYSICIAN, Clinic
from tests.support.portal_world import PASSWORD, Browser, World, open_world

NATIONAL = "899700218896"
VERIFIER = "preuve-inventee-" + "x" * 40
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
ASKED = {
    "response_type": "code",
    "client_id": "synapse",
    "redirect_uri": CALLBACK,
    "scope": "openid",
    "state": "état",
    "nonce": "n1",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}
TAKING = {"grant_type": "authorization_code", "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
MINE = {"client_id": "synapse", "client_secret": SECRET}


@dataclass
class Door:
    """The pages with a chat beside them, a physician signed in."""

    world: World
    clinic: Clinic
    browser: Browser

    def visit(self, browser: Browser | None = None, path: str = "/oidc/autoriser", **other: Any) -> Any:
        asked = {name: value for name, value in (ASKED | other).items() if value is not None}
        headers = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
        return (browser or self.browser).client.get(path, params=asked, headers=headers)

    def code(self, browser: Browser | None = None, **other: Any) -> str:
        return answer_of(self.visit(browser, **other))["code"]

    def take(self, auth: tuple[str, str] | None = None, **form: str | None) -> Any:
        """The homeserver's request, which is no browser's."""
        sent = {name: value for name, value in (TAKING | ({} if auth else MINE) | form).items() if value is not None}
        return self.world.browser().client.post("/oidc/jeton", data=sent, auth=auth)


def answer_of(answer: Any) -> dict[str, str]:
    """What the client is told, at its own address and no other."""
    assert answer.status_code == 303 and answer.headers["location"].startswith(f"{CALLBACK}?"), answer.text
    found = {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}
    assert found["iss"] == ISSUER
    return found


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """One for all tests that leave it as it was."""
    folder = tmp_path_factory.mktemp("oidc")
    with open_world(f"sqlite:///{folder / 'pli.db'}", folder) as world:
        yield door_of(world)


@pytest.fixture
def own(world: World) -> Door:
    """One for a test that changes who may enter."""
    return door_of(world)


def door_of(world: World) -> Door:
    in_annuaire(world.kept, PHYSICIAN, NATIONAL)
    clinic = Clinic(world)
    found = Door(world, clinic, clinic.browser)
    assert found.visit().status_code == 503  # the account is made; the homeserver has not answered
    told(world.kept, clinic.home.mailbox.id)
    return found


def claims_of(door: Door, token: str) -> dict[str, Any]:
    """As the homeserver checks it: with the keys that we publish."""
    found = door.world.browser().client.get("/oidc/cles").json()
    assert all("d" not in key for key in found["keys"])
    return dict(jwt.decode(token, KeySet.import_key_set(found), algorithms=["ES256"]).claims)


def test_a_physician_enters(own: Door):
    account = own.world.kept.db.read(account_of_mailbox, own.clinic.home.mailbox.id)
    assert account is not None and not account.verified
    went = answer_of(own.visit())
    assert went["state"] == "état"
    answer = own.take(code=went["code"])
    assert answer.status_code == 200 and answer.headers["cache-control"] == "no-store"
    claims = claims_of(own, answer.json()["id_token"])
    localpart = account.user_id[1:].partition(":")[0]
    assert (claims["iss"], claims["aud"], claims["nonce"]) == (ISSUER, "synapse", "n1")
    assert claims["sub"] == claims["preferred_username"] == localpart
    assert claims["name"] == "Léa INVENTÉE · BREST" and NATIONAL not in str(claims)
    assert claims["exp"] - claims["iat"] == 120
    after = own.world.kept.db.read(account_of_mailbox, own.clinic.home.mailbox.id)
    assert after is not None and after.verified
    assert trail_of(own) == [("chat.login", "oidc")]


def trail_of(door: Door) -> list[tuple[str, str]]:
    query = select(audit.c.action, audit.c.outcome).where(audit.c.action == "chat.login")
    return [(row.action, row.outcome) for row in door.world.kept.db.read(lambda session: session.execute(query).all())]


def test_the_client_may_show_its_secret_in_the_header(door: Door):
    assert door.take(("synapse", SECRET), code=door.code()).status_code == 200


def test_a_pharmacy_enters_as_the_organisation(own: Door):
    browser = own.world.signed_in(PHARMACY)
    assert own.visit(browser).status_code == 503
    told(own.world.kept, own.world.kept.pharmacy.mailbox.id)
    claims = claims_of(own, own.take(code=own.code(browser)).json()["id_token"])
    assert claims["sub"].startswith("o") and "PHARMACIE DU PORT" in claims["name"]


def test_discovery_says_what_there_is(door: Door):
    found = door.world.browser().client.get("/oidc/.well-known/openid-configuration").json()
    assert found["issuer"] == ISSUER and found["code_challenge_methods_supported"] == ["S256"]
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
        assert found[name].startswith(f"{ISSUER}/")


def test_who_is_not_signed_in_comes_back_after_it(door: Door):
    browser = door.world.browser()
    asked = door.visit(browser)
    assert asked.status_code == 401 and "Connectez-vous pour entrer dans la messagerie" in asked.text
    entered = browser.post("/entrer", login=PHYSICIAN, password=PASSWORD)
    assert entered.headers["location"] == "/oidc/suite"
    page = browser.get("/oidc/suite")
    onward = page.text.split('class="button main" href="', 1)[1].split('"', 1)[0].replace("&amp;", "&")
    assert onward.startswith("/oidc/autoriser?") and PENDING not in browser.client.cookies
    went = answer_of(browser.get(onward))
    assert went["state"] == "état" and door.take(code=went["code"]).status_code == 200


def test_a_patient_is_not_led_on(door: Door):
    browser = door.world.browser()
    door.visit(browser)
    entered = browser.post("/entrer", login=door.world.patient_login, password=PASSWORD)
    assert entered.headers["location"] == "/p"


@pytest.mark.parametrize("kept", ["", "client_id=synapse&redirect_uri=https%3A%2F%2Felsewhere.example", "x" * 3000])
def test_a_forged_wait_leads_nowhere(door: Door, kept: str):
    door.browser.client.cookies.set(PENDING, kept)
    page = door.browser.get("/oidc/suite")
    door.browser.client.cookies.delete(PENDING)
    assert page.status_code in (200, 400) and "/oidc/autoriser" not in page.text and "elsewhere" not in page.text


@pytest.mark.parametrize(
    "wrong",
    [
        {"client_id": "other"},
        {"client_id": None},
        {"redirect_uri": None},
        {"redirect_uri": CALLBACK + "/"},
        {"redirect_uri": CALLBACK + "?x=1"},
        {"redirect_uri": CALLBACK.replace("http:", "https:")},
        {"redirect_uri": "https://elsewhere.example/"},
        {"state": ["a", "b"]},
        {"redirect_uri": [CALLBACK, "https://elsewhere.example/"]},
        {"nonce": "n" * 3000},
    ],
)
def test_nobody_is_sent_to_a_stranger(door: Door, wrong: dict[str, Any]):
    for browser in (door.browser, door.world.browser()):
        answer = door.visit(browser, **wrong)
        assert answer.status_code in (400, 404) and "location" not in answer.headers


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": VERIFIER}, "invalid_request"),
        ({"code_challenge": CHALLENGE + "="}, "invalid_request"),
        ({"nonce": "n" * 600}, "invalid_request"),
        ({"request": "e30.e30."}, "invalid_request"),
        ({"request_uri": "https://elsewhere.example/"}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"scope": "profile"}, "invalid_scope"),
    ],
)
def test_a_request_out_of_order_gets_no_code(door: Door, wrong: dict[str, Any], error: str):
    told_back = answer_of(door.visit(**wrong))
    assert told_back["error"] == error and "code" not in told_back


def test_silence_is_kept(door: Door):
    """prompt=none shows no page (OpenID Connect Core §3.1.2.6)."""
    assert answer_of(door.visit(door.world.browser(), prompt="none"))["error"] == "login_required"
    assert "code" in answer_of(door.visit(prompt="none"))


def test_a_patient_gets_no_code(door: Door):
    """In the demonstration their session is not even looked at here."""
    for demo, status in ((True, 401), (False, 404)):
        browser = Browser(build(replace(door.world.services, demo=demo)))
        assert browser.post("/entrer", login=door.world.patient_login, password=PASSWORD).status_code == 303
        answer = door.visit(browser)
        assert answer.status_code == status and "location" not in answer.headers


@pytest.mark.parametrize("late", [False, True])
def test_who_is_struck_off_enters_no_more(own: Door, late: bool):
    """Before the code, or between the code and the token."""
    code = own.code() if late else ""
    row = {"national_id": NATIONAL, "at": 0}
    own.world.kept.db.run(lambda session: session.execute(insert(directory_struck), row) and None)
    if late:
        assert refused(own.take(code=code)) == "invalid_grant"
    answer = own.visit()
    assert answer.status_code == 409 and "location" not in answer.headers and "fermé" in answer.text
    assert trail_of(own) == []


def test_a_suspended_mailbox_enters_no_more(own: Door):
    code = own.code()
    own.world.kept.db.run(suspend, own.clinic.home.mailbox.id)
    assert refused(own.take(code=code)) == "invalid_grant"


def refused(answer: Any) -> str:
    """The error's name, and no token."""
    assert answer.status_code in (400, 401) and set(answer.json()) == {"error"}
    return answer.json()["error"]


def test_a_code_is_good_once(door: Door):
    code = door.code()
    assert door.take(code=code).status_code == 200
    assert refused(door.take(code=code)) == "invalid_grant"


@pytest.mark.parametrize(
    "wrong",
    [
        {"code_verifier": None},
        {"code_verifier": VERIFIER[:-1]},
        {"code_verifier": CHALLENGE},
        {"code_verifier": "é" * 50},
        {"redirect_uri": None},
        {"redirect_uri": CALLBACK + "/"},
    ],
)
def test_a_code_without_its_proof_is_spent(door: Door, wrong: dict[str, str | None]):
    code = door.code()
    assert refused(door.take(code=code, **wrong)) == "invalid_grant"
    assert refused(door.take(code=code)) == "invalid_grant"


@pytest.mark.parametrize(("seconds", "status"), [(59, 200), (60, 400)])
def test_a_code_lasts_a_minute(door: Door, seconds: int, status: int):
    code = door.code()
    door.world.kept.clock.advance(seconds)
    assert door.take(code=code).status_code == status


@pytest.mark.parametrize("code", ["", "x", "é", "a" * 64, "a" * 600])
def test_a_code_is_never_guessed(door: Door, code: str):
    assert refused(door.take(code=code)) in ("invalid_grant", "invalid_request")


@pytest.mark.parametrize(
    ("auth", "form", "error"),
    [
        (None, {"client_secret": None}, "invalid_client"),
        (None, {"client_secret": "other"}, "invalid_client"),
        (None, {"client_secret": "é"}, "invalid_client"),
        (None, {"client_id": "other"}, "invalid_client"),
        (("synapse", "other"), {}, "invalid_client"),
        (("other", SECRET), {}, "invalid_client"),
        (("synapse", SECRET), {"client_id": "other"}, "invalid_client"),
        (("synapse", SECRET), {"client_secret": SECRET}, "invalid_request"),
        (None, {"grant_type": "refresh_token"}, "unsupported_grant_type"),
        (None, {"grant_type": None}, "unsupported_grant_type"),
    ],
)
def test_another_client_gets_nothing_and_spends_nothing(
    door: Door, auth: tuple[str, str] | None, form: dict[str, str | None], error: str
):
    code = door.code()
    answer = door.take(auth, code=code, **form)
    assert refused(answer) == error
    assert (answer.status_code == 401) == ("www-authenticate" in answer.headers)
    assert door.take(code=code).status_code == 200


def test_without_a_chat_there_is_no_provider(door: Door):
    browser = Browser(build(replace(door.world.services, chat=None)))
    for path in ("autoriser", "cles", "suite", ".well-known/openid-configuration"):
        assert browser.get(f"/oidc/{path}").status_code == 404
    assert browser.post("/oidc/jeton").status_code == 404


def test_the_key_is_the_keyrings_and_of_its_purpose():
    one, other = SoftKeyring.fresh(), SoftKeyring.fresh()
    again = token_key(one, "oidc").as_dict(private=True)
    assert again == token_key(one, "oidc").as_dict(private=True)
    assert again["d"] not in (
        token_key(one, "else").as_dict(private=True)["d"],
        token_key(other, "oidc").as_dict(private=True)["d"],
    )


@settings(max_examples=150)
@given(
    body=st.binary(max_size=200) | st.text(max_size=80).map(str.encode) | st.just(b"a=" + b"x" * LARGEST_FORM),
    header=st.text(max_size=60) | st.binary(max_size=40).map(lambda raw: "Basic " + base64.b64encode(raw).decode()),
    query=st.lists(st.tuples(st.sampled_from([*ASKED, "prompt", "x"]), st.text(max_size=30)), max_size=12),
)
def test_whatever_comes_is_refused_by_name(door: Door, body: bytes, header: str, query: list[tuple[str, str]]):
    services = door.world.services
    assert services.chat is not None
    provider = Provider(services, Passes(services), services.chat)
    with pytest.raises(Told):
        provider.token(body, header)
    with pytest.raises((Told, NotOurs)):
        provider.asked(query)
