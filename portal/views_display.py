"""`/affichage`: language and colours, chosen at the foot of each page, without scripts and without an account."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from portal import display, language
from portal.doors import Front, MaybeVisitor, TheFront

router = APIRouter()


@router.get("/affichage")
def choices(
    request: Request,
    front: TheFront,
    visitor: MaybeVisitor,
    retour: Annotated[str, Query(max_length=500)] = "/",
) -> Response:
    """The choices, with what counts now."""
    shown: dict[str, Any] = {"languages": language.LANGUAGES, "aspects": display.ASPECTS, "back": local(retour)}
    return front.pages.show(request, "display.html", visitor=visitor, **shown)


@router.post("/affichage")
def choose(
    front: TheFront,
    langue: Annotated[str, Form(max_length=10)] = "",
    aspect: Annotated[str, Form(max_length=10)] = "",
    retour: Annotated[str, Form(max_length=500)] = "/",
) -> Response:
    """Keeps what was chosen and goes back to where it was chosen; unknown words change nothing."""
    answer = RedirectResponse(local(retour), 303)
    if langue in language.LANGUAGES:
        _keep(front, answer, language.COOKIE, langue)
    if aspect in display.ASPECTS:
        _keep(front, answer, display.COOKIE, aspect)
    return answer


def local(path: str) -> str:
    """A page of ours to go back to: never another host, never a header of the attacker's."""
    plain = path.isascii() and path.isprintable() and "\\" not in path
    return path if plain and path.startswith("/") and not path.startswith("//") else "/"


def _keep(front: Front, answer: Response, name: str, value: str) -> None:
    answer.set_cookie(
        name, value, max_age=display.KEPT_S, path="/", secure=front.services.https, httponly=True, samesite="lax"
    )
