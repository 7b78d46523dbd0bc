"""The board and what the pharmacist does there: exactly the moves of the trade, nobody else's orders, traced first."""

import re

import pytest

from crypto.verdict import Reason, Verdict
from portal.offers import offers
from record.orders import TABLE, Role, State, next_states
from tests.support.kept import PHARMACY, ordered, prescribed
from tests.support.portal_world import OTHER, TEXT, World, confirmed, entries, full_board, moved


def state(world: World, number: str) -> State:
    return world.kept.db.read(world.services.orders.by_number, number).state


def test_each_order_stands_in_its_column(world: World):
    orders = full_board(world.kept)
    page = world.signed_in(PHARMACY).get("/officine").text
    columns = dict(re.findall(r'<h2 id="c-[\w-]+">([^<]+) <span.*?</h2>(.*?)</section>', page, re.DOTALL))
    places = {
        "Reçues": ("altered", "received"),
        "À préciser": ("question",),
        "En préparation": ("preparing", "taken"),
        "Prêtes": ("ready",),
        "Promis": ("late", "promised"),
    }
    for title, names in places.items():
        shown = re.findall(r'data-order="([^"]+)"', columns[title])
        assert sorted(shown) == sorted(orders[name].number for name in names)
    assert orders["collected"].number not in page


def test_words_for_signatures_ages_and_promises(world: World):
    full_board(world.kept)
    page = world.signed_in(PHARMACY).get("/officine").text
    for words in (
        "Signature valide",
        "ALTÉRÉE – ne pas s&#39;y fier",
        "Non signée",
        "depuis hier",
        "depuis 19 min",
        "2 lignes à confirmer",
        "(date passée)",
        "Lévothyroxine 75 µg",
        "Maëlys LÉVÊQUE",
    ):
        assert words in page, words


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("unconfirmed", [0, 2])
def test_the_buttons_are_the_moves_of_the_trade(state: State, unconfirmed: int):
    for role in (Role.PHARMACIST, Role.PATIENT):
        found = offers(state, role, unconfirmed)
        assert tuple(offer.to for offer in found) == tuple(to.value for to in next_states(state, role))
        for offer in found:
            rule = TABLE[state][State(offer.to)]
            assert bool(offer.blocked) == (rule.confirmed and unconfirmed > 0)
            assert offer.label


def test_from_received_to_collected_by_hand(world: World):
    order = ordered(world.kept, prescribed(world.kept, Verdict(Reason.OK)), TEXT)
    browser, path = world.signed_in(PHARMACY), f"/officine/commande/{order.number}"
    assert (
        browser.act("/officine", f"{path}/etat", vers="taken", version="1").headers["location"]
        == "/officine?fait=taken"
    )
    page = browser.get(path).text
    assert page.count("à confirmer</span>") == 2 and "Douteux ou absent : le dosage" in page
    form = {
        "nom": ["PARACÉTAMOL", "LÉVOTHYROXINE", "SÉRUM PHYSIOLOGIQUE"],
        "dosage": ["1 g", "75 µg", ""],
        "posologie": ["1 comprimé matin et soir", "1 le matin à jeun", ""],
        "duree": ["5 jours", "3 mois", ""],
    }
    answer = browser.act(path, f"{path}/lignes", version="2", ensuite="preparing", **form)
    assert answer.headers["location"] == "/officine?fait=preparing"
    detail = world.kept.db.read(lambda s: world.services.orders.detail(s, world.services.orders.get(s, order.id)))
    assert [(line.name, line.strength, line.confirmed) for line in detail.lines] == [
        ("PARACÉTAMOL", "1 g", True),
        ("LÉVOTHYROXINE", "75 µg", True),
        ("SÉRUM PHYSIOLOGIQUE", "", True),
    ]
    assert "la commande est en préparation" in browser.get("/officine?fait=preparing").text
    assert browser.act("/officine", f"{path}/etat", vers="ready", version="4").status_code == 303
    assert browser.act("/officine", f"{path}/etat", vers="collected", version="5").status_code == 303
    assert state(world, order.number) is State.COLLECTED
    assert "Historique" in browser.get(path).text


def test_proposed_lines_hold_the_order_back(world: World):
    order = ordered(world.kept, prescribed(world.kept), TEXT)
    moved(world.kept, order, State.TAKEN)
    browser, path = world.signed_in(PHARMACY), f"/officine/commande/{order.number}"
    assert "des lignes restent à confirmer" in browser.get(path).text
    answer = browser.act(path, f"{path}/etat", vers="preparing", version="2")
    assert answer.status_code == 409 and "Des lignes restent à confirmer." in answer.text
    assert state(world, order.number) is State.TAKEN


