"""Every page of every role, in a real browser: axe without a finding, no word wider than the window, nothing asked of
anybody else, no matricule anywhere. A new route that has no line here fails."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Page

from ops.demo_files import demo_patient
from record.orders import State
from tests.support.browser import TOUCH, page_of, picture, resized, too_wide, violations
from tests.support.kept import PHARMACY, ordered, prescribed
from tests.support.portal_clinic import PHYSICIAN, Clinic
from tests.support.portal_world import PASSWORD, World, full_board, open_world, served

MATRICULE = demo_patient().ins.matricule
SPACED = "2 79 03 99 123 001"
STRANGER, PATIENT, COUNTER, CLINIC = "stranger", "patient", "pharmacist", "physician"
PAGES = {  # route → who looks, and the address with the world's own ids in it
    "/": (STRANGER, "/"),
    "/accessibilite": (STRANGER, "/accessibilite"),
    "/mentions": (STRANGER, "/mentions"),
    "/vie-privee": (STRANGER, "/vie-privee"),
    "/affichage": (STRANGER, "/affichage"),
    "/entrer": (STRANGER, "/entrer?pour=patient"),
    "/demo/duo": (STRANGER, "/demo/duo"),
    "/p": (PATIENT, "/p?fait=envoyee"),
    "/p/compte": (PATIENT, "/p/compte"),
    "/p/dossier": (PATIENT, "/p/dossier"),
    "/p/dossier/synthese": (PATIENT, "/p/dossier/synthese"),
    "/p/dossier/acces": (PATIENT, "/p/dossier/acces"),
    "/p/dossier/droits": (PATIENT, "/p/dossier/droits"),
    "/p/dossier/effacer": (PATIENT, "/p/dossier/effacer"),
    "/p/envoyer": (PATIENT, "/p/envoyer"),
    "/p/envoyer/documents": (PATIENT, "/p/envoyer/documents?pharmacie={pharmacy}"),
    "/officine": (COUNTER, "/officine?fait=ready"),
    "/officine/commande/{number}": (COUNTER, "/officine/commande/{taken}"),
    "/officine/commande/{number}/fiche": (COUNTER, "/officine/commande/{taken}/fiche"),
    "/officine/commande/{number}/etiquette": (COUNTER, "/officine/commande/{ready}/etiquette"),
    "/officine/a-verifier": (COUNTER, "/officine/a-verifier"),
    "/officine/chiffres": (COUNTER, "/officine/chiffres"),
    "/officine/reglages": (COUNTER, "/officine/reglages"),
    "/officine/equipe": (COUNTER, "/officine/equipe"),
    "/compte": (COUNTER, "/compte"),
    "/compte/mot-de-passe": (COUNTER, "/compte/mot-de-passe"),
    "/compte/appareils": (COUNTER, "/compte/appareils"),
    "/compte/messagerie": (COUNTER, "/compte/messagerie"),
    "/p/compte/mot-de-passe": (PATIENT, "/p/compte/mot-de-passe"),
    "/p/compte/appareils": (PATIENT, "/p/compte/appareils"),
    "/p/compte/messagerie": (PATIENT, "/p/compte/messagerie"),
    "/oidc/suite": (COUNTER, "/oidc/suite"),
    "/pro": (CLINIC, "/pro"),
    "/pro/message/{message_id}": (CLINIC, "/pro/message/{letter}"),
    "/pro/ecrire": (CLINIC, "/pro/ecrire"),
    "/pro/patient/{patient_id}": (CLINIC, "/pro/patient/{patient}?fait=envoye"),
    "/pro/patient/{patient_id}/ecrire": (CLINIC, "/pro/patient/{patient}/ecrire"),
    "/pro/envoyes": (CLINIC, "/pro/envoyes"),
    "/pro/envoyes/{message_id}": (CLINIC, "/pro/envoyes/{sent}"),
    "/pro/annuaire": (CLINIC, "/pro/annuaire?q=invent"),
    "/pro/a-verifier": (CLINIC, "/pro/a-verifier"),
    "/pro/urgence": (CLINIC, "/pro/urgence"),
    "/pro/urgence/{glass_id}": (CLINIC, "/pro/urgence/{glass}"),
}
MORE = (  # states of the same pages that look different
    (STRANGER, "/nulle-part"),
    (STRANGER, "/p"),
    (COUNTER, "/officine/commande/{altered}"),
    (COUNTER, "/officine/commande/{promised}"),
    (CLINIC, "/pro/message/{html}"),
)
NO_PAGES = {  # beginnings of other routes → why
    "/officine/flux": "a stream",
    "/p/flux": "a stream",
    "/officine/document/": "a file",
    "/pro/document/": "a file",
    "/pro/annuaire/correspondants": "a file",
    "/pro/message/{message_id}/fichier/": "a file",
    "/p/dossier/document/": "a file",
    "/p/envoyer/fichier/": "a file",
    "/p/envoyer/relire/": "a draft: test_main_job looks at it",
    "/admin/urgence/": "test_emergency looks at it",
    "/admin": "needs the house below: tests/flows/test_operator.py",
    "/metrics": "for programs",
    "/sante": "for programs",
    "/fhir/": "for programs",
    "/api/": "for programs",
    "/mail/": "for programs",
    "/.well-known/": "for programs",
    "/messagerie.mobileconfig": "for programs",
    "/psc/": "redirects",
    "/oidc/autoriser": "redirects",
    "/oidc/cles": "for programs",
    "/oidc/.well-known/": "for programs",
}


@dataclass(frozen=True)
class Place:
    """The world served, with who may enter and the ids of what is in it."""

    base: str
    world: World
    logins: dict[str, str]
    ids: dict[str, object]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("pages")
    with open_world(f"sqlite:///{folder / 'pli.db'}", folder) as world:
        orders = full_board(world.kept)
        clinic = Clinic(world)
        ids: dict[str, object] = {name: order.number for name, order in orders.items()}
        ids["glass"] = emergency(clinic)
        ids |= {"letter": clinic.letter, "html": clinic.html, "pharmacy": world.kept.pharmacy.mailbox.id}
        ids |= {"patient": world.kept.patient_id, "sent": clinic.sent("Un avis, s'il vous plaît.")}
        logins = {PATIENT: world.patient_login, COUNTER: PHARMACY, CLINIC: PHYSICIAN}
        with served(world.app) as base:
            yield Place(base, world, logins, ids)


def emergency(clinic: Clinic) -> str:
    """The clinic opens the patient's record."""
    who = demo_patient()
    form = {"matricule": who.ins.matricule, "naissance": who.birth_date, "motif": "Patiente inconsciente, allergies ?"}
    return clinic.browser.act("/pro/urgence", "/pro/urgence", **form).headers["location"].rsplit("/", 1)[1]


