"""`/compte/avis`: everyday e-mail that says that something came, to whoever asked for it."""

from typing import Annotated

from fastapi import APIRouter, Form
from starlette.responses import RedirectResponse, Response

from portal.doors import ActingAnyone
from portal.session import Visitor
from portal.work import TheNotices

account = APIRouter()


@account.post("/compte/avis")
def ask(notices: TheNotices, visitor: ActingAnyone, adresse: Annotated[str, Form(max_length=254)] = "") -> Response:
    """A code goes to the address: it counts once its owner has typed it."""
    notices.ask(visitor, adresse)
    return _back(visitor)


@account.post("/compte/avis/code")
def confirm(notices: TheNotices, visitor: ActingAnyone, code: Annotated[str, Form(max_length=20)] = "") -> Response:
    """The code that came."""
    notices.confirm(visitor, code)
    return _back(visitor)


@account.post("/compte/avis/fin")
def stop(notices: TheNotices, visitor: ActingAnyone) -> Response:
    """No notice any more."""
    notices.stop(visitor)
    return _back(visitor)


def _back(visitor: Visitor) -> Response:
    return RedirectResponse(f"{'/p' if visitor.role == 'patient' else ''}/compte?fait=1", 303)