def test_what_changed_meanwhile_is_not_overwritten(world: World):
    order = ordered(world.kept, prescribed(world.kept))
    browser, path = world.signed_in(PHARMACY), f"/officine/commande/{order.number}"
    assert browser.act(path, f"{path}/etat", vers="taken", version="1").status_code == 303
    answer = browser.act(path, f"{path}/etat", vers="question", version="1", note="Quelle dose ?")
    assert answer.status_code == 409 and "a changé entre-temps" in answer.text and "Rouvrez la page" in answer.text
    rows = {"nom": ["X"], "dosage": [""], "posologie": [""], "duree": [""]}
    assert browser.act(path, f"{path}/lignes", version="1", **rows).status_code == 409


@pytest.mark.parametrize(
    ("form", "status", "says"),
    [
        ({"vers": "question"}, 400, "Dites au patient pourquoi."),
        ({"vers": "question", "note": "x" * 1001}, 400, "Texte trop long."),
        ({"vers": "partly_ready", "promis": "A", "jour": "2027-01-01"}, 409, "ne peut pas devenir"),
        ({"vers": "expired"}, 409, "ne vous appartient pas"),
        ({"vers": "bogus"}, 400, "n&#39;existe pas"),
        ({"vers": "taken", "promis": "A", "jour": "hier"}, 400, "AAAA-MM-JJ"),
        ({"vers": "taken", "promis": "x" * 300}, 400, "trop longue"),
        ({"vers": "taken", "version": "un"}, 400, "Demande incomprise"),
        ({"vers": "taken", "version": str(2**70)}, 400, "Demande incomprise"),
        ({}, 400, "Demande incomprise"),
    ],
)
def test_wrong_forms_are_told_in_plain_words(world: World, form: dict[str, str], status: int, says: str):
    order = ordered(world.kept, prescribed(world.kept))
    browser, path = world.signed_in(PHARMACY), f"/officine/commande/{order.number}"
    answer = browser.act(path, f"{path}/etat", **({"version": "1"} | form))
    assert answer.status_code == status and says in answer.text, answer.text
    assert state(world, order.number) is State.RECEIVED


def test_uneven_or_endless_lines_are_refused(world: World):
    order = ordered(world.kept, prescribed(world.kept))
    browser, path = world.signed_in(PHARMACY), f"/officine/commande/{order.number}"
    good = {"version": "1", "dosage": [""], "posologie": [""], "duree": [""]}
    assert browser.act(path, f"{path}/lignes", nom=["A", "B"], **good).status_code == 400
    assert browser.act(path, f"{path}/lignes", nom=["A" * 201], **good).status_code == 400
    many = {name: ["A"] * 61 for name in ("nom", "dosage", "posologie", "duree")}
    assert browser.act(path, f"{path}/lignes", version="1", **many).status_code == 400


def test_a_doubtful_strength_is_not_confirmed_as_it_stands(world: World):
    order = ordered(world.kept, prescribed(world.kept), TEXT)
    browser, path = world.signed_in(PHARMACY), f"/officine/commande/{order.number}"
    rows = {"nom": ["LÉVOTHYROXINE"], "dosage": ["75 µg ?"], "posologie": [""], "duree": [""]}
    answer = browser.act(path, f"{path}/lignes", version="1", **rows)
    assert answer.status_code == 400 and "porte encore un" in answer.text
    assert world.kept.db.read(world.services.orders.get, order.id).version == 1


def test_the_order_of_another_pharmacy_does_not_exist(world: World):
    order = ordered(world.kept, prescribed(world.kept))
    browser, path = world.signed_in(OTHER), f"/officine/commande/{order.number}"
    unknown = browser.get("/officine/commande/AAA-AAAA")
    found = browser.get(path)
    assert found.status_code == unknown.status_code == 404
    assert re.sub(r"\s", "", found.text) == re.sub(r"\s", "", unknown.text)
    assert order.number not in browser.get("/officine").text
    for action, form in (("etat", {"vers": "taken", "version": "1"}), ("lignes", _rows())):
        assert browser.act("/officine", f"{path}/{action}", **form).status_code == 404
    assert state(world, order.number) is State.RECEIVED
    assert entries(world, "order.read", "refused") == 3 and entries(world, "order.read", "not_found") == 1


