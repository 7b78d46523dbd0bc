"""The password again before what opens an account is changed; a post taken over by a PIN has proved nothing."""

import asyncio
import re

import pytest
from sqlalchemy import update

from crypto.passwords import hash_password
from mail.accounts import NewAccount, create_account
from mail.tables import accounts
from portal import totp
from tests.support.kept import PHARMACY
from tests.support.portal_world import PASSWORD, Browser, World, token_in

CONFIRM, SETTINGS = "/compte/confirmer", "/officine/reglages"
ASKS = "confirmez d'abord que c'est bien vous"


def attempts(browser: Browser) -> list[int]:
    """Every way to change what opens the account, with a form that is ours."""
    given = {"jeton": token_in(browser.get("/compte").text)}
    ways = {
        "/compte/code": {"secret": "A" * 32, "code": "000000"},
        "/compte/retirer": {"facteur": "1"},
        "/compte/cle/options": {},
        "/compte/cle": {"laissez_passer": "x", "reponse": "{}"},
        "/compte/messagerie": {"appareil": "Téléphone inventé"},
        f"{SETTINGS}/code": {"code": "4827"},
        f"{SETTINGS}/cle-api": {},
    }
    return [browser.post(path, **given, **form).status_code for path, form in ways.items()]


def test_a_signed_in_session_is_not_enough(world: World):
    browser = world.signed_in(PHARMACY)
    page = browser.get("/compte").text
    assert ASKS in page and 'name="secret"' not in page and "data-passkey" not in page
    assert ASKS in browser.get(SETTINGS).text and f'action="{SETTINGS}/code"' not in browser.get(SETTINGS).text
    assert attempts(browser) == [409] * 7


def test_with_the_password_it_is_for_five_minutes_and_this_session(world: World):
    browser, other = world.signed_in(PHARMACY).proved(), world.signed_in(PHARMACY)
    page = browser.get("/compte").text
    assert ASKS not in page and 'name="secret"' in page and "data-passkey" in page
    assert 409 not in attempts(browser)[:3]
    assert attempts(other) == [409] * 7
    world.kept.clock.advance(301)
    assert ASKS in browser.get("/compte").text and attempts(browser) == [409] * 7


@pytest.mark.parametrize("wrong", ["", "x", PASSWORD + "x", "é" * 300])
def test_a_wrong_password_proves_nothing(world: World, wrong: str):
    browser = world.signed_in(PHARMACY)
    answer = browser.act("/compte", CONFIRM, actuel=wrong)
    assert answer.headers["location"] == "/compte?refus=1" and "Rien n" in browser.get("/compte?refus=1").text
    assert attempts(browser) == [409] * 7


def test_it_is_guessed_no_faster_than_at_the_door(world: World):
    browser = world.signed_in(PHARMACY)
    said = [browser.act("/compte", CONFIRM, actuel=f"wrong {n}").headers["location"] for n in range(12)]
    assert said[0].endswith("refus=1") and said[-1].endswith("refus=2")
    assert browser.act("/compte", CONFIRM, actuel=PASSWORD).headers["location"].endswith("refus=2")


def test_where_a_code_is_asked_at_the_door_it_is_asked_here(world: World):
    browser = world.signed_in(PHARMACY).proved()
    page = browser.get("/compte").text
    secret = re.findall(r'name="secret" value="(\w+)"', page)[0]
    now = lambda: totp.code_at(secret, int(world.kept.clock.now().timestamp()) // 30)  # noqa: E731
    assert browser.post("/compte/code", jeton=token_in(page), secret=secret, code=now()).status_code == 303
    world.kept.clock.advance(301)
    assert "confirme-code" in browser.get("/compte").text
    assert browser.act("/compte", CONFIRM, actuel=PASSWORD).headers["location"] == "/compte?refus=1"
    assert browser.act("/compte", CONFIRM, actuel=PASSWORD, code=now()).headers["location"] == "/compte"
    assert 'action="/compte/retirer"' in browser.get("/compte").text


def test_a_post_taken_over_by_a_pin_has_proved_nothing(world: World):
    new = NewAccount("p@demo.mssante.test", "pharmacist", world.kept.pharmacy.mailbox.id, hash_password(PASSWORD))
    other_id = world.kept.db.run(create_account, world.kept.keyring, new)
    assert world.signed_in(new.login).proved().act(SETTINGS, f"{SETTINGS}/code", code="4827").status_code == 303
    post = world.signed_in(PHARMACY).proved()
    taken = post.act("/officine/equipe", "/officine/equipe", qui=str(other_id), code="4827")
    assert taken.headers["location"] == "/officine"
    assert attempts(post) == [409] * 7
    assert post.act("/compte", CONFIRM, actuel=PASSWORD, suite="reglages").headers["location"] == SETTINGS
    assert f'action="{SETTINGS}/code"' in post.get(SETTINGS).text


def test_an_account_without_a_password_signs_in_again(world: World):
    account_id = world.kept.pharmacy.account_id
    world.kept.db.run(lambda session: session.execute(update(accounts).values(password_hash=None)) and None)
    identity = world.app.state.work.factors.identity(account_id)
    browser = world.browser()
    browser.client.cookies.set("pli", asyncio.run(world.app.state.front.sessions.open(identity)))
    page = browser.get("/compte").text
    assert "connectez-vous de nouveau" in page and "confirme" not in page
    assert browser.act("/compte", CONFIRM, actuel="").headers["location"] == "/compte?refus=1"
    assert attempts(browser) == [409] * 7


def test_only_a_form_of_ours_confirms(world: World):
    browser = world.signed_in(PHARMACY)
    assert browser.post(CONFIRM, jeton="x", actuel=PASSWORD).status_code == 409
    assert world.browser().post(CONFIRM, jeton="x", actuel=PASSWORD).status_code == 401
    assert attempts(browser) == [409] * 7
