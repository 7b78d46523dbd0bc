"""The languages of the pages. French is written in the code itself; each other language is a gettext catalogue
(`portal/locale/<language>.po`), read once. What a catalogue does not know stays French."""

from functools import cache
from gettext import GNUTranslations, NullTranslations
from importlib.resources import files
from io import BytesIO

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from starlette.requests import Request

SOURCE = "fr"
LANGUAGES = {SOURCE: "Français", "en": "English"}  # each in its own name
COOKIE = "pli-langue"
_LONGEST_HEADER = 500


def N_(text: str) -> str:
    """Marks a sentence that a template shows by the filter `tr`, so that it is found for the catalogues."""
    return text


def language_of(request: Request) -> str:
    """What the person chose at the foot of a page; else what the browser asks for (RFC 9110 §12.5.4); else French."""
    chosen = request.cookies.get(COOKIE, "")
    if chosen in LANGUAGES:
        return chosen
    return negotiated(request.headers.get("accept-language", ""))


def negotiated(header: str) -> str:
    """The best of our languages for an Accept-Language header; French for nonsense and for none of ours."""
    wishes: list[tuple[float, str]] = []
    for place, wish in enumerate(header[:_LONGEST_HEADER].split(",")):
        tag, _, weight = wish.strip().partition(";")
        language = tag.strip().lower().split("-", 1)[0]
        if language in LANGUAGES and (quality := _quality(weight)) > 0:
            wishes.append((quality - place / 1000, language))
    return max(wishes, default=(0.0, SOURCE))[1]


def _quality(weight: str) -> float:
    """Of `q=0.8`; nothing said is 1, what is no number is 0."""
    if not weight.strip():
        return 1.0
    name, _, value = weight.partition("=")
    try:
        return min(1.0, float(value)) if name.strip().lower() == "q" else 0.0
    except ValueError:
        return 0.0


@cache
def translations(language: str) -> NullTranslations:
    """The catalogue of this language; the source's own is empty."""
    if language == SOURCE:
        return NullTranslations()
    compiled = BytesIO()
    with files("portal").joinpath("locale", f"{language}.po").open("rb") as source:
        write_mo(compiled, read_po(source, locale=language))
    compiled.seek(0)
    return GNUTranslations(compiled)


def translated(text: str, language: str) -> str:
    """A whole sentence of ours; itself where it is empty or unknown."""
    return translations(language).gettext(text) if text else ""


def known(text: str, language: str) -> bool:
    """Whether this sentence can be said in this language."""
    return language == SOURCE or (bool(text) and translated(text, language) != text)
