"""`/compte/confirmer`: who is signed in proves it again, before what opens the account is changed."""

from typing import Annotated

from fastapi import APIRouter, Form
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from mail.auth import Throttled
from portal.doors import ActingAnyone
from portal.pages import account_of
from portal.session import Visitor
from portal.work import TheConfirming

account = APIRouter()
Secret = Annotated[str, Form(max_length=2000)]


@account.post("/compte/confirmer")
async def confirm(
    request: Request,
    confirming: TheConfirming,
    visitor: ActingAnyone,
    actuel: Secret = "",
    code: Annotated[str, Form(max_length=20)] = "",
    suite: Annotated[str, Form(max_length=20)] = "",
) -> Response:
    """Back to where it was asked; good for five minutes in this session."""
    back = _back(visitor, suite)
    try:
        right = await confirming.by_password(visitor, actuel, code, request.client.host if request.client else "")
    except Throttled:
        return RedirectResponse(f"{back}?refus=2", 303)
    if not right:
        return RedirectResponse(f"{back}?refus=1", 303)
    await run_in_threadpool(confirming.note, visitor)
    return RedirectResponse(back, 303)


def _back(visitor: Visitor, suite: str) -> str:
    if suite == "reglages" and visitor.role == "pharmacist":
        return "/officine/reglages"
    return f"{account_of(visitor)}/messagerie" if suite == "messagerie" else account_of(visitor)
