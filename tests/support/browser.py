"""A real browser for the pages: one Chromium for all tests of a process, French unless a test says otherwise."""

import os
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.support.portal_world import PASSWORD

CHROMIUM = os.environ.get("PLI_TEST_CHROMIUM", "/usr/bin/chromium")
SIZES = {"phone": (390, 844), "counter": (1366, 768), "narrow": (320, 640)}
_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
TOUCH = """() => [...document.querySelectorAll('button, a.button, summary, select, textarea, .tabs a, .foot a, '
    + 'input:not([type=hidden]):not([type=checkbox]):not([type=radio])')]
    .filter(each => each.checkVisibility() && each.getBoundingClientRect().height < 43.5)
    .map(each => each.outerHTML.slice(0, 120))"""


def page_of(
    chromium: Browser,
    size: str = "counter",
    *,
    scheme: str = "light",
    scripts: bool = True,
    language: str = "fr-FR",
) -> Page:
    """A new window; its context goes with `page.context.close()`."""
    width, height = SIZES[size]
    context = chromium.new_context(
        locale=language,
        viewport={"width": width, "height": height},
        color_scheme=scheme,  # type: ignore[arg-type]
        java_script_enabled=scripts,
        reduced_motion="reduce",  # colours that are still on their way would be measured
    )
    return context.new_page()


def resized(page: Page, size: str, scheme: str) -> None:
    """The same page in another window and other colours."""
    width, height = SIZES[size]
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]


def violations(page: Page, *, rules: list[str] | None = None) -> list[tuple[str, list[str]]]:
    """What axe finds, of any weight; `rules` narrows it to a few."""
    only = {"type": "rule", "values": rules} if rules else {"type": "tag", "values": _TAGS}
    options = {"runOnly": only, "resultTypes": ["violations"]}
    if not rules:
        options["rules"] = {"target-size": {"enabled": True}}
    found = Axe().run(page, options=options).response["violations"]
    return [(each["id"], [str(node["target"]) for node in each["nodes"]]) for each in found]


def too_wide(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > window.innerWidth"))


def picture(page: Page, name: str, *, whole: bool = False) -> None:
    """Kept where PLI_TEST_PICTURES says, and nowhere else."""
    folder = os.environ.get("PLI_TEST_PICTURES")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=whole)


def look(page: Page, name: str) -> None:
    """The page as it is, at the counter, on a phone and narrow: accessible, no wider than the screen, to be tapped."""
    for size, scheme in (("counter", "light"), ("phone", "dark"), ("phone", "light")):
        resized(page, size, scheme)
        assert violations(page) == [], (name, size, scheme)
        assert not too_wide(page), (name, size)
        picture(page, f"{size}-{scheme}-{name}", whole=True)
    assert page.evaluate(TOUCH) == [], name
    resized(page, "narrow", "light")
    assert not too_wide(page), name


def sign_in(page: Page, base: str, login: str) -> None:
    """By the form, as a person does."""
    page.goto(f"{base}/entrer")
    page.fill("#login", login)
    page.fill("#password", PASSWORD)
    page.click("button.main:not([data-passkey])")
    page.wait_for_load_state()
