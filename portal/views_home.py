"""`/`: what this is, and two doors."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from portal.doors import MaybeVisitor, TheFront
from portal.pages import has_home

router = APIRouter()


@router.get("/")
def entrance(request: Request, front: TheFront, visitor: MaybeVisitor) -> Response:
    """For everybody."""
    doors = front.services.demo_doors() if front.services.demo else ()
    doors = tuple(door for door in doors if has_home(door.role))
    return front.pages.show(request, "home.html", visitor=visitor, doors=doors)
