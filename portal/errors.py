"""Failures as pages: what happened, in plain French, and what to do next. Never the cause, which is for our log."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from core.errors import PliError
from crypto.committing import SealBroken
from portal import api_faults
from portal.doors import Front, SignInNeeded, visitor_or_none
from portal.failures import status_of, told
from portal.language import N_, known, language_of

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Said:
    title: str
    text: str
    advice: str


_BACK = N_("Revenez en arrière, vérifiez et recommencez.")
_SAID = {
    400: _Said(N_("Demande incomprise"), N_("La demande n'est pas complète ou mal écrite."), _BACK),
    401: _Said(
        N_("Connexion nécessaire"),
        N_("Votre session est terminée. Connectez-vous de nouveau."),
        N_("Ce que vous veniez de demander n'a pas été fait."),
    ),
    403: _Said(
        N_("Demande refusée"),
        N_("Cette demande ne vient pas d'une page de ce service."),
        N_("Ouvrez la page vous-même, puis recommencez."),
    ),
    404: _Said(N_("Page introuvable"), N_("Cette page n'existe pas ou n'est pas à vous."), N_("Revenez à l'accueil.")),
    405: _Said(N_("Demande refusée"), N_("Cette page ne se demande pas ainsi."), N_("Revenez à l'accueil.")),
    409: _Said(
        N_("Changement impossible"), N_("Ce changement n'est pas possible."), N_("Rouvrez la page : elle a changé.")
    ),
    413: _Said(
        N_("Envoi trop volumineux"),
        N_("Ce que vous envoyez dépasse la limite."),
        N_("Choisissez un fichier plus léger, ou raccourcissez le texte."),
    ),
    500: _Said(
        N_("Erreur de notre côté"),
        N_("Rien n'a été perdu. L'incident est enregistré."),
        N_("Recommencez dans une minute. Si cela dure, appelez votre support."),
    ),
    503: _Said(
        N_("Service momentanément indisponible"),
        N_("Vos données ne sont pas touchées."),
        N_("Recommencez dans une minute."),
    ),
}


def error_page(request: Request, status: int, text: str = "", headers: Mapping[str, str] | None = None) -> Response:
    """The page of this status, or what programs read; `text` in place of the general sentence, where the reader's
    language has it. 405 says what is allowed (RFC 9110 §15.5.6), and is 404 where nothing is."""
    if api_faults.is_programs(request.url.path):
        return api_faults.fault(request, status, text, headers)
    if status == 405:
        headers = {"allow": ", ".join(api_faults.allowed(request))}
        status = 405 if headers["allow"] else 404
    front: Front = request.app.state.front
    said = _SAID.get(status, _SAID[500])
    plain = text if known(text, language_of(request)) else ""
    visitor = getattr(request.state, "visitor", None)
    shown: dict[str, Any] = {"title": said.title, "text": plain or said.text, "advice": said.advice}
    shown |= {"again": _again_at(request, status), "entry": status == 401}
    answer = front.pages.show(request, "error.html", status=status, visitor=visitor, **shown)
    answer.headers.update(headers or {})
    return answer


def _again_at(request: Request, status: int) -> str:
    """The page of ours with the form that came too late, to be opened as it is now; empty where there is none."""
    try:
        came = urlsplit(request.headers.get("referer", ""))
    except ValueError:
        return ""
    if request.method != "POST" or status not in (403, 409) or came.netloc != request.url.netloc:
        return ""
    return came.path if came.path.startswith("/") and not came.path.startswith("//") else ""


def register(app: FastAPI) -> None:
    """Every failure that is foreseen; the guard has the rest."""

    @app.exception_handler(PliError)
    async def foreseen(request: Request, error: PliError) -> Response:
        status = status_of(error)
        log.info("web.refused", status=status, cause=error.cause)
        if isinstance(error, SignInNeeded) and request.method == "GET":
            return _again(request)
        return error_page(request, status, told(error))

    @app.exception_handler(RequestValidationError)
    async def malformed(request: Request, _error: RequestValidationError) -> Response:
        return error_page(request, 400 if request.method == "POST" else 404)

    @app.exception_handler(HTTPException)
    async def unknown(request: Request, error: HTTPException) -> Response:
        with suppress(PliError):  # no view was asked, so nobody looked who it is
            await run_in_threadpool(visitor_or_none, request, "1")
        return error_page(request, error.status_code, headers=error.headers)

    @app.exception_handler(SealBroken)
    async def damaged(request: Request, _error: SealBroken) -> Response:
        log.error("web.seal_broken")
        return error_page(request, 500, "Une donnée enregistrée est abîmée : elle n'est pas affichée.")


def _again(request: Request) -> Response:
    """The form to sign in, with the reason; the page asked for is not kept, a home page is one click away."""
    front: Front = request.app.state.front
    problem = N_("Votre session est terminée ou n'est pas ouverte. Connectez-vous.")
    return front.pages.show(
        request, "login.html", status=401, title=N_("Connexion"), problem=problem, psc=front.has_psc
    )
