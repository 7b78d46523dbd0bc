"""Sign-in by the pages at a real homeserver: a browser's way through all redirects, and a login token at its end."""

import asyncio
import html
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from urllib.parse import parse_qs, quote, urlsplit

import httpx2
import pytest
import pytest_asyncio
import uvicorn
from playwright.async_api import async_playwright
from sqlalchemy import insert

from crypto.passwords import hash_password
from directory.extracts.entry import Entry
from directory.generate import DOMAIN, rpps
from directory.tables import directory_struck
from instant.accounts import find_account
from mail.accounts import NewAccount, create_account
from ops.pages import pages
from tests.support.browser import CHROMIUM
from tests.support.chat_house import Api, ChatHouse

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]
CLIENT = "https://client.example/retour"
PASSWORD = "inventé pour les essais"
TRIES = 30


class Place:
    """A house with its chat, and its pages on their port."""

    def __init__(self, house: ChatHouse) -> None:
        self.house = house
        self.pages = house.settings.pages_url

    async def professional(self, number: int) -> tuple[str, str]:
        """Somebody with an account of the pages who never heard of the chat: login and national number."""
        entry = Entry(
            f"sso.{number}@{DOMAIN}", "PER", f"8{rpps(800_000 + number)}", family=f"ESSAI{number}", given="Ana"
        )
        mailbox_id = await self.house.app.db.arun(self.house.enter, entry)
        new = NewAccount(entry.address, "physician", mailbox_id, hash_password(PASSWORD), profile={"name": "Ana"})
        await self.house.app.db.arun(create_account, self.house.app.keyring, new)
        return entry.address, entry.national_id

    def browser(self) -> httpx2.AsyncClient:
        """As browsers do, it takes the loopback for secure: Synapse's cookie wants it so."""
        kept = CookieJar(DefaultCookiePolicy(secure_protocols=("http", "https")))
        return httpx2.AsyncClient(trust_env=False, timeout=60, follow_redirects=False, cookies=kept)


@asynccontextmanager
async def served(house: ChatHouse) -> AsyncIterator[None]:
    listen = house.settings.listen
    config = uvicorn.Config(
        pages(house.app), host=listen.host, port=listen.port("http"), log_config=None, lifespan="off"
    )
    server = uvicorn.Server(config)
    serving = asyncio.ensure_future(server.serve())
    try:
        yield
    finally:
        server.should_exit = True
        await serving


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    async with ChatHouse(tmp_path_factory.mktemp("chat")) as house, served(house):
        yield Place(house)


async def to_the_door(place: Place, browser: httpx2.AsyncClient) -> None:
    """From a Matrix client to our form, which the browser is shown."""
    begin = f"{place.house.url}/_matrix/client/v3/login/sso/redirect/oidc-pli"
    out = await browser.get(begin, params={"redirectUrl": CLIENT})
    assert out.status_code == 302 and out.headers["location"].startswith(f"{place.pages}/oidc/autoriser?")
    form = await browser.get(out.headers["location"])
    assert form.status_code == 401 and 'action="/entrer"' in form.text


async def signed_in(place: Place, browser: httpx2.AsyncClient, login: str) -> httpx2.Response:
    """From the form to the provider's answer."""
    ours = {"sec-fetch-site": "same-origin", "origin": place.pages}
    form = {"login": login, "password": PASSWORD}
    entered = await browser.post(f"{place.pages}/entrer", data=form, headers=ours)
    assert (entered.status_code, entered.headers["location"]) == (303, "/oidc/suite")
    page = await browser.get(f"{place.pages}/oidc/suite")
    found = re.search(r'class="button main" href="([^"]+)"', page.text)
    assert found
    for _ in range(TRIES):
        answer = await browser.get(place.pages + html.unescape(found[1]))
        if answer.status_code != 503:  # a busy homeserver has not heard of the account yet, and the page says so
            return answer
        await asyncio.sleep(1)
    return answer


