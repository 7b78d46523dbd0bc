"""`/oidc`: the homeserver's sign-in. Programs ask for keys and tokens; browsers pass through `autoriser`."""

from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from core.errors import NotFound
from portal.cookies import PENDING, forget_pending, keep_pending
from portal.doors import Front, MaybeVisitor, TheFront
from portal.language import N_
from portal.oidc import LARGEST_FORM, Asked, NotOurs, Provider, Told
from portal.work import TheOidc

router = APIRouter(prefix="/oidc")

LONGEST_QUERY = 2048
WHO = N_("Connectez-vous pour entrer dans la messagerie instantanée.")


def _provider(provider: TheOidc) -> Provider:
    if provider is None:
        raise NotFound("Cette page n'existe pas.", "no chat beside these pages")
    return provider


TheProvider = Annotated[Provider, Depends(_provider)]


@router.get("/.well-known/openid-configuration")
def discovery(provider: TheProvider) -> Response:
    """OpenID Connect Discovery §4."""
    return JSONResponse(provider.discovery())


@router.get("/cles")
def keys(provider: TheProvider) -> Response:
    """The key that signs our ID tokens."""
    return JSONResponse(provider.keys())


@router.get("/autoriser")
def authorize(request: Request, front: TheFront, provider: TheProvider, visitor: MaybeVisitor) -> Response:
    """OpenID Connect Core §3.1.2: back to the homeserver with a code; whoever is not signed in signs in first."""
    query = _query(request)
    try:
        asked = provider.asked(query)
        if visitor is None:
            return _sign_in(request, front, asked)
        return _gone(front, provider.admit(visitor, asked))
    except Told as error:
        return _gone(front, provider.back({"error": error.error}, dict(query).get("state", "")))


@router.get("/suite")
def after_sign_in(request: Request, front: TheFront, provider: TheProvider, visitor: MaybeVisitor) -> Response:
    """Signed in: on to what the homeserver asked. A page, because a form's answer may not lead to another site."""
    query, onward = request.cookies.get(PENDING, ""), ""
    if visitor and 0 < len(query) <= LONGEST_QUERY:
        provider.asked(parse_qsl(query, keep_blank_values=True))
        onward = f"/oidc/autoriser?{query}"
    answer = front.pages.show(request, "chat_door.html", visitor=visitor, onward=onward)
    forget_pending(front, answer)
    return answer


@router.post("/jeton")
async def token(request: Request, provider: TheProvider) -> Response:
    """OpenID Connect Core §3.1.3."""
    body = await request.body()
    headers = {"cache-control": "no-store"}
    try:
        given = request.headers.get("authorization", "")
        found = await run_in_threadpool(provider.token, body[: LARGEST_FORM + 1], given)
    except Told as error:
        status = 401 if error.error == "invalid_client" else 400
        headers |= {"www-authenticate": 'Basic realm="oidc"'} if status == 401 else {}
        return JSONResponse({"error": error.error}, status, headers)
    return JSONResponse(found, 200, headers)


def _query(request: Request) -> list[tuple[str, str]]:
    """Raises NotOurs for what is longer than any request of our client."""
    if len(request.url.query) > LONGEST_QUERY:
        raise NotOurs
    return parse_qsl(request.url.query, keep_blank_values=True)


def _sign_in(request: Request, front: Front, asked: Asked) -> Response:
    """The form to sign in, which remembers what was asked. Raises Told where no page may be shown."""
    if asked.silent:
        raise Told("login_required")
    answer = front.pages.show(
        request, "login.html", status=401, title=N_("Espace soignant"), problem=WHO, psc=front.has_psc
    )
    keep_pending(front, answer, request.url.query)
    return answer


def _gone(front: Front, where: str) -> Response:
    answer = RedirectResponse(where, 303)
    forget_pending(front, answer)
    return answer
