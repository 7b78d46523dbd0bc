"""The last step of every sign-in: a new session, the earlier one of this browser ends, and on to the first page."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse

from mail.auth import Identity
from portal.confirming import Confirming
from portal.cookies import PENDING, put_cookie
from portal.devices import device_of
from portal.doors import Front
from portal.oidc import PROFESSIONALS
from portal.pages import home_of
from portal.session import Visitor


async def enter(
    request: Request, front: Front, identity: Identity, proof: Confirming | None = None
) -> RedirectResponse:
    """Whoever proved enough is signed in. `proof`: where what they showed is no password, it counts as a proof too for
    what is asked again later."""
    await run_in_threadpool(_close_old, request, front, identity)
    token = await front.sessions.open(identity, device_of(request.headers.get("user-agent", "")))
    visitor = await run_in_threadpool(front.sessions.find, token, active=False)
    if proof and visitor:
        await run_in_threadpool(proof.note, visitor)
    answer = RedirectResponse(_next(request, identity) or home_of(visitor), 303)
    put_cookie(front, answer, token, home_of(visitor))
    return answer


def _next(request: Request, identity: Identity) -> str:
    """Where a sign-in goes on that the chat has asked for; empty: none has."""
    return "/oidc/suite" if PENDING in request.cookies and identity.role in PROFESSIONALS else ""


def _close_old(request: Request, front: Front, entering: Identity) -> None:
    for name in {front.sessions.cookie_for(path) for path in ("/p", "/")}:
        old: Visitor | None = front.sessions.find(request.cookies.get(name, ""), active=False)
        if old and (not front.services.demo or old.role == entering.role):
            front.sessions.close(old)
