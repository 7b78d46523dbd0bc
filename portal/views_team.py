"""`/officine/reglages` and `/officine/equipe`: what the pharmacy set, and who is at the post."""

from typing import Annotated

from fastapi import APIRouter, Form, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from core.errors import BadInput, Refused
from portal.cookies import put_cookie
from portal.doors import ActingPharmacist, Pharmacist, TheFront
from portal.language import N_
from portal.preferences import TEMPLATES
from portal.work import TheApiKeys, TheConfirming, TheHooks, ThePreferences, TheTeam

router = APIRouter(prefix="/officine")

Text = Annotated[str, Form(max_length=1000)]
Texts = Annotated[list[str], Form(max_length=20)]
Id = Annotated[int, Form(ge=0, lt=2**63)]
SAVED = "/officine/reglages?fait=1"


@router.get("/reglages")
def settings(
    request: Request,
    front: TheFront,
    preferences: ThePreferences,
    team: TheTeam,
    keys: TheApiKeys,
    hooks: TheHooks,
    confirming: TheConfirming,
    visitor: Pharmacist,
    fait: str = "",
    refus: str = "",
) -> Response:
    """Hours, templates, notices, team."""
    kept = preferences.of(visitor.mailbox_id, visitor.holder_id)
    templates = tuple((key, title, kept.template(key)) for key, (title, _text) in TEMPLATES.items())
    members = team.members(visitor)
    return front.pages.show(
        request,
        "settings.html",
        visitor=visitor,
        kept=kept,
        templates=templates,
        members=members,
        keys=keys.count(visitor),
        hooks=hooks.of(visitor),
        calls=hooks.calls(visitor),
        hook_secret="",
        done=bool(fait),
        base="/compte",
        **confirming.shown(visitor, refus, "reglages"),
    )


@router.post("/reglages")
def change(
    preferences: ThePreferences,
    visitor: ActingPharmacist,
    version: Id,
    horaires: Text = "",
    delai: Annotated[int, Form(ge=0, le=1440)] = 30,
) -> Response:
    """Hours and notices."""
    preferences.change(visitor, version, hours=horaires.strip(), escalate_minutes=delai)
    return RedirectResponse(SAVED, 303)


@router.post("/reglages/modeles")
def templates(
    preferences: ThePreferences, visitor: ActingPharmacist, version: Id, cle: Texts, texte: Texts
) -> Response:
    """The reply templates; an empty text takes back the one that came with the house."""
    if len(cle) != len(texte):
        raise BadInput("Le formulaire est incomplet. Rechargez la page et recommencez.", "uneven columns")
    plain = {key: text.replace("\r\n", "\n").strip() for key, text in zip(cle, texte, strict=True)}
    own = {key: text for key, text in plain.items() if text and text != TEMPLATES.get(key, ("", ""))[1]}
    preferences.change(visitor, version, templates=own)
    return RedirectResponse(SAVED, 303)


@router.post("/reglages/code")
def pin(
    team: TheTeam,
    confirming: TheConfirming,
    visitor: ActingPharmacist,
    code: Annotated[str, Form(max_length=20)] = "",
) -> Response:
    """One's own PIN for the quick switch."""
    confirming.demand(visitor)
    team.set_pin(visitor, code.strip())
    return RedirectResponse(SAVED, 303)


@router.post("/reglages/cle-api")
def api_key(
    request: Request, front: TheFront, keys: TheApiKeys, confirming: TheConfirming, visitor: ActingPharmacist
) -> Response:
    """A key for the pharmacy's software, shown this once."""
    confirming.demand(visitor)
    return front.pages.show(request, "api_key.html", visitor=visitor, key=keys.make(visitor))


@router.post("/reglages/cle-api/fin")
def end_keys(keys: TheApiKeys, visitor: ActingPharmacist) -> Response:
    """One's own keys open nothing any more."""
    keys.end_all(visitor)
    return RedirectResponse(SAVED, 303)


@router.get("/equipe")
def people(
    request: Request,
    front: TheFront,
    team: TheTeam,
    visitor: Pharmacist,
    erreur: Annotated[str, Query(max_length=1)] = "",
) -> Response:
    """Who takes over the post?"""
    problem = N_("Ce n'est pas le bon code, ou il est bloqué.") if erreur else ""
    members = team.members(visitor)
    status, pin = 403 if problem else 200, front.services.demo_pin if front.services.demo else ""
    shown = {"members": members, "problem": problem, "pin": pin}
    return front.pages.show(request, "team.html", visitor=visitor, status=status, **shown)


@router.post("/equipe")
def switch(
    front: TheFront,
    team: TheTeam,
    visitor: ActingPharmacist,
    qui: Id = 0,
    code: Annotated[str, Form(max_length=20)] = "",
) -> Response:
    """Pass the post on."""
    try:
        account_id = team.checked(visitor, qui, code.strip())
    except Refused:
        return RedirectResponse("/officine/equipe?erreur=1", 303)
    answer = RedirectResponse("/officine", 303)
    put_cookie(front, answer, front.sessions.switch(visitor, account_id), "/officine")
    return answer
