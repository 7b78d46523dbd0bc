"""The patient's page: where each order stands, in plain words, and the one thing that a patient may do."""

from datetime import UTC, datetime

import pytest

from portal.moments import moments
from record.orders import State
from tests.support.kept import PHARMACY, ordered, prescribed
from tests.support.portal_world import World, full_board, moved


def test_each_order_says_where_it_stands(world: World):
    full_board(world.kept)
    page = world.signed_in(world.patient_login).get("/p").text
    for words in (
        "Votre ordonnance est arrivée",
        "La pharmacie vous pose une question",
        "La photo est floue : pouvez-vous la reprendre ?",
        "Votre commande est prête",
        "Une partie de votre commande est prête",
        "promis pour le",
        "Commande retirée",
        "PHARMACIE DU PORT",
    ):
        assert words in page, words
    assert "@" not in page  # nobody's address, which is a patient's number


def test_an_answered_question_asks_for_nothing_more(world: World):
    order = ordered(world.kept, prescribed(world.kept))
    counter, patient = world.signed_in(PHARMACY), world.signed_in(world.patient_login)
    path = f"/officine/commande/{order.number}"
    answer = counter.act(path, f"{path}/etat", vers="question", version="1", note="Quelle dose ?")
    assert "la question est posée au patient" in counter.get(answer.headers["location"]).text
    assert "La pharmacie vous pose une question" in patient.get("/p").text
    world.kept.clock.advance(60)
    assert patient.act("/p", f"/p/repondre/{order.number}", texte="75 µg").status_code == 303
    page = patient.get("/p").text
    assert "Votre réponse est partie" in page and "vous pose une question" not in page
    world.kept.clock.advance(60)
    assert counter.act(path, f"{path}/repondre", texte="Et quand ?").status_code == 303
    assert "La pharmacie vous pose une question" in patient.get("/p").text


def test_a_patient_cancels(world: World):
    order = ordered(world.kept, prescribed(world.kept))
    browser = world.signed_in(world.patient_login)
    answer = browser.act("/p", f"/p/commande/{order.number}/annuler", version="1")
    assert answer.headers["location"] == "/p?fait=annulee"
    assert "Votre commande est annulée." in browser.get("/p?fait=annulee").text
    assert world.kept.db.read(world.services.orders.get, order.id).state is State.CANCELLED


def test_a_collected_order_cannot_be_cancelled(world: World):
    order = full_board(world.kept)["collected"]
    browser = world.signed_in(world.patient_login)
    answer = browser.act("/p", f"/p/commande/{order.number}/annuler", version=str(order.version))
    assert answer.status_code == 409


def test_somebody_else_s_order_does_not_exist(world: World):
    browser = world.signed_in(world.patient_login)
    assert browser.act("/p", "/p/commande/AAA-AAAA/annuler", version="1").status_code == 404
    assert world.signed_in(PHARMACY).get("/p").status_code in (401, 404)


def test_nothing_yet(world: World):
    assert "Aucune commande en cours" in world.signed_in(world.patient_login).get("/p").text


@pytest.mark.parametrize("state", list(State))
def test_every_state_has_its_words(state: State):
    from portal.words import standing

    assert standing(state).title and standing(state).advice


def test_an_old_sight_is_refused(world: World):
    order = ordered(world.kept, prescribed(world.kept))
    moved(world.kept, order, State.TAKEN)
    browser = world.signed_in(world.patient_login)
    assert browser.act("/p", f"/p/commande/{order.number}/annuler", version="1").status_code == 409


def test_what_is_ready_comes_with_the_hours_and_what_is_not_does_not(world: World):
    board = full_board(world.kept)
    pages = world.signed_in(PHARMACY)
    pages.act("/officine/reglages", "/officine/reglages", horaires="<b>nuit</b> et jour", delai="30", version="0")
    page = world.signed_in(world.patient_login).get("/p").text
    assert page.count("Horaires : &lt;b&gt;nuit&lt;/b&gt; et jour") == page.count('class="qr"') > 0
    assert len(board) > page.count('class="qr"')


@pytest.mark.parametrize(("hour", "days"), [(8, 1), (16, 1), (17, 0), (23, 0)])
def test_a_wish_says_the_day_and_nobody_is_offered_an_evening_that_is_over(hour: int, days: int):
    found = [text for _label, text in moments(datetime(2026, 11, 30, hour, tzinfo=UTC), UTC)]
    assert sum("lundi 30/11" in text for text in found) == days and sum("mardi 1/12" in text for text in found) == 2
    assert not any("demain" in text or "aujourd" in text for text in found)
