"""`/api`: orders and their mails for a pharmacy's own software. OpenAPI at `/api/openapi.json`; FHIR R4 beside it.

By a key in `Authorization: Bearer` alone: cookies are not looked at, so that no other site can use a browser's session.
"""

from datetime import date
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Header, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request

from core.errors import NotFound, Refused
from portal import api_faults, api_fhir, api_hooks
from portal.answers import answer_patient
from portal.api_faults import FAULTS, FHIR_FAULTS, FhirJson
from portal.cards import Card
from portal.desk import actor
from portal.doors import Front, SignInNeeded
from portal.session import Visitor
from portal.work import Work
from record.lines import posology_text
from record.order_facts import Order, Owed, Wish
from record.orders import State

NUMBER = r"^[A-HJ-NP-Z2-9]{3}-[A-HJ-NP-Z2-9]{4}$"
Number = Annotated[str, Path(pattern=NUMBER)]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class LineOut(BaseModel):
    name: str
    strength: str
    form: str
    posology: str
    duration: str
    cis: str
    confirmed: bool


class OwedBody(Body):
    item: Annotated[str, Field(min_length=1, max_length=200)]
    on: date


class OrderOut(BaseModel):
    """`version` goes back with every change: whoever acts on old sight gets 409."""

    number: str
    state: State
    version: int
    patient: str
    received: str
    updated: str
    lines: list[LineOut]
    owed: list[OwedBody]


class MoveBody(Body):
    to: State
    version: Annotated[int, Field(ge=0, le=2**31)]
    note: Annotated[str, Field(max_length=1000)] = ""
    owed: Annotated[list[OwedBody], Field(max_length=40)] = []


class MessageBody(Body):
    text: Annotated[str, Field(min_length=1, max_length=1000, pattern=r"\S")]


class MessageOut(BaseModel):
    id: str
    from_patient: bool
    at: str
    text: str


def _caller(request: Request, authorization: Annotated[str, Header()] = "") -> Visitor:
    work: Work = request.app.state.work
    scheme, _space, key = authorization.partition(" ")
    found = work.api_keys.visitor(key.strip()) if scheme.lower() == "bearer" else None
    if found is None:
        raise Unknown
    return found


class Unknown(SignInNeeded):
    """No key, or none of ours."""

    def __init__(self) -> None:
        Refused.__init__(self, "clé absente ou inconnue", "api key unknown")


Caller = Annotated[Visitor, Depends(_caller)]


def build_api(front: Front, work: Work) -> FastAPI:
    """The interface, to be mounted at `/api`."""
    api = FastAPI(title="Pli : commandes", version="1", docs_url=None, redoc_url=None, openapi_url="/openapi.json")
    api.state.front, api.state.work = front, work
    _orders(api)
    _fhir(api)
    api_hooks.add(api, _caller)
    api_faults.register(api)
    return api


def _orders(api: FastAPI) -> None:
    work: Work = api.state.work
    front: Front = api.state.front

    @api.get("/orders", responses=FAULTS)
    def orders(caller: Caller, state: Annotated[State | None, Query()] = None) -> list[OrderOut]:
        """The orders under way, oldest first."""
        cards = [card for column in work.desk.board(caller) for card in column.cards]
        return [_out(card) for card in cards if state is None or card.order.state is state]

    @api.get("/orders/{number}", responses=FAULTS)
    def order(caller: Caller, number: Number) -> OrderOut:
        """One order, ended ones as well."""
        return _out(_card(work, caller, work.desk.order(caller, number)))

    @api.post("/orders/{number}/moves", responses=FAULTS)
    def move(caller: Caller, number: Number, body: MoveBody) -> OrderOut:
        """One move of the trade's table; the patient is told as from the pages."""
        known, services = work.desk.order(caller, number), front.services
        wish = Wish(body.note, owed=tuple(Owed(each.item, each.on) for each in body.owed))
        now = services.clock.now()
        version = body.version
        moved = services.db.run(services.orders.move, known.id, body.to, actor(caller), now, version=version, wish=wish)
        return _out(_card(work, caller, moved))

    @api.get("/orders/{number}/messages", responses=FAULTS)
    def messages(caller: Caller, number: Number) -> list[MessageOut]:
        """The thread, oldest first."""
        thread = work.threads.of(caller, work.desk.order(caller, number))
        return [
            MessageOut(id=str(said.message_id), from_patient=said.inward, at=api_fhir.instant(said.at), text=said.text)
            for said in thread
        ]

    @api.post("/orders/{number}/messages", responses=FAULTS, status_code=201)
    def write(caller: Caller, number: Number, body: MessageBody) -> dict[str, str]:
        """A signed mail to the patient, in the thread."""
        order = work.desk.order(caller, number)
        return {"id": str(answer_patient(front.services, work.threads, caller, order, body.text))}


def _fhir(api: FastAPI) -> None:
    work: Work = api.state.work

    @api.get("/fhir/Task/{number}", responses=FHIR_FAULTS, response_class=FhirJson)
    def task(caller: Caller, number: Number) -> dict[str, Any]:
        return api_fhir.task(_card(work, caller, work.desk.order(caller, number)))

    @api.get("/fhir/Task", responses=FHIR_FAULTS, response_class=FhirJson)
    def tasks(caller: Caller) -> dict[str, Any]:
        cards = [card for column in work.desk.board(caller) for card in column.cards]
        return api_fhir.bundle([api_fhir.task(card) for card in cards])

    @api.get("/fhir/MedicationDispense", responses=FHIR_FAULTS, response_class=FhirJson)
    def dispenses(caller: Caller, task: Annotated[str, Query(pattern=NUMBER)]) -> dict[str, Any]:
        return api_fhir.bundle(api_fhir.dispenses(_card(work, caller, work.desk.order(caller, task))))

    @api.get("/fhir/Communication", responses=FHIR_FAULTS, response_class=FhirJson)
    def communications(caller: Caller, task: Annotated[str, Query(pattern=NUMBER)]) -> dict[str, Any]:
        order = work.desk.order(caller, task)
        return api_fhir.bundle([api_fhir.communication(said, order.number) for said in work.threads.of(caller, order)])


def _card(work: Work, caller: Visitor, order: Order) -> Card:
    found = work.desk.cards_of(caller, (order,))
    if not found:
        raise NotFound("commande introuvable", "order shredded")
    return found[0]


def _out(card: Card) -> OrderOut:
    order = card.order
    return OrderOut(
        number=order.number,
        state=order.state,
        version=order.version,
        patient=f"{card.patient.given} {card.patient.family}",
        received=api_fhir.instant(order.created_at),
        updated=api_fhir.instant(order.updated_at),
        lines=[_line(line) for line in card.lines],
        owed=[OwedBody(item=each.item, on=each.on) for each in card.owed],
    )


def _line(line: Any) -> LineOut:
    facts = {"name": line.name, "strength": line.strength, "form": line.form, "duration": line.duration}
    return LineOut(**facts, posology=posology_text(line), cis=line.cis, confirmed=line.confirmed)
