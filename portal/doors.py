"""The doors of the views: who is signed in, with which role, and whether a form is one of ours."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Form, Path, Query
from starlette.requests import Request

from core.errors import NotFound, Refused
from portal.pages import Pages
from portal.services import Services
from portal.session import Sessions, Visitor


class SignInNeeded(Refused):
    """Nobody is signed in, or not any more."""

    def __init__(self) -> None:
        super().__init__("Votre session est terminée. Connectez-vous de nouveau.", "sign-in needed")


@dataclass(frozen=True, repr=False)
class Front:
    """What the views share; one for the application."""

    services: Services
    sessions: Sessions
    pages: Pages

    @property
    def has_psc(self) -> bool:
        """Whether professionals may sign in with Pro Santé Connect."""
        return self.services.psc is not None


def front(request: Request) -> Front:
    """The application's own."""
    found: Front = request.app.state.front
    return found


def visitor_or_none(request: Request, auto: Annotated[str, Query(max_length=1)] = "") -> Visitor | None:
    """Who is signed in; `auto=1` marks a page that refreshes itself, which keeps no session alive."""
    sessions = front(request).sessions
    token = request.cookies.get(sessions.cookie_for(request.url.path), "")
    found: Visitor | None = sessions.find(token, active=auto != "1")
    request.state.visitor = found  # for the page of a refusal
    return found


def only(role: str) -> Callable[..., Visitor]:
    """A dependency: somebody of this role. For the others the page does not exist."""

    def door(visitor: Annotated[Visitor | None, Depends(visitor_or_none)]) -> Visitor:
        if visitor is None:
            raise SignInNeeded
        if visitor.role != role:
            raise NotFound("Cette page n'existe pas pour votre compte.", "page of another role")
        return visitor

    return door


def anyone(visitor: Annotated[Visitor | None, Depends(visitor_or_none)]) -> Visitor:
    """A dependency: whoever is signed in."""
    if visitor is None:
        raise SignInNeeded
    return visitor


def acting_anyone(
    request: Request,
    visitor: Annotated[Visitor, Depends(anyone)],
    jeton: Annotated[str, Form(max_length=100)] = "",
) -> Visitor:
    """The same, for a form that changes something."""
    if not front(request).sessions.form_fits(visitor, jeton):
        raise Refused("Ce formulaire n'est plus valable. Rechargez la page et recommencez.", "form token wrong")
    return visitor


def acting(role: str) -> Callable[..., Visitor]:
    """The same, for a form that changes something: its token must fit the session."""

    def door(
        request: Request,
        visitor: Annotated[Visitor, Depends(only(role))],
        jeton: Annotated[str, Form(max_length=100)] = "",
    ) -> Visitor:
        if not front(request).sessions.form_fits(visitor, jeton):
            raise Refused("Ce formulaire n'est plus valable. Rechargez la page et recommencez.", "form token wrong")
        return visitor

    return door


RowId = Annotated[int, Path(ge=0, le=2**63 - 1)]  # in an address; what no row can have is no page
Secret = Annotated[bool, Form()]  # the sender wants it encrypted for whom it is sent to
TheFront = Annotated[Front, Depends(front)]
MaybeVisitor = Annotated[Visitor | None, Depends(visitor_or_none)]
Pharmacist = Annotated[Visitor, Depends(only("pharmacist"))]
ActingPharmacist = Annotated[Visitor, Depends(acting("pharmacist"))]
Physician = Annotated[Visitor, Depends(only("physician"))]
ActingPhysician = Annotated[Visitor, Depends(acting("physician"))]
Patient = Annotated[Visitor, Depends(only("patient"))]
ActingPatient = Annotated[Visitor, Depends(acting("patient"))]
Operator = Annotated[Visitor, Depends(only("operator"))]
ActingOperator = Annotated[Visitor, Depends(acting("operator"))]
Anyone = Annotated[Visitor, Depends(anyone)]
ActingAnyone = Annotated[Visitor, Depends(acting_anyone)]
