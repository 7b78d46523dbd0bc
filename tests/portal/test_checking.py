"""Decisions about doubtful documents: taken back on the same page, by the same pharmacy, once."""

import re

import pytest
from playwright.sync_api import Browser as Chromium

from core.ins import Ins, key_of
from crypto.verdict import Reason, Verdict
from directory.patients import Identity
from ops.demo_files import PHOTO_DATE, prescription_pdf
from tests.support.browser import page_of, picture, sign_in, too_wide, violations
from tests.support.kept import PHARMACY, filing, keep, written
from tests.support.portal_world import OTHER, World, entries, served


def stray(world: World) -> None:
    """A prescription made out to somebody else waits at the pharmacy."""
    body = "2991299123003"
    who = Identity(Ins(body + key_of(body)), "QUÉRÉ", "Inès", "1999-12-02", "F")
    raw = written("Envoi inventé", 0, prescription_pdf(who, PHOTO_DATE))
    kept = world.kept
    filing(kept)(keep(kept, raw, kept.pharmacy, kept.patient, sender=kept.patient, verdict=Verdict(Reason.OK)))


@pytest.mark.parametrize("answer", ["oui", "non"])
def test_a_decision_is_taken_back_on_the_same_page(world: World, answer: str):
    stray(world)
    browser, path = world.signed_in(PHARMACY), "/officine/a-verifier"
    page = browser.get(path).text
    assert "Dernières décisions" not in page
    (document,) = set(re.findall(rf'action="{path}/(\d+)"', page))
    assert browser.act(path, f"{path}/{document}", classer=answer).status_code == 303
    page = browser.get(path).text
    assert f'action="{path}/{document}/annuler"' in page and f'action="{path}/{document}"' not in page
    assert ("Classé, de" in page, "Écarté, de" in page) == (answer == "oui", answer == "non")
    assert "annuler" not in world.signed_in(OTHER).get(path).text
    assert world.signed_in(OTHER).act("/officine", f"{path}/{document}/annuler").status_code == 404
    assert browser.act(path, f"{path}/{document}/annuler").status_code == 303
    page = browser.get(path).text
    assert "Dernières décisions" not in page
    assert entries(world, "document.reconcile", "undone") == 1
    assert (f'action="{path}/{document}"' in page) == (answer == "oui")  # what was dropped is read again by the worker
    assert browser.act("/officine", f"{path}/{document}/annuler").status_code == 404


@pytest.mark.slow
@pytest.mark.parametrize("size", ["phone", "counter"])
def test_what_waits_and_what_was_decided_are_accessible(world: World, chromium: Chromium, size: str) -> None:
    browser, path = world.signed_in(PHARMACY), "/officine/a-verifier"
    for answer in ("oui", "non"):
        stray(world)
        document = re.findall(rf'action="{path}/(\d+)"', browser.get(path).text)[0]
        assert browser.act(path, f"{path}/{document}", classer=answer).status_code == 303
    stray(world)
    with served(world.app) as base:
        page = page_of(chromium, size)
        sign_in(page, base, PHARMACY)
        page.goto(f"{base}{path}")
        picture(page, f"decisions-{size}", whole=True)
        assert page.get_by_role("button", name="Annuler cette décision").count() == 2
        assert violations(page) == []
        assert not too_wide(page)
