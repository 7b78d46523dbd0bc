"""Every route × every role × somebody else's object: a route without a rule here fails, and nothing leaks."""

import re

import pytest

from crypto.verdict import Reason, Verdict
from ops.demo_files import demo_patient
from record.orders import State
from tests.support.kept import PHARMACY, ordered, prescribed
from tests.support.portal_clinic import PHYSICIAN, Clinic, moved_in
from tests.support.portal_world import OTHER, World, confirmed, moved, open_world

PUBLIC, SIGNED_IN = "public", "anyone who is signed in"
OPEN = {
    "/",
    "/accessibilite",
    "/mentions",
    "/vie-privee",
    "/affichage",
    "/sante",
    "/entrer",
    "/sortir",
    "/p/sortir",
    "/metrics",
}  # exactly these
RULES = {  # the beginning of a path → who; the longest that fits
    "/demo": PUBLIC,  # in the demonstration alone
    "/psc": PUBLIC,
    "/oidc": PUBLIC,  # the homeserver's; who is let through: test_oidc
    "/oidc/autoriser": SIGNED_IN,
    "/entrer": PUBLIC,
    "/compte": SIGNED_IN,
    "/p/compte": SIGNED_IN,
    "/p": "patient",
    "/officine": "pharmacist",
    "/pro": "physician",
    "/admin": "operator",
    "/annuaire": PUBLIC,  # public data, with a door of its own
    "/fhir": PUBLIC,
    "/mail": PUBLIC,  # how mail programs set themselves up: names and ports
    "/.well-known": PUBLIC,
    "/messagerie.mobileconfig": PUBLIC,
}
SECRETS = ("LÉVÊQUE", "PARACÉTAMOL", "279039912300192", "2 79 03 99")


def rule(path: str) -> str | None:
    if path in OPEN:
        return PUBLIC
    fitting = [start for start in RULES if path == start or path.startswith(f"{start}/")]
    return RULES[max(fitting, key=len)] if fitting else None


@pytest.fixture(scope="module")
def routes(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str]]:
    """Method and path of each, as the application describes itself."""
    folder = tmp_path_factory.mktemp("routes")
    with open_world(f"sqlite:///{folder / 'pli.db'}", folder) as world:
        described = world.app.openapi()["paths"]
    return [(method.upper(), path) for path, methods in described.items() for method in methods]


def test_every_route_has_a_rule(routes: list[tuple[str, str]]):
    assert len(routes) > 40
    assert not [path for _method, path in routes if rule(path) is None]


def filled(path: str, number: str, ids: str, glass: str = "") -> str:
    named = {"number": number, "glass_id": glass or ids}
    return re.sub(r"{(\w+)}", lambda name: named.get(name[1], ids), path)


def opened_in_an_emergency(world: World) -> str:
    """By a physician, who reads it."""
    who, browser = demo_patient(), Clinic(world).browser
    form = {"matricule": who.ins.matricule, "naissance": who.birth_date, "motif": "Patiente inconsciente, allergies ?"}
    page = browser.act("/pro/urgence", "/pro/urgence", **form).headers["location"]
    assert who.family in browser.get(page).text
    return page.rsplit("/", 1)[1]


@pytest.mark.parametrize("who", ["stranger", "patient", "pharmacist", "other pharmacy", "other physician", "operator"])
def test_nobody_gets_what_is_not_theirs(world: World, routes: list[tuple[str, str]], who: str):
    order = ordered(world.kept, prescribed(world.kept, Verdict(Reason.OK)))
    order = moved(world.kept, confirmed(world.kept, moved(world.kept, order, State.TAKEN)), State.PREPARING)
    glass = opened_in_an_emergency(world)
    logins = {"patient": world.patient_login, "pharmacist": PHARMACY, "other pharmacy": OTHER}
    logins |= {"other physician": PHYSICIAN.replace("lea", "noe"), "operator": "exploitation@demo.mssante.test"}
    role = {"other pharmacy": "pharmacist", "other physician": "physician"}.get(who, who)
    if who in ("other physician", "operator"):
        moved_in(world, logins[who], role)
    browser = world.signed_in(logins[who]) if who in logins else world.browser()
    documents = world.kept.db.read(world.services.orders.detail, order).documents or (1,)
    for method, path in routes:
        wanted = rule(path)
        if method not in ("GET", "POST") or wanted in (PUBLIC, SIGNED_IN, role) and not who.startswith("other"):
            continue
        if path in ("/sortir", "/p/sortir") or wanted in (PUBLIC, SIGNED_IN):
            continue
        asked = filled(path, order.number, str(documents[0]), glass)
        if asked.endswith("/flux"):
            if who.startswith("other") or wanted == role:
                continue
        answer = browser.get(asked) if method == "GET" else browser.post(asked, jeton="x", version="1")
        if wanted != role:
            assert answer.status_code in (400, 401, 404), (method, path, answer.status_code)
        if who.startswith("other") and "{" in path:
            assert answer.status_code >= 400, (method, path)
        assert not [secret for secret in SECRETS if secret in answer.text], (method, path)
    assert world.kept.db.read(world.services.orders.get, order.id).version == order.version
    assert len(world.app.state.work.reviews.waiting()) == 1


@pytest.mark.parametrize("number", ["9" * 30, "-1", "9223372036854775808", "9223372036854775807"])
def test_a_number_that_no_row_can_have_is_no_page(world: World, routes: list[tuple[str, str]], number: str):
    logins = {
        "patient": world.patient_login,
        "pharmacist": PHARMACY,
        "physician": PHYSICIAN,
        "operator": "x@pli.example",
    }
    Clinic(world)
    moved_in(world, logins["operator"], "operator")
    browsers = {role: world.signed_in(login) for role, login in logins.items()}
    for method, path in routes:
        role = str(rule(path))
        if "{" in path and role in browsers:
            asked, browser = filled(path, number, number), browsers[role]
            answer = browser.get(asked) if method == "GET" else browser.post(asked, jeton="x", version="1")
            assert answer.status_code in (400, 404, 409), (method, path, answer.status_code)
