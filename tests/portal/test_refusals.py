"""The page of a refusal: it knows its reader, and every way out of it leads somewhere."""

from httpx2 import Response

from tests.support.kept import PHARMACY, ordered, prescribed
from tests.support.portal_world import BASE, Browser, World

TABS = 'href="/officine/a-verifier"'


def late(browser: Browser, path: str, referer: str) -> Response:
    """A form that was filled in before somebody else moved the order."""
    form = {"vers": "question", "version": "0", "note": "Quelle dose ?", "jeton": "faux"}
    headers = {"sec-fetch-site": "same-origin", "origin": BASE, "referer": referer}
    answer = browser.client.post(f"{path}/etat", data=form, headers=headers)
    assert answer.status_code == 409
    return answer


def test_a_form_that_came_too_late_leads_back_to_its_page(world: World):
    order = ordered(world.kept, prescribed(world.kept))
    browser, path = world.signed_in(PHARMACY), f"/officine/commande/{order.number}"
    page = late(browser, path, f"{BASE}{path}?fait=pris").text
    assert f'href="{path}"' in page and "Rouvrir la page" in page
    assert TABS in page and 'href="/officine">Revenir' in page
    for elsewhere in (
        "",
        "https://ailleurs.example/officine",
        f"{BASE}//ailleurs.example/",
        "javascript:alert(1)",
        "http://[x/",
    ):
        page = late(browser, path, elsewhere).text
        assert "Rouvrir la page" not in page and "ailleurs" not in page and "javascript" not in page


def test_a_page_that_is_not_there_keeps_the_reader_s_tabs(world: World):
    browser = world.signed_in(PHARMACY)
    for path in ("/officine/rien", "/pro", "/officine/commande/AAA-AAAA"):
        answer = browser.get(path)
        assert answer.status_code == 404 and TABS in answer.text and 'href="/officine">Revenir' in answer.text
    answer = world.browser().get("/officine/rien")
    assert answer.status_code == 404 and TABS not in answer.text


def test_a_form_after_the_session_leads_to_the_door(world: World):
    browser = world.signed_in(PHARMACY)
    browser.client.cookies.clear()
    answer = browser.post("/officine/retrait", code="123456")
    assert answer.status_code == 401 and 'href="/entrer">Se connecter' in answer.text
    assert answer.text.count("Connectez-vous de nouveau.") == 1