def _rows() -> dict[str, str | list[str]]:
    return {"version": "1", "nom": ["X"], "dosage": [""], "posologie": [""], "duree": [""]}


def test_a_patient_and_a_stranger_have_no_board(world: World):
    assert world.signed_in(world.patient_login).get("/officine").status_code == 401  # a session for each role
    assert world.browser().get("/officine").status_code == 401
    assert world.browser().post("/officine/commande/AAA-AAAA/etat", vers="taken", version="1").status_code == 401


def test_every_order_is_traced_before_it_is_shown_once_a_version(world: World):
    order = ordered(world.kept, prescribed(world.kept))
    browser = world.signed_in(PHARMACY)
    for _ in range(3):
        browser.get("/officine?auto=1")
    assert entries(world, "order.read") == 1
    moved(world.kept, order, State.TAKEN)
    browser.get("/officine")
    assert entries(world, "order.read") == 2
    world.signed_in(PHARMACY).get("/officine")
    assert entries(world, "order.read") == 3


def test_without_the_trail_nothing_is_shown(world: World, monkeypatch: pytest.MonkeyPatch):
    """A trail that cannot be written: the table is gone."""
    from sqlalchemy import text

    ordered(world.kept, prescribed(world.kept))
    browser = world.signed_in(PHARMACY)
    world.kept.db.run(lambda session: session.execute(text("ALTER TABLE audit RENAME TO gone")) and None)
    answer = browser.get("/officine")
    assert answer.status_code in (500, 503) and "LÉVÊQUE" not in answer.text


def test_the_document_itself_by_the_record_s_door(world: World):
    order = ordered(world.kept, prescribed(world.kept))
    browser = world.signed_in(PHARMACY)
    links = re.findall(r"/officine/document/\d+", browser.get(f"/officine/commande/{order.number}").text)
    assert len(set(links)) == 2  # each is shown beside the lines, and opens alone
    answer = browser.get(links[0])
    assert answer.content.startswith(b"%PDF") and answer.headers["content-type"] == "application/pdf"
    assert answer.headers["cache-control"] == "no-store" and "LÉVÊQUE" not in answer.headers["content-disposition"]
    assert entries(world, "document.read") == 1
    assert world.signed_in(OTHER).get(links[0]).status_code in (404, 409)
    assert entries(world, "document.read", "refused") == 1
    assert browser.get("/officine/document/1").status_code == 404
    assert browser.get("/officine/document/x").status_code == 404


def test_the_same_document_sent_again_opens_where_it_was_filed(world: World):
    prescribed(world.kept)
    order = ordered(world.kept, prescribed(world.kept))
    browser = world.signed_in(PHARMACY)
    page = browser.get(f"/officine/commande/{order.number}").text
    links = re.findall(r"/officine/document/\d+", page)
    assert page.count("déjà reçu auparavant") == 2 and browser.get(links[0]).content.startswith(b"%PDF")


def test_an_altered_message_is_shown_and_nothing_comes_of_it(world: World):
    prescribed(world.kept, Verdict(Reason.CONTENT_CHANGED))
    browser = world.signed_in(PHARMACY)
    assert "2 documents à vérifier" in browser.get("/officine").text
    page = browser.get("/officine/a-verifier").text
    assert page.count("ALTÉRÉE – ne pas s&#39;y fier") == 2 and "Classer pour ce patient" not in page
    first = re.findall(r'action="/officine/a-verifier/(\d+)"', page)[0]
    answer = browser.act("/officine/a-verifier", f"/officine/a-verifier/{first}", classer="oui")
    assert answer.status_code == 409
    assert browser.act("/officine/a-verifier", f"/officine/a-verifier/{first}", classer="non").status_code == 303
    assert "1 document à vérifier" in browser.get("/officine").text
    assert world.signed_in(OTHER).get("/officine/a-verifier").text.count("ALTÉRÉE") == 0


def test_what_a_patient_writes_is_text_and_nothing_else(world: World):
    order = ordered(world.kept, prescribed(world.kept), "<script>alert(1)</script> PARACÉTAMOL 1 g, comprimé")
    moved(world.kept, confirmed(world.kept, order), State.TAKEN)
    browser, path = world.signed_in(PHARMACY), f"/officine/commande/{order.number}"
    rows = {"nom": ['"><script>x</script>'], "dosage": ["{{7*7}}"], "posologie": [""], "duree": [""]}
    browser.act(path, f"{path}/lignes", version="3", **rows)
    page = browser.get(path).text
    assert "<script>x" not in page and "{{7*7}}" in page and "&lt;script&gt;x" in page
