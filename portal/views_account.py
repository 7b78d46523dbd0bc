"""`/compte/mot-de-passe` and `/compte/appareils`: one's own password and one's own open sessions, for every role."""

import unicodedata
from typing import Annotated, Any

from fastapi import APIRouter, Form
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from core.errors import Refused
from crypto.passwords import hash_password
from crypto.weak_passwords import LEAST, Weakness, weakness
from mail.accounts import Account, get_account
from mail.auth import Throttled
from portal.actors import mailbox_label
from portal.confirming import LONGEST, SLOW, is_password_of
from portal.cookies import put_cookie
from portal.doors import ActingAnyone, Anyone, Front, TheFront
from portal.language import N_
from portal.pages import account_of, home_of
from portal.session import Visitor

account = APIRouter()
Secret = Annotated[str, Form(max_length=2000)]
WRONG = N_("Le mot de passe actuel n'est pas le bon. Rien n'est changé.")
DIFFERENT = N_("Les deux saisies du nouveau mot de passe diffèrent.")
SAME = N_("Le nouveau mot de passe est l'ancien.")
WEAK = {
    Weakness.SHORT: N_("Au moins 12 caractères : une phrase de quelques mots convient."),
    Weakness.LONG: N_("Ce mot de passe est trop long."),
    Weakness.GUESSED: N_(
        "Ce mot de passe se devine : trop courant, trop simple, ou trop proche de ce qu'on sait de vous."
    ),
}


@account.get("/compte/mot-de-passe")
def form(request: Request, front: TheFront, visitor: Anyone) -> Response:
    """The current one, and twice the new one."""
    return _form(request, front, visitor)


@account.post("/compte/mot-de-passe")
async def change(
    request: Request,
    front: TheFront,
    visitor: ActingAnyone,
    actuel: Secret = "",
    nouveau: Secret = "",
    encore: Secret = "",
) -> Response:
    """Takes effect at once: every other session of the account ends."""
    mine = await run_in_threadpool(_account, front, visitor)
    try:
        problem = await _problem(request, front, mine, actuel, nouveau, encore)
    except Throttled:
        return _form(request, front, visitor, SLOW, 429)
    if problem:
        return _form(request, front, visitor, problem, 400)
    token = await run_in_threadpool(_changed, front, visitor, mine, nouveau)
    answer = RedirectResponse(f"{account_of(visitor)}?fait=1", 303)
    put_cookie(front, answer, token, home_of(visitor))
    return answer


@account.get("/compte/appareils")
def devices(request: Request, front: TheFront, visitor: Anyone, fait: str = "") -> Response:
    """Where one is signed in."""
    shown: dict[str, Any] = {"sessions": front.sessions.mine(visitor), "base": account_of(visitor), "done": bool(fait)}
    return front.pages.show(request, "devices.html", visitor=visitor, **shown)


@account.post("/compte/appareils")
def end(front: TheFront, visitor: ActingAnyone, session: Annotated[str, Form(max_length=64)] = "") -> Response:
    """One of the others, or all of them; somebody else's is none of them."""
    front.sessions.end(visitor, session)
    return RedirectResponse(f"{account_of(visitor)}/appareils?fait=1", 303)


def _account(front: Front, visitor: Visitor) -> Account:
    found = front.services.db.read(get_account, front.services.keyring, visitor.account_id)
    if found.password_hash is None:
        raise Refused("Ce compte n'a pas de mot de passe.", "no password to change")
    return found


async def _problem(request: Request, front: Front, mine: Account, current: str, new: str, again: str) -> str:
    """What is wrong, in words; empty when all is well. The current one is guessed no faster than at the door."""
    if not await is_password_of(front.services, mine, current, request.client.host if request.client else ""):
        return WRONG
    login = str(mine.profile.get("login") or "")
    if len(new) > LONGEST:  # the door would not take it
        return WEAK[Weakness.LONG]
    if new != again:
        return DIFFERENT
    if unicodedata.normalize("NFC", new) == unicodedata.normalize("NFC", current):
        return SAME
    label = await run_in_threadpool(front.services.db.read, mailbox_label, front.services.keyring, mine.mailbox_id)
    weak = await run_in_threadpool(
        weakness, new, (login, mine.address.text, label, str(mine.profile.get("name") or ""))
    )
    return WEAK[weak] if weak else ""


def _changed(front: Front, visitor: Visitor, mine: Account, new: str) -> str:
    return front.sessions.new_password(visitor, mine.password_hash or "", hash_password(new))


def _form(request: Request, front: Front, visitor: Visitor, problem: str = "", status: int = 200) -> Response:
    mine = _account(front, visitor)
    login = "" if visitor.role == "patient" else str(mine.profile.get("login") or "")  # a patient's is their number
    shown: dict[str, Any] = {"problem": problem, "base": account_of(visitor), "least": LEAST, "login": login}
    return front.pages.show(request, "password.html", visitor=visitor, status=status, **shown)
