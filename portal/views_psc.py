"""`/psc`: out to Pro Santé Connect and back."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from core.errors import NotFound, Refused
from mail.accounts import account_by_subject
from portal.doors import Front, TheFront
from portal.entering import enter
from portal.psc import ProSante
from portal.work import TheConfirming, TheFactors, ThePsc

router = APIRouter(prefix="/psc")

Said = Annotated[str, Query(max_length=4000)]


@router.get("/entrer")
def begin(request: Request, front: TheFront, psc: ThePsc) -> Response:
    """On to the issuer."""
    return RedirectResponse(_issuer(psc).begin(_back(request, front)), 303)


@router.get("/retour")
async def back(
    request: Request,
    front: TheFront,
    psc: ThePsc,
    factors: TheFactors,
    confirming: TheConfirming,
    state: Said = "",
    code: Said = "",
) -> Response:
    """The issuer's answer: who it is, then in."""
    subject = await run_in_threadpool(_issuer(psc).finish, state, code)
    account = await front.services.db.aread(account_by_subject, front.services.keyring, subject)
    identity = await run_in_threadpool(factors.identity, account.id) if account else None
    if identity is None:
        raise Refused("Aucun compte d'ici n'est relié à votre identité : demandez à l'exploitant.", "unknown subject")
    return await enter(request, front, identity, confirming)


def _issuer(psc: ProSante | None) -> ProSante:
    if psc is None:
        raise NotFound("Pro Santé Connect n'est pas proposé ici.", "no issuer set")
    return psc


def _back(request: Request, front: Front) -> str:
    scheme = "https" if front.services.https else "http"
    return f"{scheme}://{request.headers['host']}/psc/retour"
