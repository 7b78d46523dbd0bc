"""`/api`: orders and their mails for a pharmacy's own software. OpenAPI at `/api/openapi.json`; FHIR R4 beside it.

By a key in `Authorization: Bearer` alone: cookies are not looked at, so that no other site can use a browser's session.
"""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from core.errors import NotFound
from portal import api_faults, api_fhir, api_hooks
from portal.answers import answer_patient
from portal.api_caller import Caller
from portal.api_faults import FAULTS, FHIR_FAULTS, FhirJson
from portal.cards import Card
from portal.desk import Desk, actor
from portal.doors import Front, TheFront
from portal.session import Visitor
from portal.work import TheDesk, TheThreads, Work
from record.lines import posology_text
from record.order_facts import Order, Owed, Wish
from record.orders import State

NUMBER = r"^[A-HJ-NP-Z2-9]{3}-[A-HJ-NP-Z2-9]{4}$"
Number = Annotated[str, Path(pattern=NUMBER)]
AskedTask = Annotated[str, Query(pattern=NUMBER)]


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


router = APIRouter()


def build_api(front: Front, work: Work) -> FastAPI:
    """The interface, to be mounted at `/api`."""
    routes = [*router.routes, *api_hooks.router.routes]
    api = FastAPI(
        title="Pli : commandes", version="1", routes=routes, docs_url=None, redoc_url=None, openapi_url="/openapi.json"
    )
    api.state.front, api.state.work = front, work
    api_faults.register(api)
    return api


@router.get("/orders", responses=FAULTS)
def orders(caller: Caller, desk: TheDesk, state: Annotated[State | None, Query()] = None) -> list[OrderOut]:
    """The orders under way, oldest first."""
    cards = [card for column in desk.board(caller) for card in column.cards]
    return [_out(card) for card in cards if state is None or card.order.state is state]


@router.get("/orders/{number}", responses=FAULTS)
def order(caller: Caller, desk: TheDesk, number: Number) -> OrderOut:
    """One order, ended ones as well."""
    return _out(_card(desk, caller, number))


@router.post("/orders/{number}/moves", responses=FAULTS)
def move(caller: Caller, desk: TheDesk, front: TheFront, number: Number, body: MoveBody) -> OrderOut:
    """One move of the trade's table; the patient is told as from the pages."""
    known, services = desk.order(caller, number), front.services
    wish = Wish(body.note, owed=tuple(Owed(each.item, each.on) for each in body.owed))
    now = services.clock.now()
    version = body.version
    moved = services.db.run(services.orders.move, known.id, body.to, actor(caller), now, version=version, wish=wish)
    return _out(_card_of(desk, caller, moved))


@router.get("/orders/{number}/messages", responses=FAULTS)
def messages(caller: Caller, desk: TheDesk, threads: TheThreads, number: Number) -> list[MessageOut]:
    """The thread, oldest first."""
    thread = threads.of(caller, desk.order(caller, number))
    return [
        MessageOut(id=str(said.message_id), from_patient=said.inward, at=api_fhir.instant(said.at), text=said.text)
        for said in thread
    ]


@router.post("/orders/{number}/messages", responses=FAULTS, status_code=201)
def write(
    caller: Caller, desk: TheDesk, threads: TheThreads, front: TheFront, number: Number, body: MessageBody
) -> dict[str, str]:
    """A signed mail to the patient, in the thread."""
    order = desk.order(caller, number)
    return {"id": str(answer_patient(front.services, threads, caller, order, body.text))}


@router.get("/fhir/Task/{number}", responses=FHIR_FAULTS, response_class=FhirJson)
def task(caller: Caller, desk: TheDesk, number: Number) -> dict[str, Any]:
    return api_fhir.task(_card(desk, caller, number))


@router.get("/fhir/Task", responses=FHIR_FAULTS, response_class=FhirJson)
def tasks(caller: Caller, desk: TheDesk) -> dict[str, Any]:
    cards = [card for column in desk.board(caller) for card in column.cards]
    return api_fhir.bundle([api_fhir.task(card) for card in cards])


@router.get("/fhir/MedicationDispense", responses=FHIR_FAULTS, response_class=FhirJson)
def dispenses(caller: Caller, desk: TheDesk, task: AskedTask) -> dict[str, Any]:
    return api_fhir.bundle(api_fhir.dispenses(_card(desk, caller, task)))


@router.get("/fhir/Communication", responses=FHIR_FAULTS, response_class=FhirJson)
def communications(caller: Caller, desk: TheDesk, threads: TheThreads, task: AskedTask) -> dict[str, Any]:
    order = desk.order(caller, task)
    return api_fhir.bundle([api_fhir.communication(said, order.number) for said in threads.of(caller, order)])


def _card(desk: Desk, caller: Visitor, number: str) -> Card:
    return _card_of(desk, caller, desk.order(caller, number))


def _card_of(desk: Desk, caller: Visitor, order: Order) -> Card:
    found = desk.cards_of(caller, (order,))
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
