"""What is said to everybody: `/accessibilite`, `/mentions`, `/vie-privee`."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from portal.doors import MaybeVisitor, TheFront

router = APIRouter()


@router.get("/accessibilite")
def accessibility(request: Request, front: TheFront, visitor: MaybeVisitor) -> Response:
    """The declaration, for everybody."""
    return front.pages.show(request, "accessibility.html", visitor=visitor)


@router.get("/mentions")
def notices(request: Request, front: TheFront, visitor: MaybeVisitor) -> Response:
    """What this is, who answers for it, what it does not do."""
    named = {each for each in front.services.hosts if any(letter.isalpha() for letter in each)} - {"localhost"}
    hosts = ", ".join(sorted(named)) or (request.url.hostname or "")
    return front.pages.show(request, "notices.html", visitor=visitor, hosts=hosts)


@router.get("/vie-privee")
def privacy(request: Request, front: TheFront, visitor: MaybeVisitor) -> Response:
    """What is kept of people, what never happens with it."""
    return front.pages.show(request, "privacy.html", visitor=visitor)
