"""A person keeps the passwords of their mail programs: after a proof, shown once, for mail alone, one's own."""

import asyncio
import re

from mail.auth import Identity
from tests.support.kept import PHARMACY
from tests.support.portal_world import OTHER, Browser, World, token_in

PAGE, PHONE = "/compte/messagerie", "Téléphone inventé"


def made(browser: Browser) -> str:
    """The password of a new device, as the page shows it."""
    answer = browser.act(PAGE, PAGE, appareil=PHONE)
    assert answer.status_code == 200 and PHONE in answer.text
    return re.findall(r'class="number key">([a-z2-7-]+)<', answer.text)[0]


def entered(world: World, login: str, password: str, *, devices: bool) -> Identity | None:
    return asyncio.run(world.app.state.front.services.authenticator.password(login, password, devices=devices))


def test_it_opens_mail_and_not_the_pages(world: World):
    password = made(world.signed_in(PHARMACY).proved())
    assert entered(world, PHARMACY, password, devices=True)
    assert entered(world, PHARMACY, password, devices=False) is None
    assert world.browser().post("/entrer", identifiant=PHARMACY, mot_de_passe=password).status_code != 303


def test_it_is_shown_once(world: World):
    browser = world.signed_in(PHARMACY).proved()
    password = made(browser)
    page = browser.get(PAGE).text
    assert PHONE in page and password not in page and "pas encore utilisé" in page


def test_taken_back_it_opens_nothing_and_the_others_go_on(world: World):
    browser = world.signed_in(PHARMACY).proved()
    first, second = made(browser), made(browser)
    number = re.findall(r'name="appareil" value="(\d+)"', browser.get(PAGE).text)[0]
    assert browser.act(PAGE, f"{PAGE}/retirer", appareil=number).status_code == 303
    assert entered(world, PHARMACY, first, devices=True) is None
    assert entered(world, PHARMACY, second, devices=True)


def test_nobody_takes_back_somebody_else_s(world: World):
    password = made(world.signed_in(PHARMACY).proved())
    number = re.findall(r'name="appareil" value="(\d+)"', world.signed_in(PHARMACY).get(PAGE).text)[0]
    assert world.signed_in(OTHER).act(PAGE, f"{PAGE}/retirer", appareil=number).status_code == 404
    assert entered(world, PHARMACY, password, devices=True)


def test_a_device_needs_a_name_and_a_form_of_ours(world: World):
    browser = world.signed_in(PHARMACY).proved()
    assert browser.act(PAGE, PAGE, appareil=" ").status_code == 400
    assert browser.act(PAGE, PAGE, appareil="x" * 61).status_code == 400
    assert browser.post(PAGE, jeton="x", appareil=PHONE).status_code == 409
    assert browser.post(PAGE, jeton=token_in(browser.get(PAGE).text), appareil=PHONE).status_code == 200


def test_the_proof_comes_back_to_this_page(world: World):
    browser = world.signed_in(PHARMACY)
    assert 'value="messagerie"' in browser.get(PAGE).text
