"""Signing in with login and password, signing out."""

from typing import Annotated

from fastapi import APIRouter, Form
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from core.errors import Refused
from mail.auth import Throttled
from portal.confirming import LONGEST, SLOW
from portal.doors import Front, MaybeVisitor, TheFront
from portal.entering import enter
from portal.factors import TOTP
from portal.language import N_
from portal.pages import home_of
from portal.views_factors import SECOND
from portal.work import TheFactors, ThePasses

router = APIRouter()

WRONG = N_("Identifiant ou mot de passe incorrect. Vérifiez la saisie, majuscules comprises, puis recommencez.")
DOOR = N_("Connexion")
ROLES = {
    "patient": N_("Espace patient"),
    "pharmacien": N_("Espace pharmacie"),
    "soignant": N_("Espace soignant"),
}


@router.get("/entrer")
def door(request: Request, front: TheFront, visitor: MaybeVisitor, pour: str = "") -> Response:
    """The form; who is signed in already goes on."""
    if visitor and home_of(visitor) != "/":
        return _to(home_of(visitor))
    return _form(request, front, ROLES.get(pour, DOOR))


@router.post("/entrer")
async def sign_in(
    request: Request,
    front: TheFront,
    factors: TheFactors,
    passes: ThePasses,
    login: Annotated[str, Form(max_length=LONGEST)] = "",
    password: Annotated[str, Form(max_length=LONGEST)] = "",
) -> Response:
    """A right pair opens a new session; an earlier one of this browser ends."""
    try:
        identity = await front.services.authenticator.password(login, password, _peer(request))
    except Throttled:
        return _form(request, front, DOOR, SLOW, 429)
    if identity is None:
        return _form(request, front, DOOR, WRONG, 401)
    if await run_in_threadpool(factors.of, identity.account_id, TOTP):
        token = await run_in_threadpool(passes.give, SECOND, identity.account_id, "")
        return front.pages.show(request, "second.html", token=token)
    return await enter(request, front, identity)


@router.post("/sortir")
@router.post("/p/sortir")
def sign_out(
    request: Request, front: TheFront, visitor: MaybeVisitor, jeton: Annotated[str, Form(max_length=100)] = ""
) -> Response:
    """Ends the session on our side, not only in the browser."""
    if visitor:
        if not front.sessions.form_fits(visitor, jeton):
            raise Refused("Ce formulaire n'est plus valable. Rechargez la page et recommencez.", "form token wrong")
        front.sessions.close(visitor)
    answer = _to("/")
    name = front.sessions.cookie_for(request.url.path)
    answer.delete_cookie(name, path="/", secure=front.services.https, httponly=True, samesite="lax")
    return answer


def _form(request: Request, front: Front, title: str, problem: str = "", status: int = 200) -> Response:
    return front.pages.show(request, "login.html", status=status, title=title, problem=problem, psc=front.has_psc)


def _to(path: str) -> RedirectResponse:
    return RedirectResponse(path, 303)


def _peer(request: Request) -> str:
    return request.client.host if request.client else ""
