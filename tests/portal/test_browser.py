"""The pages in a real browser: by keyboard alone, live, without scripts. What each looks like: test_every_page."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from ops.demo_files import photo_jpeg
from record.orders import State
from tests.support.browser import page_of, sign_in
from tests.support.kept import PHARMACY, ordered, prescribed
from tests.support.portal_world import PASSWORD, World, confirmed, full_board, moved, served

pytestmark = pytest.mark.slow


def test_by_keyboard_alone(world: World, chromium: Browser):
    """From the address bar to an order handed over, without a mouse; the place of the focus is always visible."""
    order = moved(world.kept, confirmed(world.kept, ordered(world.kept, prescribed(world.kept))), State.TAKEN)
    with served(world.app) as base:
        page = page_of(chromium)
        page.goto(f"{base}/entrer?pour=pharmacien")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        reach(page, "login")
        page.keyboard.type(PHARMACY)
        page.keyboard.press("Tab")
        page.keyboard.type(PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url("**/officine")
        for label, word in (
            ("Mettre en préparation", "preparing"),
            ("Prête", "ready"),
            ("Remise au patient", "collected"),
        ):
            reach(page, f"{label} : commande {order.number}")
            assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
            page.keyboard.press("Enter")
            page.wait_for_url(f"**/officine?fait={word}")
        page.close()
    assert world.kept.db.read(world.services.orders.get, order.id).state is State.COLLECTED


def test_a_board_that_stands_still_says_so_and_comes_back_by_itself(world: World, chromium: Browser):
    """The server is away, and what stands before it answers in its place."""
    ordered(world.kept, prescribed(world.kept))
    with served(world.app) as base:
        page = page_of(chromium)
        page.route("**/officine/flux", lambda route: route.fulfill(status=502))
        page.route("**/officine?auto=1", lambda route: route.fulfill(status=502))
        sign_in(page, base, PHARMACY)
        page.get_by_role("alert").get_by_text("n'est plus à jour").wait_for()
        page.wait_for_timeout(6000)  # after the first attempt to come back
        assert page.locator("article").count() == 1  # the last known state stays
        page.unroute_all()
        page.get_by_text("n'est plus à jour").wait_for(state="hidden")
        assert page.get_attribute("#tableau", "data-live") == "oui"
        page.context.close()


def test_a_board_whose_server_has_ended_says_so(world: World, chromium: Browser):
    ordered(world.kept, prescribed(world.kept))
    page = page_of(chromium)
    with served(world.app) as base:
        sign_in(page, base, PHARMACY)
        page.locator("#tableau[data-live=oui]").wait_for()
        assert not page.get_by_text("n'est plus à jour").is_visible()
    page.get_by_text("n'est plus à jour").wait_for()  # although each attempt to come back fails anew
    assert page.locator("article").count() == 1
    page.context.close()


def test_a_prescription_is_sent_by_keyboard_alone(world: World, chromium: Browser, tmp_path: Path):
    """The three steps; only the device's own window for choosing a file is not the page's."""
    photo = tmp_path / "rx.jpg"
    photo.write_bytes(photo_jpeg())
    with served(world.app) as base:
        page = page_of(chromium, "phone")
        sign_in(page, base, world.patient_login)
        press(page, "a[href='/p/envoyer'].main")
        page.wait_for_url("**/p/envoyer")
        press(page, "form button.main")
        page.wait_for_url("**/p/envoyer/documents?**")
        press(page, "#photo", key="")
        page.set_input_files("#photo", str(photo))
        press(page, "form button.main")
        page.wait_for_url("**/relire/**")
        press(page, "#note", key="")
        page.keyboard.type("Merci.")
        press(page, "#envoi button.main")
        page.wait_for_url("**/p?fait=envoyee")
        page.close()


def press(page: Page, selector: str, key: str = "Enter") -> None:
    """Tab to this element, see the focus on it, press the key."""
    place = page.locator(selector).first
    for _ in range(60):
        if place.evaluate("each => each === document.activeElement"):
            break
        page.keyboard.press("Tab")
    else:
        raise AssertionError(f"{selector} cannot be reached by Tab")
    assert place.evaluate("each => getComputedStyle(each).outlineStyle") != "none"
    if key:
        page.keyboard.press(key)


def reach(page: Page, name: str) -> None:
    """Press Tab until the element of this name or id has the focus."""
    who = "document.activeElement.getAttribute('aria-label') || document.activeElement.id"
    for _ in range(40):
        if page.evaluate(who) == name:
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{name} cannot be reached by Tab")


def test_a_new_order_appears_by_itself_and_is_announced(world: World, chromium: Browser):
    with served(world.app) as base:
        page = page_of(chromium)
        sign_in(page, base, PHARMACY)
        assert page.locator("[data-order]").count() == 0
        order = ordered(world.kept, prescribed(world.kept))
        page.wait_for_selector(f"[data-order='{order.number}']", timeout=20_000)
        assert page.inner_text("#nouvelles") == "Nouvelle commande." and page.title().startswith("(1) ")
        page.close()


def test_without_scripts_the_page_reloads_itself_and_forms_work(world: World, chromium: Browser):
    order = ordered(world.kept, prescribed(world.kept))
    with served(world.app) as base:
        page = page_of(chromium, scripts=False)
        sign_in(page, base, PHARMACY)
        assert page.locator("noscript").count() == 1 or 'content="10; url=/officine?auto=1"' in page.content()
        page.click(f"button[aria-label='Prendre en charge : commande {order.number}']")
        page.wait_for_url("**/officine?fait=taken")
        page.context.close()


def test_the_browser_blocks_nothing_of_ours(world: World, chromium: Browser):
    """Our own policy never stops our own pages: no message in the console."""
    full_board(world.kept)
    with served(world.app) as base:
        page = page_of(chromium)
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        sign_in(page, base, PHARMACY)
        page.goto(f"{base}/officine")
        page.goto(f"{base}/")
        page.close()
    assert not [line for line in said if "favicon" not in line], said


def test_the_header_is_one_line_at_any_width(world: World, chromium: Browser):
    """In the demonstration's window the pharmacy has some 900 pixels."""
    with served(world.app) as base:
        page = page_of(chromium)
        sign_in(page, base, PHARMACY)
        for width in (390, 768, 800, 895, 896, 900, 1000, 1055, 1056, 1366):
            page.set_viewport_size({"width": width, "height": 800})
            mark, who = (page.locator(f".top > .{name}").bounding_box() for name in ("brand", "who"))
            assert mark and who and who["y"] < mark["y"] + mark["height"] / 2, width
        page.context.close()
