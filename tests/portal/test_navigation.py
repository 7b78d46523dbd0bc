"""Where one is, and the ways from there: tabs, the account's menu, who answers for the service."""

import re
from dataclasses import replace

from playwright.sync_api import Browser as Chromium

from portal.app import build
from tests.support.browser import page_of, sign_in
from tests.support.kept import PHARMACY
from tests.support.portal_world import Browser, World, served

HERE = re.compile(r'<a href="([^"]+)" aria-current="page"')


def test_a_patient_s_account_is_under_no_tab(world: World):
    browser = world.signed_in(world.patient_login)
    assert HERE.findall(browser.get("/p").text) == ["/p"]
    for path in ("/p/compte", "/p/compte/appareils", "/p/compte/mot-de-passe"):
        assert HERE.findall(browser.get(path).text) == [], path


def test_the_account_s_menu_closes_by_escape_and_by_a_click_elsewhere(world: World, chromium: Chromium):
    with served(world.app) as base:
        page = page_of(chromium)
        sign_in(page, base, PHARMACY)
        menu, way_out = page.locator("details.menu > summary"), page.get_by_role("button", name="Se déconnecter")
        menu.click()
        page.keyboard.press("Tab")
        page.keyboard.press("Escape")
        assert not way_out.is_visible()
        assert page.evaluate("document.activeElement.matches('details.menu > summary')")
        menu.click()
        assert way_out.is_visible()
        page.locator("h1").click()
        assert not way_out.is_visible()
        page.context.close()


def test_the_notices_name_the_host_that_people_know(world: World):
    assert "127.0.0.1, ::1" not in world.browser().get("/mentions").text
    services = replace(world.services, hosts=world.services.hosts | {"messagerie.exemple.fr", "0.0.0.0"})  # noqa: S104
    assert "mentions légales : messagerie.exemple.fr." in Browser(build(services)).get("/mentions").text
