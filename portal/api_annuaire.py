"""`/fhir/v2`: the annuaire for programs, in the shape of the ANS API v2 (FHIR R4, read only, public data, no login).

Search by GET, or by POST to `_search` for those whose URL would be too long; answers are JSON only.
"""

import json
from typing import Annotated, Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from core.errors import NotFound, PliError, Temporary
from directory.annuaire import Annuaire
from portal import api_annuaire_models as fhir
from portal.api_annuaire_asked import INCLUDES, PARAMETERS, REVERSE, Asked, BadSearch, kind_of
from portal.api_annuaire_elements import narrowed
from portal.api_annuaire_search import NotThere, find, one
from portal.doors import TheFront

router = APIRouter(prefix="/fhir/v2")
JSON = "application/fhir+json; charset=utf-8"
TYPES = ("Practitioner", "PractitionerRole", "Organization")


def annuaire_of(front: TheFront) -> Annuaire:
    """The annuaire of this instance. Raises NotFound where there is none."""
    if front.services.annuaire is None:
        raise NotFound("cette instance n'a pas d'annuaire", "no annuaire")
    return front.services.annuaire


TheAnnuaire = Annotated[Annuaire, Depends(annuaire_of)]


@router.get("/metadata")
def metadata() -> Response:
    """What this server can do (CapabilityStatement)."""
    resources: list[dict[str, Any]] = [
        {
            "type": type_,
            "interaction": [{"code": "read"}, {"code": "search-type"}],
            "searchParam": [{"name": name, "type": kind_of(name)} for name in PARAMETERS[type_]],
        }
        | ({"searchInclude": list(INCLUDES[type_])} if type_ in INCLUDES else {})
        | ({"searchRevInclude": list(REVERSE[type_])} if type_ in REVERSE else {})
        for type_ in TYPES
    ]
    return _json(
        {
            "resourceType": "CapabilityStatement",
            "status": "active",
            "date": "2026-11-22",
            "kind": "instance",
            "software": {"name": "Pli"},
            "implementation": {"description": "Annuaire de cette instance, lecture seule"},
            "fhirVersion": "4.0.1",
            "format": ["json"],
            "rest": [{"mode": "server", "resource": resources}],
        }
    )


@router.get("/{type_}")
async def search(type_: str, request: Request, annuaire: TheAnnuaire) -> Response:
    """A Bundle of what fits."""
    return await _search(type_, parse_qsl(request.url.query, keep_blank_values=True), request, annuaire)


@router.post("/{type_}/_search")
async def search_by_form(type_: str, request: Request, annuaire: TheAnnuaire) -> Response:
    """The same, asked in the body."""
    try:
        body = (await request.body()).decode()
    except UnicodeDecodeError:
        return _outcome(400, "structure", "le corps n'est pas de l'UTF-8")
    pairs = parse_qsl(request.url.query, keep_blank_values=True) + parse_qsl(body, keep_blank_values=True)
    return await _search(type_, pairs, request, annuaire)


@router.get("/{type_}/{id_}")
async def read(type_: str, id_: str, annuaire: TheAnnuaire) -> Response:
    """One resource by its id."""
    if type_ not in TYPES:
        return _outcome(404, "not-supported", "ressource inconnue")
    try:
        found = await run_in_threadpool(one, annuaire, type_, id_)
    except NotThere:
        return _outcome(404, "not-found", "aucune ressource de cet identifiant")
    except Temporary as error:
        return _outcome(503, "transient", error.public)
    return _json(fhir.dump(found))


async def _search(type_: str, pairs: list[tuple[str, str]], request: Request, annuaire: Annuaire) -> Response:
    if type_ not in TYPES:
        return _outcome(404, "not-supported", "ressource inconnue")
    base = str(request.base_url).rstrip("/") + "/fhir/v2"
    try:
        asked = Asked.of(type_, pairs)
        bundle = await run_in_threadpool(find, annuaire, asked, base)
    except BadSearch as error:
        return _outcome(400, "invalid", error.public)
    except Temporary as error:
        return _outcome(503, "transient", error.public)
    except PliError as error:
        return _outcome(400, "processing", error.public)
    return _json(narrowed(fhir.dump(bundle), asked.elements))


def _outcome(status: int, code: str, text: str) -> Response:
    return _json(fhir.dump(fhir.OperationOutcome(issue=[fhir.Issue(code=code, diagnostics=text)])), status)


def _json(content: object, status: int = 200) -> Response:
    return Response(json.dumps(content, ensure_ascii=False), status, media_type=JSON)
