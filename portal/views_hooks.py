"""`/officine/reglages/appels`: where the pharmacy's software is called, and whether it answered."""

from typing import Annotated, Any

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from portal.doors import ActingPharmacist, TheFront
from portal.work import TheHooks

router = APIRouter(prefix="/officine/reglages/appels")

Id = Annotated[int, Form(ge=0, lt=2**63)]
SAVED = "/officine/reglages?fait=1#w"


@router.post("")
def add(
    request: Request,
    front: TheFront,
    hooks: TheHooks,
    visitor: ActingPharmacist,
    adresse: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    """The secret is shown this once."""
    made = hooks.make(visitor, adresse)
    shown: dict[str, Any] = {"hooks": hooks.of(visitor), "calls": (), "hook_secret": made.secret}
    return front.pages.show(request, "hook_made.html", visitor=visitor, **shown)


@router.post("/essai")
def try_out(hooks: TheHooks, visitor: ActingPharmacist, appel: Id) -> Response:
    """A call that says nothing."""
    hooks.ping(visitor, appel)
    return RedirectResponse(SAVED, 303)


@router.post("/retirer")
def remove(hooks: TheHooks, visitor: ActingPharmacist, appel: Id) -> Response:
    """Nothing is called there any more."""
    hooks.remove(visitor, appel)
    return RedirectResponse(SAVED, 303)
