"""Second factors and passkeys: RFC 6238's own vectors, codes good once, nobody else's factors."""

import base64
import re

import pytest

from portal import totp
from tests.support.kept import PHARMACY
from tests.support.portal_world import OTHER, PASSWORD, World, token_in


@pytest.mark.parametrize(
    ("seconds", "code"),
    [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (2000000000, "279037"), (20000000000, "353130")],
)
def test_rfc_6238_appendix_b(seconds: int, code: str):
    secret = base64.b32encode(b"12345678901234567890").decode()
    assert totp.code_at(secret, seconds // 30) == code
    assert totp.matching_step(secret, code, seconds, -1) == seconds // 30
    assert totp.matching_step(secret, code, seconds, seconds // 30) is None
    assert totp.matching_step(secret, code, seconds + 120, -1) is None


def enrolled(world: World, login: str = PHARMACY) -> str:
    browser = world.signed_in(login).proved()
    page = browser.get("/compte").text
    secret = re.findall(r'name="secret" value="(\w+)"', page)[0]
    code = totp.code_at(secret, int(world.kept.clock.now().timestamp()) // 30)
    wrong = f"{(int(code) + 1) % 1000000:06d}"
    assert browser.post("/compte/code", jeton=token_in(page), secret=secret, code=wrong).status_code == 400
    assert browser.post("/compte/code", jeton=token_in(page), secret=secret, code=code).status_code == 303
    return secret


def test_after_the_password_a_code_that_is_good_once(world: World):
    secret = enrolled(world)
    world.kept.clock.advance(60)
    browser = world.browser()
    page = browser.post("/entrer", login=PHARMACY, password=PASSWORD)
    assert page.status_code == 200 and "set-cookie" not in page.headers
    half = re.findall(r'name="laissez_passer" value="([^"]+)"', page.text)[0]
    code = totp.code_at(secret, int(world.kept.clock.now().timestamp()) // 30)
    answer = browser.post("/entrer/code", laissez_passer=half, code=code)
    assert answer.status_code == 303 and answer.headers["location"] == "/officine"
    again = world.browser()
    assert again.post("/entrer/code", laissez_passer=half, code=code).status_code == 401  # the half is used up
    page = again.post("/entrer", login=PHARMACY, password=PASSWORD)
    half = re.findall(r'name="laissez_passer" value="([^"]+)"', page.text)[0]
    assert again.post("/entrer/code", laissez_passer=half, code=code).status_code == 401  # and so is the code


def test_a_wrong_code_costs_the_sign_in_and_many_lock_it(world: World):
    secret = enrolled(world)
    for _ in range(11):
        world.kept.clock.advance(60)
        browser = world.browser()
        page = browser.post("/entrer", login=PHARMACY, password=PASSWORD)
        half = re.findall(r'name="laissez_passer" value="([^"]+)"', page.text)[0]
        code = totp.code_at(secret, int(world.kept.clock.now().timestamp()) // 30)
        wrong = f"{(int(code) + 1) % 1000000:06d}"
        assert browser.post("/entrer/code", laissez_passer=half, code=wrong).status_code == 401
        assert browser.post("/entrer/code", laissez_passer=half, code=code).status_code == 401
    page = browser.post("/entrer", login=PHARMACY, password=PASSWORD)
    half = re.findall(r'name="laissez_passer" value="([^"]+)"', page.text)[0]
    assert browser.post("/entrer/code", laissez_passer=half, code=code).status_code == 401


@pytest.mark.parametrize("half", ["", "x", "é" * 20, "a" * 65, "a" * 43])
def test_an_invented_half_opens_nothing(world: World, half: str):
    assert world.browser().post("/entrer/code", laissez_passer=half, code="000000").status_code in (400, 401)


@pytest.mark.parametrize("answer", ["", "{}", "[]", '{"id": 1}', '{"id": "AAAA"}', "nul", '{"id": "é"}', "\x00"])
def test_an_invented_passkey_opens_nothing(world: World, answer: str):
    browser = world.browser()
    asked = browser.post("/entrer/cle/options").json()
    found = browser.post("/entrer/cle", laissez_passer=asked["pass"], reponse=answer)
    assert found.status_code == 409 and "set-cookie" not in found.headers


def test_one_s_own_factors_only(world: World):
    enrolled(world)
    factor = world.app.state.work.factors.of(world.kept.pharmacy.account_id, "totp")[0]
    other = world.signed_in(OTHER).proved()
    other.act("/compte", "/compte/retirer", facteur=str(factor.id))
    assert world.app.state.work.factors.of(world.kept.pharmacy.account_id, "totp")
    assert world.browser().get("/compte").status_code == 401


def test_the_secret_of_a_code_is_sealed(world: World):
    from sqlalchemy import select

    from portal.tables import web_factors

    secret = enrolled(world)
    rows = world.kept.db.read(lambda session: session.execute(select(web_factors.c.sealed)).scalars().all())
    assert rows and not any(secret.encode() in row for row in rows)
