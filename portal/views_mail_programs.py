"""`/compte/messagerie`: a password for each device's mail program, for every role; shown once, revoked singly."""

from typing import Annotated, Any

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from portal.doors import ActingAnyone, Anyone, Front, TheFront
from portal.mail_programs import MailPrograms
from portal.pages import account_of
from portal.session import Visitor
from portal.work import TheConfirming, TheMailPrograms

account = APIRouter()
SELF = "messagerie"


@account.get("/compte/messagerie")
def programs(
    request: Request,
    front: TheFront,
    programs: TheMailPrograms,
    confirming: TheConfirming,
    visitor: Anyone,
    fait: str = "",
    refus: str = "",
) -> Response:
    """The devices that read mail, and how one is added."""
    asked = confirming.shown(visitor, refus, SELF)
    return _page(request, front, programs, visitor, done=bool(fait), **asked)


@account.post("/compte/messagerie")
def add(
    request: Request,
    front: TheFront,
    programs: TheMailPrograms,
    confirming: TheConfirming,
    visitor: ActingAnyone,
    appareil: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """The new one's password stands on this page alone."""
    confirming.demand(visitor)
    return _page(request, front, programs, visitor, confirmed=True, password=programs.add(visitor, appareil))


@account.post("/compte/messagerie/retirer")
def revoke(
    programs: TheMailPrograms, visitor: ActingAnyone, appareil: Annotated[int, Form(ge=0, lt=2**63)]
) -> Response:
    """One's own. A lost telephone is shut out without a proof first: that must be quick."""
    programs.revoke(visitor, appareil)
    return RedirectResponse(f"{account_of(visitor)}/{SELF}?fait=1", 303)


def _page(request: Request, front: Front, programs: MailPrograms, visitor: Visitor, **more: Any) -> Response:
    shown: dict[str, Any] = {
        "base": account_of(visitor),
        "devices": programs.of(visitor),
        "done": False,
        "password": "",
    } | more
    return front.pages.show(request, "mail_programs.html", visitor=visitor, **shown)