def entered(chromium: Browser, place: Place, role: str, language: str = "fr-FR") -> Page:
    page = page_of(chromium, language=language)
    if role in place.logins:
        page.goto(f"{place.base}/entrer")
        page.fill("#login", place.logins[role])
        page.fill("#password", PASSWORD)
        page.click("form button.main")
        page.wait_for_load_state()
    return page


def test_every_route_is_looked_at_or_is_no_page(world: World):
    described = world.app.openapi()["paths"]
    routes = [path for path, methods in described.items() if "get" in methods]
    unknown = [path for path in routes if path not in PAGES and not path.startswith(tuple(NO_PAGES))]
    assert not unknown, "give it a line in PAGES"
    assert not set(PAGES) - set(routes)


@pytest.mark.slow
@pytest.mark.parametrize("role", [STRANGER, PATIENT, COUNTER, CLINIC])
def test_every_page(place: Place, chromium: Browser, capsys: pytest.CaptureFixture[str], role: str):
    page, asked, said = entered(chromium, place, role), [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    pages = [*PAGES.values(), *MORE]
    for path in [path.format_map(place.ids) for who, path in pages if who == role]:
        page.goto(place.base + path)
        name = f"{role}{path.split('?')[0].replace('/', '-')}"
        resized(page, "counter", "light")
        assert violations(page) == [], path
        picture(page, name, whole=True)
        resized(page, "counter", "dark")
        assert violations(page, rules=["color-contrast"]) == [], f"{path} in dark"
        resized(page, "phone", "dark")
        assert violations(page, rules=["color-contrast"]) == [], f"{path} in dark, on a phone"
        resized(page, "phone", "light")
        assert violations(page) == [], f"{path} on a phone"
        assert page.evaluate(TOUCH) == [], path
        picture(page, f"phone-{name}", whole=True)
        assert not too_wide(page), path
        resized(page, "narrow", "light")
        assert not too_wide(page), f"{path} at 320"
        assert page.locator("h1").count() == 1, path
        shown = page.content() + page.title() + page.url
        assert MATRICULE not in shown and SPACED not in shown, path
    assert not [url for url in asked if not url.startswith((place.base, "about:", "data:", "blob:"))]
    assert not [line for line in said if "status of 404" not in line and "status of 401" not in line]
    assert MATRICULE not in capsys.readouterr().out
    page.context.close()


@pytest.mark.slow
def test_high_contrast_is_chosen_without_scripts(place: Place, chromium: Browser):
    page = page_of(chromium, scripts=False)
    page.goto(place.base)
    page.click("text=Affichage")
    page.check("text=Contraste élevé")
    page.check("text=English")
    page.click("text=Appliquer")
    assert page.get_attribute("html", "data-aspect") == "contrast"
    assert page.get_attribute("html", "lang") == "en"
    page.context.close()


@pytest.mark.slow
def test_the_list_of_the_annuaire_follows_the_typing(place: Place, chromium: Browser):
    """By htmx, under our own policy: nothing in the console, the address stays, the focus stays."""
    page, said = entered(chromium, place, CLINIC), []
    page.on("console", lambda message: said.append(message.text))
    page.goto(f"{place.base}/pro/annuaire")
    page.fill("#q", "personne de ce nom")
    page.wait_for_selector("text=Personne ne correspond")
    assert page.url == f"{place.base}/pro/annuaire"
    assert page.evaluate("document.activeElement.id") == "q"
    assert said == []
    page.context.close()


@pytest.mark.slow
def test_two_clicks_from_the_board_to_ready(place: Place, chromium: Browser):
    kept = place.world.kept
    order = ordered(kept, prescribed(kept))
    page = entered(chromium, place, COUNTER)
    page.click(f"a[href='/officine/commande/{order.number}']")
    page.click("text=Confirmer et préparer")
    page.click(f"[data-order='{order.number}'] button[data-to='ready']")
    page.wait_for_url("**/officine?fait=ready")
    assert kept.db.read(place.world.services.orders.get, order.id).state is State.READY
    page.context.close()
