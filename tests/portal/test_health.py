"""`/sante` for supervision, the entrance for everybody, and logs that name nobody."""

from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from core import outbox
from core.db import Db
from core.errors import DatabaseDown
from portal.app import build
from portal.services import DemoDoor
from tests.support.kept import PHARMACY
from tests.support.portal_world import PASSWORD, Browser, World, full_board


def test_well(world: World):
    row = world.kept.db.run(lambda session: outbox.put(session, "x", 1, now=world.kept.clock.now()))
    world.kept.db.run(outbox.bury, row, "given up")
    world.kept.db.run(lambda session: outbox.put(session, "x", 2, now=world.kept.clock.now()))
    answer = world.browser().get("/sante")
    assert answer.json() == {"ok": True, "database": True, "waiting": 1, "buried": 1} and answer.status_code == 200


class _Gone(Db):
    """A database that does not answer any more."""

    def read(self, *_arguments: object, **_named: object) -> object:
        raise DatabaseDown("the database does not answer", "gone")


def test_without_a_database(world: World, tmp_path: Path):
    gone = _Gone(f"sqlite:///{tmp_path / 'gone.db'}")
    browser = Browser(build(replace(world.services, db=gone)))
    assert browser.get("/sante").status_code == 503 and browser.get("/sante").json()["ok"] is False
    browser.client.cookies.set("pli", "a" * 43)
    page = browser.get("/officine")
    assert page.status_code == 503 and "Recommencez dans une minute" in page.text and "database" not in page.text
    gone.close()


def test_the_entrance_shows_the_demo_s_doors_in_the_demo_only(world: World):
    page = world.browser().get("/").text
    assert "DÉMO" in page and "Entrer comme pharmacie" in page
    earnest = Browser(build(replace(world.services, demo=False))).get("/").text
    assert "DÉMO" not in earnest and PASSWORD not in earnest and "Entrer comme" not in earnest


def test_a_demo_door_opens(world: World):
    answer = world.browser().post("/demo/entrer", role="pharmacist")
    assert answer.headers["location"] == "/officine"
    assert world.browser().post("/demo/entrer", role="nobody").status_code == 404
    earnest = Browser(build(replace(world.services, demo=False)))
    assert earnest.post("/demo/entrer", role="pharmacist").status_code == 404


def test_unknown_pages_say_what_to_do(world: World):
    answer = world.browser().get("/nulle/part")
    assert answer.status_code == 404 and "Revenez à l&#39;accueil" in answer.text


def test_a_failure_of_ours_tells_nothing_of_itself(world: World):
    def broken() -> tuple[DemoDoor, ...]:
        raise RuntimeError("secret de Maëlys")

    answer = Browser(build(replace(world.services, demo_doors=broken))).get("/")
    assert answer.status_code == 500 and "Rien n&#39;a été perdu" in answer.text and "Maëlys" not in answer.text


def test_logs_name_nobody(world: World, caplog: pytest.LogCaptureFixture):
    caplog.set_level("DEBUG")
    with capture_logs() as events:
        orders = full_board(world.kept)
        browser = world.signed_in(PHARMACY)
        for path in ("/", "/officine", f"/officine/commande/{orders['ready'].number}", "/officine/a-verifier", "/x"):
            browser.get(path)
        browser.post("/entrer", login=world.patient_login, password="faux")
        world.signed_in(world.patient_login).get("/p")
    ours = [
        record.getMessage() for record in caplog.records if not record.name.startswith("httpx2")
    ]  # the client's own
    told = repr(events) + repr(ours)
    assert "web.request" in told and "/officine/commande/{number}" in told
    for secret in ("LÉVÊQUE", "Maëlys", "2790399", PHARMACY, PASSWORD, "PARAC", "1979", orders["ready"].number):
        assert secret not in told, secret