async def test_a_client_signs_in_by_the_pages(place: Place) -> None:
    login, _ = await place.professional(1)
    async with place.browser() as browser, Api(place.house.url) as client:
        _, flows = await client.call("GET", "/login")
        sso = next(flow for flow in flows["flows"] if flow["type"] == "m.login.sso")
        assert [provider["id"] for provider in sso["identity_providers"]] == ["oidc-pli"]
        await to_the_door(place, browser)
        back = await signed_in(place, browser, login)
        assert back.status_code == 303
        done = await browser.get(back.headers["location"])
        found = re.search(r'href="(https://client\.example/retour\?[^"]+)"', done.text)
        assert done.status_code == 200 and found, re.sub(r"(?s)<(style|svg|script).*?</\1>|<[^>]*>", "", done.text)
        token = parse_qs(urlsplit(html.unescape(found[1])).query)["loginToken"][0]
        status, entered = await client.call("POST", "/login", {"type": "m.login.token", "token": token})
        assert status == 200
        client.token = entered["access_token"]
        account = await place.house.app.db.aread(find_account, entered["user_id"])
        assert account is not None and account.verified
        _, profile = await client.call("GET", f"/profile/{entered['user_id']}")
        assert profile["displayname"] == "Ana ESSAI1"
        assert (await client.create(name="Avis"))[0] == 200
        async with Api(place.house.url) as thief:
            again = await thief.call("POST", "/login", {"type": "m.login.token", "token": token})
            assert again[0] == 403
        replayed = await browser.get(back.headers["location"])
        assert replayed.status_code >= 400 and "loginToken" not in replayed.text


async def test_who_is_struck_off_on_the_way_stays_out(place: Place) -> None:
    login, national_id = await place.professional(2)
    async with place.browser() as browser:
        await to_the_door(place, browser)
        back = await signed_in(place, browser, login)
        assert back.status_code == 303
        row = {"national_id": national_id, "at": 1}
        await place.house.app.db.arun(lambda session: session.execute(insert(directory_struck), row) and None)
        done = await browser.get(back.headers["location"])
        assert done.status_code >= 400 and "loginToken" not in done.text
        await to_nowhere(place, browser)


async def to_nowhere(place: Place, browser: httpx2.AsyncClient) -> None:
    """Signed in on the pages still; the way begins anew, and ends at a sentence."""
    begin = f"{place.house.url}/_matrix/client/v3/login/sso/redirect/oidc-pli"
    out = await browser.get(begin, params={"redirectUrl": CLIENT})
    refused = await browser.get(out.headers["location"])
    assert refused.status_code == 409 and "fermé" in refused.text and "location" not in refused.headers


async def test_an_invented_code_opens_nothing(place: Place) -> None:
    async with place.browser() as browser:
        begin = f"{place.house.url}/_matrix/client/v3/login/sso/redirect/oidc-pli"
        out = await browser.get(begin, params={"redirectUrl": CLIENT})
        state = parse_qs(urlsplit(out.headers["location"]).query)["state"][0]
        callback = f"{place.house.url}/_synapse/client/oidc/callback"
        done = await browser.get(callback, params={"state": state, "code": "a" * 43})
        assert done.status_code >= 400 and "loginToken" not in done.text


async def test_a_real_browser_finds_its_way(place: Place) -> None:
    """No policy of ours or of the browser's stands between the form and the homeserver's last page."""
    login, _ = await place.professional(3)
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = await chromium.new_page(locale="fr-FR")
        await page.goto(
            f"{place.house.url}/_matrix/client/v3/login/sso/redirect/oidc-pli?redirectUrl={quote(CLIENT, safe='')}"
        )
        assert page.url.startswith(f"{place.pages}/oidc/autoriser?")
        await page.fill("#login", login)
        await page.fill("#password", PASSWORD)
        await page.press("#password", "Enter")
        await page.wait_for_url(f"{place.house.url}/_synapse/client/oidc/callback?*")
        onward = await page.locator("a.primary-button").get_attribute("href")
        assert onward is not None and onward.startswith(f"{CLIENT}?loginToken=")
        await chromium.close()
