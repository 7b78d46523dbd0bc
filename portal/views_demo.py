"""In the demonstration only: one door a role, and `/demo/duo`, the patient on the left, the pharmacy on the right."""

from typing import Annotated

from fastapi import APIRouter, Form
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from core.errors import NotFound
from mail.auth import Identity
from portal.cookies import put_cookie
from portal.doors import Front, TheFront
from portal.entering import enter
from portal.pages import home_of
from portal.work import TheConfirming

router = APIRouter(prefix="/demo")
SIDES = ("patient", "pharmacist")


@router.get("/duo")
def duo(request: Request, front: TheFront) -> Response:
    """Two frames, or the button that opens them."""
    _only_in_demo(front)
    tokens = (request.cookies.get(front.sessions.cookie_for(path), "") for path in ("/p", "/officine"))
    both = all(front.sessions.find(token, active=False) for token in tokens)
    return front.pages.show(request, "duo.html", both=both)


@router.post("/duo")
async def enter_both(front: TheFront) -> Response:
    """Signs in on both sides, with the accounts that everybody knows here."""
    _only_in_demo(front)
    answer = RedirectResponse("/demo/duo", 303)
    for side in SIDES:
        token = await front.sessions.open(await _behind(front, side))
        visitor = await run_in_threadpool(front.sessions.find, token, active=False)
        put_cookie(front, answer, token, home_of(visitor))
    return answer


@router.post("/entrer")
async def enter_one(
    request: Request, front: TheFront, confirming: TheConfirming, role: Annotated[str, Form(max_length=20)] = ""
) -> Response:
    """One click: no login stands in the page, as a patient's holds the matricule."""
    _only_in_demo(front)
    return await enter(request, front, await _behind(front, role), confirming)


async def _behind(front: Front, role: str) -> Identity:
    """Who is behind the door of this role. Raises NotFound."""
    door = next((door for door in front.services.demo_doors() if door.role == role), None)
    identity = await front.services.authenticator.password(door.login, door.password, "") if door else None
    if identity is None:
        raise NotFound("Ce compte de démonstration n'existe plus.", "demo account gone")
    return identity


def _only_in_demo(front: Front) -> None:
    if not front.services.demo:
        raise NotFound("Cette page n'existe pas.", "demo page outside of the demo")
