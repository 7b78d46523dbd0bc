"""The operator's page, commands and figures over a running demonstration: by HTTP, in a browser, from a terminal."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import dns.zone
import pytest
from axe_playwright_python.sync_playwright import Axe
from httpx2 import Client
from playwright.sync_api import Browser, sync_playwright

from ops.demo.cast import PASSWORD
from tests.support.browser import picture
from tests.support.flow import Flow
from tests.support.letters import letter
from tests.support.process import wait_until

pytestmark = pytest.mark.slow
WIDTHS = {"phone": (390, 844), "desk": (1366, 768)}
LIGHTS = {"port.mx", "port.imaps", "certificate.server", "revocation", "clock", "disk", "ocr", "broker", "database"}
LIGHTS |= {"queue", "outbox.buried", "trusted_list", "audit", "backup", "loop", "seals", "antivirus", "keyring"}


def operator(flow: Flow) -> str:
    return next(user["login"] for user in flow.server.info["users"] if user["role"] == "operator")


@pytest.fixture
def web(flow: Flow) -> Iterator[Client]:
    with Client(base_url=flow.server.info["http"]["url"]) as client:
        yield client


def signed_in(web: Client, login: str) -> Client:
    ours = {"sec-fetch-site": "same-origin", "origin": str(web.base_url).rstrip("/")}
    answer = web.post("/entrer", data={"login": login, "password": PASSWORD}, headers=ours)
    assert answer.status_code == 303, answer.text
    return web


def test_the_doctor_sees_a_well_house(flow: Flow):
    found = json.loads(flow.server.cli("doctor", "--json"))
    lights = {light["name"]: light for light in found["lights"]}
    assert set(lights) >= LIGHTS
    assert not [light for light in lights.values() if light["state"] == "bad"]
    assert all(light["todo"] for light in lights.values() if light["state"] == "warn")
    assert "intact" in lights["loop"]["says"]


def test_the_lines_for_the_zone_make_a_zone(flow: Flow):
    """As dnspython reads them, under the root: each of our domains names the doors that are open."""
    lines = "$TTL 3600\n" + flow.server.cli("doctor", "--zone")
    zone = dns.zone.from_text(lines, ".", relativize=False, check_origin=False)
    port_of, domains = flow.server.port, flow.rows("SELECT domain FROM local_domains")
    assert domains
    for (domain,) in domains:
        assert zone.get_rdataset(f"{domain}.", "MX")
        for door in ("imaps", "submissions", "submission"):
            (found,) = zone.get_rdataset(f"_{door}._tcp.{domain}.", "SRV")
            assert found.port == port_of(door)
        (none,) = zone.get_rdataset(f"_pop3._tcp.{domain}.", "SRV")
        assert none.target.to_text() == "."


def test_a_buried_promise_is_red_and_can_be_revived(flow: Flow, web: Client):
    with closing(sqlite3.connect(flow.home / "pli.db", timeout=30)) as database:
        row = "INSERT INTO outbox VALUES (77, 'mail.unknown', 1, 0, 12, 0, 'buried', 'no handler')"
        database.execute(row)
        database.commit()
    lights = flow.ask("doctor", send=False)["lights"]
    assert [light["state"] for light in lights if light["name"] == "outbox.buried"] == ["bad"]
    page = signed_in(web, operator(flow)).get("/admin").text
    assert "mail.unknown" in page and "no handler" in page
    token = page.split('name="jeton" value="')[1].split('"')[0]
    ours = {"sec-fetch-site": "same-origin", "origin": str(web.base_url).rstrip("/")}
    assert web.post("/admin/file/77/reprendre", data={"jeton": "x"}, headers=ours).status_code == 409
    assert web.post("/admin/file/77/reprendre", data={"jeton": token}, headers=ours).status_code == 303
    tried = "SELECT attempts BETWEEN 1 AND 11 FROM outbox WHERE id = 77"
    wait_until(lambda: flow.rows(tried) == [(1,)] and flow.ask("work.list") != [], what="a new try")
    wait_until(lambda: buried(flow, 77), what="a moment at which nobody tries it")
    assert flow.ask("work.drop", row="77") == {"dropped": 1}


def buried(flow: Flow, row: int) -> bool:
    """Given up once more, unless somebody is at it."""
    with closing(sqlite3.connect(flow.home / "pli.db", timeout=30)) as database, database:
        found = database.execute("UPDATE outbox SET state = 'buried' WHERE id = ? AND state = 'waiting'", (row,))
        return found.rowcount == 1


def test_the_page_is_the_operators_alone(flow: Flow, web: Client):
    for path in ("/admin", "/admin/indicateurs.csv", "/admin/incidents.csv"):
        assert web.get(path).status_code in (303, 401, 403)
    pharmacist = next(user["login"] for user in flow.server.info["users"] if user["role"] == "pharmacist")
    signed_in(web, pharmacist)
    for path in ("/admin", "/admin/indicateurs.csv", "/admin/incidents.csv"):
        assert web.get(path).status_code == 404


def test_indicators_count_what_was_sent(flow: Flow, web: Client):
    patient, pharmacy = flow.server.info["users"][0], flow.pharmacy
    product = (("User-Agent", "Essai/1"), ("X-MSS-NIL", "NIL-77"))
    sent = letter(patient, pharmacy["address"], "Indicateurs", extra=product)
    flow.submit(patient, sent.raw, pharmacy["address"])
    flow.fetch(pharmacy, sent.message_id)
    text = signed_in(web, operator(flow)).get("/admin/indicateurs.csv").content.decode("utf-8-sig")
    rows = [line.split(";") for line in text.splitlines()]
    assert rows[0] == ["mois", "domaine", "type", "sens", "produit", "correspondant", "messages", "octets"]
    assert any(row[2:6] == ["ORG", "entrant", "NIL-77", "patient.mssante.fr"] for row in rows)
    assert patient["address"] not in text
    assert web.get("/admin/indicateurs.csv?mois=2026-13").status_code == 400


def test_a_guesser_is_an_incident(flow: Flow, web: Client):
    ours = {"sec-fetch-site": "same-origin", "origin": str(web.base_url).rstrip("/")}
    web.post("/entrer", data={"login": operator(flow), "password": "faux"}, headers=ours)
    text = signed_in(web, operator(flow)).get("/admin/incidents.csv").text
    assert "auth.refused" in text and "faux" not in text


def test_figures_are_for_the_loopback_alone(web: Client):
    figures = web.get("/metrics")
    assert figures.status_code == 200 and "pli_outbox_late_seconds" in figures.text
    assert web.get("/metrics", headers={"x-forwarded-for": "203.0.113.9"}).status_code == 404


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.mark.parametrize("width", list(WIDTHS))
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_accessible(flow: Flow, chromium: Browser, width: str, scheme: str):
    why = "Patiente inconsciente, allergies inconnues"
    flow.pli("record", "glass", "open", why, "--by", flow.physician["login"], "--patient", flow.patient()["login"])
    size = dict(zip(("width", "height"), WIDTHS[width], strict=True))
    with chromium.new_context(locale="fr-FR", viewport=size, color_scheme=scheme) as context:
        page = context.new_page()
        base = flow.server.info["http"]["url"]
        page.goto(f"{base}/entrer")
        page.fill("#login", operator(flow))
        page.fill("#password", PASSWORD)
        page.click("button.main:not([data-passkey])")
        page.wait_for_load_state()
        page.goto(f"{base}/admin")
        assert page.locator("a:has-text('Contrôler')").count() == 1
        assert Axe().run(page).response["violations"] == []
        picture(page, f"admin-{width}-{scheme}", whole=True)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_seals_are_listed_and_renewed(flow: Flow):
    pharmacy, patient = flow.pharmacy["address"], flow.patient()
    before = {row["mailbox"]: row["ends"] for row in flow.pli("seal", "list", "--json")}
    assert pharmacy in before and not [name for name in before if name.endswith("@patient.mssante.fr")]
    assert flow.pli("seal", "renew") == {"renewed": 0, "of_other_authorities": []}
    assert flow.pli("seal", "renew", pharmacy) == {"renewed": 1, "of_other_authorities": []}
    sent = letter(patient, pharmacy, "Après le nouveau sceau")
    flow.submit(patient, sent.raw, pharmacy)
    flow.fetch(flow.pharmacy, sent.message_id)
    with pytest.raises(OSError, match="no such mailbox"):
        flow.pli("seal", "renew", "personne@demo.mssante.test")


def test_the_log_says_nothing_of_anybody(flow: Flow):
    flow.assert_clean()
