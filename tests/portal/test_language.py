"""French first, English second: no sentence without its translation, no French in an English page, the choice kept."""

import re
from html.parser import HTMLParser

import pytest
from jinja2 import Environment

from portal.language import LANGUAGES, SOURCE, negotiated, translated
from tests.support.catalogue import PORTAL, catalogue, said
from tests.support.kept import PHARMACY
from tests.support.portal_world import World, full_board

OTHERS = [each for each in LANGUAGES if each != SOURCE]
PLACES = re.compile(r"%\((\w+)\)s")
TEMPLATES = sorted(path.name for path in (PORTAL / "templates").glob("*.html"))


@pytest.mark.parametrize("language", OTHERS)
def test_every_sentence_is_translated_with_the_same_places(language: str):
    known = catalogue(language)
    missing = []
    for sentence, where in said().items():
        first = sentence if isinstance(sentence, str) else sentence[0]
        found = known.get(first) if first else None
        texts = [] if found is None else [found.string] if isinstance(found.string, str) else list(found.string)
        if first and not (texts and all(texts)):
            missing.append((where, sentence))
        for text in texts:
            assert set(PLACES.findall(text)) == set(PLACES.findall(first)), (where, sentence)
    assert not missing, "python -m tests.support.catalogue adds them to the catalogue, empty"


@pytest.mark.parametrize("language", OTHERS)
def test_nothing_is_translated_that_nobody_says(language: str):
    firsts = {each if isinstance(each, str) else each[0] for each in said()}
    spoken = {each.id if isinstance(each.id, str) else each.id[0] for each in catalogue(language) if each.id}
    assert not spoken - firsts, "python -m tests.support.catalogue takes them out"


@pytest.mark.parametrize("name", TEMPLATES)
def test_templates_say_nothing_past_the_catalogue(name: str):
    """Words between tags, and in the attributes that people hear or see, stand in `_()` or come from a filter."""
    source = (PORTAL / "templates" / name).read_text(encoding="utf-8")
    tokens = Environment(extensions=["jinja2.ext.i18n"], trim_blocks=True).lex(source)
    bare = "".join(text if kind == "data" else "\ue000" for _line, kind, text in tokens)
    words = Bare()
    words.feed(bare)
    assert not words.found, (name, words.found)


class Bare(HTMLParser):
    """Texts of two letters or more; names of products and codes are no sentences."""

    SPOKEN = ("aria-label", "title", "alt", "placeholder")
    NAMES = {"Pli", "INS", "PDF", "pli audit verify", "pli audit prove"}

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_data(self, data: str) -> None:
        for text in data.split("\ue000"):
            is_attribute = re.fullmatch(r'\s*[\w-]+="[^"]*"\s*', text)
            if not is_attribute and re.search(r"[^\W\d_]{2}", text) and text.strip(" \n·–:.,") not in self.NAMES:
                self.found.append(text.strip())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        for name, value in attrs:
            if name in self.SPOKEN and value and re.search(r"[^\W\d_]{2}", value.replace("\ue000", "")):
                self.found.append(f"{name}={value}")


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "fr"),
        ("fr-FR,fr;q=0.9,en;q=0.8", "fr"),
        ("en-GB,en;q=0.9", "en"),
        ("de-DE,de;q=0.9,en;q=0.5", "en"),
        ("de,es", "fr"),
        ("fr;q=0.1,en;q=0.2", "en"),
        ("en;q=0,fr;q=0.1", "fr"),
        ("en;q=bad", "fr"),
        ("en;level=1", "fr"),
        (",,;;=,\x00," + "en," * 5000, "en"),
        ("x" * 100_000 + ",en", "fr"),
    ],
)
def test_the_browser_s_wish(header: str, language: str):
    assert negotiated(header) == language


def test_the_choice_is_kept_and_beats_the_browser_s_wish(world: World):
    browser = world.browser()
    answer = browser.post("/affichage", langue="en", aspect="dark", retour="/mentions")
    assert answer.headers["location"] == "/mentions"
    page = browser.get("/mentions").text
    assert '<html lang="en" data-aspect="dark">' in page
    assert "Legal notices" in page
    browser.post("/affichage", langue="klingon", aspect="<script>")
    assert '<html lang="en" data-aspect="dark">' in browser.get("/").text
    browser.post("/affichage", langue="fr", aspect="auto")
    assert '<html lang="fr">' in browser.get("/").text


@pytest.mark.parametrize(
    "back", ["https://ailleurs.example/", "//ailleurs.example", "/\\ailleurs.example", "/\r\nx: y", "", "p", "/é"]
)
def test_one_never_goes_back_to_somewhere_else(world: World, back: str):
    answer = world.browser().post("/affichage", langue="en", retour=back)
    assert answer.headers["location"] == "/"


def test_an_english_page_holds_no_sentence_of_the_source(world: World):
    orders = full_board(world.kept)
    french = {each for each in said() if isinstance(each, str) and each and translated(each, "en") != each}
    pharmacy = ["/officine", "/officine/chiffres", "/officine/reglages", "/officine/equipe", "/officine/a-verifier"]
    pharmacy += [f"/officine/commande/{order.number}{part}" for order in orders.values() for part in ("", "/fiche")]
    rounds = {
        "": ["/", "/entrer", "/mentions", "/vie-privee", "/accessibilite", "/affichage", "/nulle-part", "/p"],
        PHARMACY: [*pharmacy, "/compte"],
        world.patient_login: ["/p", "/p/envoyer", "/p/compte"],
    }
    for login, paths in rounds.items():
        browser = world.signed_in(login) if login else world.browser()
        browser.client.cookies.set("pli-langue", "en")
        for path in paths:
            page = Shown()
            page.feed(browser.get(path).text)
            assert not page.texts & french, (path, page.texts & french)
            assert page.languages[0] == "en"


class Shown(HTMLParser):
    """The texts of a page that are not marked as French: what people wrote stays in their language."""

    VOID = {"meta", "link", "input", "br", "img", "path", "rect", "line", "circle"}

    def __init__(self) -> None:
        super().__init__()
        self.texts: set[str] = set()
        self.languages: list[str] = []
        self._open: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if found.get("lang"):
            self.languages.append(str(found["lang"]))
        if tag not in self.VOID:
            self._open.append((tag, found.get("lang") == "fr"))
        self.texts |= {str(found[name]) for name in Bare.SPOKEN if found.get(name)}

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not any(french for _tag, french in self._open):
            self.texts.add(data.strip())
