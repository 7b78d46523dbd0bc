"""Templates: one environment a language, escaping always on, a missing name is an error and not an empty text."""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import BytecodeCache, Environment, PackageLoader, StrictUndefined
from jinja2.bccache import Bucket
from starlette.requests import Request
from starlette.responses import HTMLResponse

from portal import words
from portal.cards import Card
from portal.display import aspect_of
from portal.files import kind_of
from portal.language import LANGUAGES, SOURCE, language_of, translated, translations
from portal.navigation import tabs
from portal.services import Services
from portal.session import Visitor

_HOMES = {"patient": "/p", "pharmacist": "/officine", "physician": "/pro", "operator": "/admin"}


@dataclass(frozen=True, slots=True)
class _Anybody:
    """Stands for the reader in a card that many readers get: nobody can write this token into an order."""

    form_token: str


_ANYBODY = _Anybody(secrets.token_urlsafe(32))


class Pages:
    """Renders a page for a request, in its language."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._demo = services.demo
        self._environments = {language: _environment(services, language) for language in LANGUAGES}

    def show(
        self, request: Request, template: str, *, visitor: Visitor | None = None, status: int = 200, **shown: Any
    ) -> HTMLResponse:
        """The page; `shown` are the template's own names."""
        path = request.url.path
        common = {
            "demo": self._demo,
            "visitor": visitor,
            "home": home_of(visitor),
            "path": path,
            "here": path if request.method == "GET" and status == 200 else home_of(visitor),
            "tabs": tabs(visitor.role, path) if visitor else (),
            "aspect": aspect_of(request),
        }
        made = self._environments[language_of(request)].get_template(template).render(common | shown)
        return HTMLResponse(made, status, {"vary": "accept-language, cookie"})

    def card(self, card: Card, language: str = SOURCE) -> str:
        """A card of the board, drawn once for all that see it, until something in it changes; see `for_reader`."""
        day = self._services.clock.now().astimezone(self._services.zone).date()
        shows = (card.unseen, card.badge, card.age, card.is_overdue, card.is_due, day)
        kept = card.drawn.get(language)
        if kept is None or kept[0] != shows:
            template = self._environments[language].get_template("card.html")
            kept = card.drawn[language] = (shows, template.render(card=card, visitor=_ANYBODY))
        return kept[1]


def for_reader(drawn: str, visitor: Visitor) -> str:
    """What `Pages.card` drew, with the form token of this reader's session."""
    return drawn.replace(_ANYBODY.form_token, visitor.form_token)


def _environment(services: Services, language: str) -> Environment:
    made = Environment(
        loader=PackageLoader("portal"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
        bytecode_cache=_compiled(language),
    )
    made.install_gettext_translations(translations(language), newstyle=True)  # type: ignore[attr-defined]
    made.filters |= _filters(services, language)
    made.globals |= {
        "lang": language,
        "languages": LANGUAGES,
        "today": lambda: services.clock.now().astimezone(services.zone).date(),
        "asset": asset,
        "tr": lambda text: translated(text, language),
    }
    return made


class _Compiled(BytecodeCache):
    """Templates compiled once for all applications of this process."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        kept = self._kept.get((bucket.key, bucket.checksum))
        if kept:
            bucket.bytecode_from_string(kept)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._kept[bucket.key, bucket.checksum] = bucket.bytecode_to_string()


@cache
def _compiled(_language: str) -> _Compiled:
    """One for each language: the compiler already translates what stands literally in a template."""
    return _Compiled()


def _filters(services: Services, language: str) -> dict[str, Callable[..., str]]:
    return {
        "tr": lambda text: translated(text, language),
        "sentence": lambda text: words.sentence(translated(text, language)),
        "kind": lambda media_type: translated(kind_of(media_type), language),
        "day": lambda each: words.day(each, language),
        "iso_day": lambda text: words.day(date.fromisoformat(text), language) if text else "",
        "moment": lambda ms: words.moment(ms, services.zone, language),
        "ago": lambda age: words.ago(age, language),
    }


@cache
def asset(name: str) -> str:
    """The address of one of our static files, with its content's hash: browsers keep it until it changes."""
    content = files("portal").joinpath("static", name).read_bytes()
    return f"/static/{name}?v={hashlib.sha256(content).hexdigest()[:12]}"


def home_of(visitor: Visitor | None) -> str:
    """The first page of whoever is signed in."""
    return _HOMES.get(visitor.role, "/") if visitor else "/"


def account_of(visitor: Visitor) -> str:
    """Where one's own account is looked after; a patient's lies below the patient's pages."""
    return "/p/compte" if visitor.role == "patient" else "/compte"


def has_home(role: str) -> bool:
    """Whether this role has pages of its own."""
    return role in _HOMES
