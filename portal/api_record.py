"""`/api/record`: the patient record for registered software, FHIR R4, JSON, read only, by a key as Bearer token.

A patient's number never stands in an address: it is searched by POST `Patient/_search`. Every answer is traced first.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Depends, FastAPI, Header, Request
from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import Response

from core.errors import BadInput, NotFound, PliError, Refused, Temporary
from core.ins import Ins, NotAnIns
from crypto.committing import SealBroken
from portal.api_faults import fault
from portal.record_hooks import SoftwareHooks
from portal.services import Services
from record.fhir import resources
from record.fhir.words import Resource, outcome, searchset
from record.interface import Asked, Interface
from record.software import SCOPES, Software

router = APIRouter()
PREFIX = "/api/record"
JSON = "application/fhir+json; charset=utf-8"
PAGE, MOST = 50, 200
_DAY = re.compile(r"(ge|le|eq)?([0-9]{4}-[0-9]{2}-[0-9]{2})")
_ID = re.compile(r"[0-9]{1,19}")
PARAMETERS = {
    "DocumentReference": ("patient", "type", "identifier", "date", "_content", "_count", "_offset"),
    "List": ("patient",),
    "Communication": ("patient", "_count", "_offset"),
    "AuditEvent": ("patient", "_count", "_offset"),
}


class Unknown(Refused):
    """No key, or none of ours."""

    def __init__(self) -> None:
        super().__init__("clé absente, inconnue ou révoquée", "software key unknown")


@dataclass(frozen=True, slots=True)
class Call:
    """One request of one program."""

    interface: Interface
    caller: Software
    base: str


def _call(request: Request, authorization: Annotated[str, Header()] = "") -> Call:
    interface: Interface = request.app.state.interface
    scheme, _space, key = authorization.partition(" ")
    caller = interface.caller(key.strip()) if scheme.lower() == "bearer" else None
    if caller is None:
        raise Unknown
    return Call(interface, caller, f"{str(request.base_url).rstrip('/').removesuffix(PREFIX)}{PREFIX}")


TheCall = Annotated[Call, Depends(_call)]


def build_record_api(services: Services, first: APIRouter) -> FastAPI:
    """The interface, to be mounted at `/api/record`. `first` stands in front of the resources, which take any path."""
    routes = [*first.routes, *router.routes]
    api = FastAPI(
        title="Pli : dossier", routes=routes, redirect_slashes=False, docs_url=None, redoc_url=None, openapi_url=None
    )
    db, keyring, clock = services.db, services.keyring, services.clock
    api.state.interface = Interface(db, keyring, services.records, services.orders, clock)
    api.state.hooks = SoftwareHooks(db, keyring, services.trail, clock, inside=services.hooks_inside)
    _faults(api)
    return api


@router.get("/metadata")
def metadata() -> Response:
    """What this interface can do."""
    found: list[Resource] = [
        {
            "type": type_,
            "interaction": [{"code": "search-type"}, *([{"code": "read"}] if type_ == "DocumentReference" else [])],
            "searchParam": [{"name": name, "type": _kind(name)} for name in names],
        }
        for type_, names in PARAMETERS.items()
    ]
    summary = {"name": "summary", "definition": "http://hl7.org/fhir/uv/ips/OperationDefinition/summary"}
    ask = {"name": "ask-access", "definition": "urn:pli:operation:ask-access"}
    found.append({"type": "Patient", "interaction": [{"code": "read"}], "operation": [summary, ask]})
    found.append({"type": "Binary", "interaction": [{"code": "read"}]})
    capability = {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": "2026-11-29",
        "kind": "instance",
        "software": {"name": "Pli"},
        "implementation": {"description": "Dossier : lecture par un logiciel inscrit, avec l'accord du patient"},
        "fhirVersion": "4.0.1",
        "format": ["json"],
        "rest": [{"mode": "server", "security": {"description": " ".join(SCOPES)}, "resource": found}],
    }
    return _json(capability)


@router.post("/Patient/_search")
async def find_patient(request: Request, call: TheCall) -> Response:
    """By INS in the body: `identifier=urn:oid:…|number`. Empty where the program may not read, or nobody is there."""
    ins = _ins(await _form(request))
    found = await run_in_threadpool(call.interface.find, call.caller, ins)
    told = [await run_in_threadpool(call.interface.patient, call.caller, found)] if found else []
    return _json(searchset(told, call.base, f"{call.base}/Patient", len(told)))


@router.post("/Patient/$ask-access")
async def ask_access(request: Request, call: TheCall) -> Response:
    """The patient is asked by mail. The answer is the same whether there is such a patient or not."""
    await run_in_threadpool(call.interface.ask, call.caller, _ins(await _form(request)))
    return _json(outcome(202, "La question est posée au patient, s'il a un dossier ici.", "information"), 202)


@router.get("/Patient/{patient_id}")
def patient(call: TheCall, patient_id: str) -> Response:
    return _json(call.interface.patient(call.caller, _number(patient_id)))


@router.get("/Patient/{patient_id}/$summary")
def summary(call: TheCall, patient_id: str) -> Response:
    """The International Patient Summary, made of extracts and confirmed lines."""
    return _json(call.interface.summary(call.caller, _number(patient_id)))


@router.get("/DocumentReference/{document_id}")
def document(call: TheCall, document_id: str) -> Response:
    return _json(call.interface.document(call.caller, _number(document_id)))


@router.get("/Binary/{document_id}")
def binary(call: TheCall, document_id: str, accept: Annotated[str, Header()] = "") -> Response:
    """The content itself, or a Binary resource for whoever asks for FHIR (R4 §2.33.3)."""
    number = _number(document_id)
    media_type, content = call.interface.binary(call.caller, number)
    if "fhir+json" in accept:
        return _json(resources.binary(number, media_type, content))
    headers = {"content-disposition": f'attachment; filename="document-{number}"', "x-content-type-options": "nosniff"}
    return Response(content, media_type=media_type, headers=headers)


@router.get("/List/{patient_id}")
def folder(call: TheCall, patient_id: str) -> Response:
    """All documents that the program may see, as one List."""
    return _json(call.interface.folder(call.caller, _number(patient_id)))


@router.get("/{type_}")
def search(type_: str, request: Request, call: TheCall) -> Response:
    """What belongs to one patient, newest first."""
    return _page(call, type_, _pairs(request.url.query))


@router.post("/{type_}/_search")
async def search_by_form(type_: str, request: Request, call: TheCall) -> Response:
    """The same, asked in the body."""
    return await run_in_threadpool(_page, call, type_, list((await _form(request)).items()))


def _page(call: Call, type_: str, pairs: list[tuple[str, str]]) -> Response:
    if type_ not in PARAMETERS:
        raise NotFound("cette ressource n'existe pas ici", "unknown resource")
    unknown = {name for name, _value in pairs} - set(PARAMETERS[type_])
    if unknown:
        raise BadInput("paramètre de recherche inconnu", "unknown search parameter")
    asked = dict(pairs)
    patient_id = _number(asked.get("patient", "").removeprefix("Patient/"))
    count, start = min(_whole(asked, "_count", PAGE), MOST), _whole(asked, "_offset", 0)
    found = _SEARCHES[type_](call, patient_id, pairs)
    base = f"{call.base}/{type_}"
    here = f"{base}?{urlencode(pairs)}"
    others = [pair for pair in pairs if pair[0] not in ("_offset", "_count")]
    more = f"{base}?{urlencode([*others, ('_count', count), ('_offset', start + count)])}"
    following = more if start + count < len(found) and count else ""
    return _json(searchset(found[start : start + count], call.base, here, len(found), following))


def _documents(call: Call, patient_id: int, pairs: list[tuple[str, str]]) -> list[Resource]:
    asked = dict(pairs)
    since, until = _days([value for name, value in pairs if name == "date"])
    told = Asked(_token(asked.get("type", "")), _token(asked.get("identifier", "")), asked.get("_content", "")[:200],
                 since, until)  # fmt: skip
    return call.interface.documents(call.caller, patient_id, told)


Search = Callable[[Call, int, list[tuple[str, str]]], list[Resource]]
_SEARCHES: dict[str, Search] = {
    "DocumentReference": _documents,
    "List": lambda call, patient_id, _pairs: [call.interface.folder(call.caller, patient_id)],
    "Communication": lambda call, patient_id, _pairs: call.interface.letters(call.caller, patient_id),
    "AuditEvent": lambda call, patient_id, _pairs: call.interface.readings(call.caller, patient_id),
}


def _days(values: list[str]) -> tuple[str, str]:
    since = until = ""
    for value in values:
        found = _DAY.fullmatch(value)
        if not found:
            raise BadInput("date attendue : AAAA-MM-JJ, avec ge ou le devant au besoin", "bad date")
        prefix, day = found[1] or "eq", found[2]
        since = day if prefix in ("ge", "eq") else since
        until = day if prefix in ("le", "eq") else until
    return since, until


async def _form(request: Request) -> dict[str, str]:
    try:
        return dict(_pairs((await request.body()).decode()))
    except UnicodeDecodeError:
        raise BadInput("formulaire illisible", "unreadable form") from None


def _pairs(text: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=20)
    except ValueError:
        raise BadInput("trop de paramètres", "too many fields") from None


def _ins(asked: dict[str, str]) -> Ins:
    system, _bar, value = asked.get("identifier", "").partition("|")
    try:
        return Ins.parse(value, system.removeprefix("urn:oid:"))
    except NotAnIns:
        raise BadInput("identifiant attendu : urn:oid:<OID de l'INS>|<matricule>", "no INS") from None


def _token(value: str) -> str:
    """`system|code` or the code alone."""
    return value.rpartition("|")[2].removeprefix("urn:oid:")


def _number(text: str) -> int:
    if not _ID.fullmatch(text) or int(text) >= 2**63:
        raise NotFound("cette ressource n'existe pas", "no id of ours")
    return int(text)


def _whole(asked: dict[str, str], name: str, default: int) -> int:
    text = asked.get(name, "")
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 6:
        raise BadInput(f"{name} : un nombre entier est attendu", "bad number")
    return int(text)


def _kind(name: str) -> str:
    kinds = {"patient": "reference", "date": "date", "_content": "string", "_count": "number", "_offset": "number"}
    return kinds.get(name, "token")


def _faults(api: FastAPI) -> None:
    @api.exception_handler(PliError)
    async def foreseen(_request: Request, error: PliError) -> Response:
        status = _status(error)
        return _json(outcome(status, error.public), status)

    @api.exception_handler(SealBroken)
    async def damaged(_request: Request, _error: SealBroken) -> Response:
        return _json(outcome(500, "une donnée enregistrée est abîmée"), 500)

    @api.exception_handler(RequestValidationError)
    async def malformed(request: Request, _error: RequestValidationError) -> Response:
        return fault(request, 422)  # the framework's own answer repeats what was sent

    @api.exception_handler(HTTPException)
    async def not_here(request: Request, error: HTTPException) -> Response:
        return fault(request, error.status_code, headers=error.headers)


def _status(error: PliError) -> int:
    for kind, status in ((Unknown, 401), (NotFound, 404), (BadInput, 400), (Temporary, 503), (Refused, 403)):
        if isinstance(error, kind):
            return status
    return 400


def _json(content: Any, status: int = 200) -> Response:
    return Response(json.dumps(content, ensure_ascii=False), status, media_type=JSON)
