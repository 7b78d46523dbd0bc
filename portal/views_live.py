"""`/officine/flux` and `/p/flux`: changes of orders as server-sent events (HTML §9.2), from the commit."""

from collections.abc import AsyncIterator, Awaitable, Callable

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import StreamingResponse

from directory.patients import patient_of_mailbox
from portal.doors import Front, Patient, Pharmacist, TheFront
from portal.language import language_of
from portal.live import Live
from portal.session import Visitor
from portal.telling import Board
from portal.work import TheLive, TheTelling
from record.order_facts import patient_topic, pharmacy_topic

router = APIRouter()

BEAT_S = 20.0  # a sign of life: proxies cut silent connections, and an ended session ends the stream
Told = Callable[[int], Awaitable[str]]


@router.get("/officine/flux")
async def board(
    request: Request, front: TheFront, live: TheLive, telling: TheTelling, visitor: Pharmacist
) -> StreamingResponse:
    """One event for each order that changed: its number, its column, its card as the board shows it."""
    mine = Board(visitor, language_of(request))

    async def told(order_id: int) -> str:
        data = await telling.told(mine, order_id)
        return _event("order", data) if data else ""

    return _stream(_events(request, front, live, pharmacy_topic(visitor.mailbox_id), told))


@router.get("/p/flux")
async def mine(request: Request, front: TheFront, live: TheLive, visitor: Patient) -> StreamingResponse:
    """Says only that something changed: the page then asks for itself."""
    patient = await run_in_threadpool(front.services.db.read, patient_of_mailbox, visitor.mailbox_id)
    topic = patient_topic(patient.id if patient else 0)

    async def told(_order_id: int) -> str:
        return _event("order", "{}")

    return _stream(_events(request, front, live, topic, told))


def _stream(events: AsyncIterator[str]) -> StreamingResponse:
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(events, media_type="text/event-stream", headers=headers)


async def _events(request: Request, front: Front, live: Live, topic: str, told: Told) -> AsyncIterator[str]:
    with live.watch(topic) as watch:
        yield "retry: 1000\n\n"
        while not live.over:
            orders = await watch.next(BEAT_S)
            for order_id in orders:
                yield await told(order_id)
            if not orders:
                if await run_in_threadpool(_visitor, request, front) is None:
                    yield _event("over", "{}")
                    return
                yield ": \n\n"


def _visitor(request: Request, front: Front) -> Visitor | None:
    return front.sessions.find(request.cookies.get(front.sessions.cookie_for(request.url.path), ""), active=False)


def _event(name: str, data: str) -> str:
    return f"event: {name}\ndata: {data}\n\n"
