"""Failures in the words of programs: `{"error"}` under `/api`, an OperationOutcome where FHIR is spoken."""

from collections.abc import Iterable, Mapping
from typing import Any

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Match

from core.errors import PliError
from crypto.committing import SealBroken
from portal.api_annuaire_models import Issue, OperationOutcome, dump
from portal.failures import status_of, told

log = structlog.get_logger()

_SAID = {
    400: ("invalid", "demande incomprise"),
    401: ("login", "clé absente ou inconnue"),
    403: ("forbidden", "demande refusée"),
    404: ("not-found", "introuvable"),
    405: ("not-supported", "cette ressource ne se demande pas ainsi"),
    409: ("conflict", "changement impossible : relisez, puis recommencez"),
    413: ("too-long", "envoi trop volumineux"),
    422: ("structure", "demande mal formée"),
    500: ("exception", "erreur de notre côté : recommencez dans une minute"),
    503: ("transient", "momentanément indisponible : recommencez dans une minute"),
}
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
STATUSES: tuple[int | str, ...] = (400, 401, 404, 409, 413, 422, 500, 503, "default")


class Problem(BaseModel):
    """What went wrong, for a person."""

    error: str


class FhirJson(JSONResponse):
    """# FHIR R4 §3.1.0.1.11"""

    media_type = "application/fhir+json"


def _documented(model: type[BaseModel], media: str) -> dict[int | str, dict[str, Any]]:
    """For OpenAPI. The model once and references to it: FastAPI builds a validator for each that it is given."""
    pointer = {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}
    found: dict[int | str, dict[str, Any]] = {
        status: {"description": told, "content": {media: pointer}} for status, (_code, told) in _SAID.items()
    }
    return {status: found[status] for status in STATUSES if status in found} | {"default": {"model": model}}


FAULTS = _documented(Problem, "application/json")
FHIR_FAULTS = _documented(OperationOutcome, "application/fhir+json")


def is_programs(path: str) -> bool:
    """Whether programs ask here, to whom a page says nothing."""
    return path.startswith(("/api/", "/fhir/")) or path in ("/api", "/fhir")


def fault(request: Request, status: int, text: str = "", headers: Mapping[str, str] | None = None) -> Response:
    """The answer that tells of a failure; `text` in place of the status's general one. 405 says what is allowed
    (RFC 9110 §15.5.6), and is 404 where nothing is; 401 says with what to come (§11.6.1)."""
    named = {name.lower(): value for name, value in (headers or {}).items()}
    if status == 405:
        named["allow"] = ", ".join(allowed(request))
        status = 405 if named["allow"] else 404
    code, general = _SAID.get(status, _SAID[500 if status >= 500 else 400])
    if status == 401:
        named["www-authenticate"] = "Bearer"
    if _speaks_fhir(request.scope):
        outcome = OperationOutcome(issue=[Issue(code=code, diagnostics=text or general)])
        return FhirJson(dump(outcome), status, named)
    return JSONResponse({"error": text or general}, status, named)


def register(api: FastAPI) -> None:
    """Every failure that is foreseen."""

    @api.exception_handler(PliError)
    async def foreseen(request: Request, error: PliError) -> Response:
        log.info("api.refused", status=status_of(error), cause=error.cause)
        return fault(request, status_of(error), told(error))

    @api.exception_handler(RequestValidationError)
    async def malformed(request: Request, error: RequestValidationError) -> Response:
        return fault(request, 422, f"demande mal formée : {_places(error.errors())}")

    @api.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        return fault(request, error.status_code, headers=error.headers)

    @api.exception_handler(SealBroken)
    async def damaged(request: Request, _error: SealBroken) -> Response:
        log.error("api.seal_broken")
        return fault(request, 500, "une donnée enregistrée est abîmée")


def _speaks_fhir(scope: Mapping[str, Any]) -> bool:
    return str(scope.get("path", "")).startswith(("/fhir/", "/api/fhir/", "/api/record/"))


def _places(errors: Iterable[Mapping[str, Any]]) -> str:
    """Names of fields, never what stood in them."""
    names = {".".join(str(part) for part in each["loc"][1:] if isinstance(part, str)) or "corps" for each in errors}
    return ", ".join(sorted(names))[:200]


def allowed(request: Request) -> list[str]:
    """All methods with which this path may be asked: each is tried, since included routers tell nobody their routes.
    HEAD goes with GET: the guard sees to it."""
    routes: list[BaseRoute] = list(getattr(request.scope.get("app"), "routes", ()))

    def may(method: str) -> bool:
        asked = dict(request.scope) | {"method": method}
        return any(route.matches(asked)[0] is Match.FULL for route in routes)

    found = [method for method in _METHODS if may(method)]
    return ["GET", "HEAD", *found[1:]] if found[:1] == ["GET"] else found
