"""`/compte` and the second step of `/entrer`: codes by time, passkeys (WebAuthn level 3), for every role."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Form
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import base64url_to_bytes
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from core.errors import BadInput, Refused
from mail.auth import Identity
from portal import pickup, totp
from portal.doors import ActingAnyone, Anyone, Front, TheFront
from portal.entering import enter
from portal.factors import PASSKEY, TOTP, Factors
from portal.pages import account_of
from portal.passes import Passes
from portal.work import TheConfirming, TheFactors, TheNotices, ThePasses

router = APIRouter()  # the door
account = APIRouter()  # what is signed in; in the demonstration a patient's pages have a session of their own

SECOND, NEW_KEY, KEY = "second", "new-passkey", "passkey"
Code = Annotated[str, Form(max_length=20)]
Token = Annotated[str, Form(max_length=64)]
Answer = Annotated[str, Form(max_length=20_000)]
WRONG_KEY = "Cette clé d'accès n'est pas reconnue ici. Connectez-vous avec votre mot de passe."


@account.get("/compte")
def protection(
    request: Request,
    front: TheFront,
    factors: TheFactors,
    notices: TheNotices,
    confirming: TheConfirming,
    visitor: Anyone,
    fait: str = "",
    refus: str = "",
) -> Response:
    """What protects this account, and how to add to it."""
    codes, keys = factors.of(visitor.account_id, TOTP), factors.of(visitor.account_id, PASSKEY)
    asked = confirming.shown(visitor, refus)
    secret = totp.new_secret() if asked["confirmed"] and not codes else ""
    label = "patient" if visitor.role == "patient" else visitor.name or "compte"
    qr = pickup.picture(totp.uri(secret, label), "Code à lire avec votre application") if secret else ""
    shown: dict[str, Any] = asked | {
        "codes": codes,
        "keys": keys,
        "secret": secret,
        "qr": qr,
        "done": bool(fait),
        "base": account_of(visitor),
        "notices": front.services.notices,
        "notice": notices.of(visitor),
    }
    return front.pages.show(request, "account.html", visitor=visitor, **shown)


@account.post("/compte/code")
def add_code(
    factors: TheFactors,
    confirming: TheConfirming,
    visitor: ActingAnyone,
    secret: Annotated[str, Form(max_length=64)] = "",
    code: Code = "",
) -> Response:
    """The secret counts once a code of it was shown."""
    confirming.demand(visitor)
    if len(secret) != 32 or not secret.isalnum() or not secret.isupper():
        raise BadInput("Rechargez la page et recommencez.", "malformed TOTP secret")
    factors.add_totp(visitor, secret, code)
    return RedirectResponse(account_of(visitor) + "?fait=1", 303)


@account.post("/compte/retirer")
def remove(
    factors: TheFactors,
    confirming: TheConfirming,
    visitor: ActingAnyone,
    facteur: Annotated[int, Form(ge=0, lt=2**63)],
) -> Response:
    """One's own."""
    confirming.demand(visitor)
    factors.remove(visitor, facteur)
    return RedirectResponse(account_of(visitor) + "?fait=1", 303)


@account.post("/compte/cle/options")
def new_key_options(
    request: Request,
    front: TheFront,
    factors: TheFactors,
    passes: ThePasses,
    confirming: TheConfirming,
    visitor: ActingAnyone,
) -> Response:
    """What the browser asks the person's device for. The user handle says nothing of anybody."""
    confirming.demand(visitor)
    known = [_descriptor(factor.secret["id"]) for factor in factors.of(visitor.account_id, PASSKEY)]
    options = generate_registration_options(
        rp_id=_host(request),
        rp_name="Pli",
        user_id=front.services.keyring.mac("web-passkey-user", str(visitor.account_id).encode())[:32],
        user_name=visitor.name or "compte",
        exclude_credentials=known,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
    )
    token = passes.give(NEW_KEY, visitor.account_id, options.challenge.hex())
    return JSONResponse({"pass": token, "options": json.loads(options_to_json(options))})


@account.post("/compte/cle")
def add_key(
    request: Request,
    front: TheFront,
    factors: TheFactors,
    passes: ThePasses,
    confirming: TheConfirming,
    visitor: ActingAnyone,
    laissez_passer: Token = "",
    reponse: Answer = "",
) -> Response:
    """The device's answer."""
    confirming.demand(visitor)
    kept = passes.take(NEW_KEY, laissez_passer)
    if kept is None or kept.account_id != visitor.account_id:
        raise Refused("La demande a expiré. Recommencez.", "no such passkey challenge")
    try:
        made = verify_registration_response(
            credential=reponse,
            expected_challenge=bytes.fromhex(kept.facts),
            expected_rp_id=_host(request),
            expected_origin=_origin(request, front),
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError):
        raise BadInput("La clé d'accès n'a pas été acceptée.", "passkey registration refused") from None
    factors.add_passkey(visitor, made.credential_id, made.credential_public_key, made.sign_count)
    return JSONResponse({"next": account_of(visitor) + "?fait=1"})


@router.post("/entrer/cle/options")
def key_options(request: Request, passes: ThePasses) -> Response:
    """A challenge for whoever is at the door."""
    options = generate_authentication_options(
        rp_id=_host(request), user_verification=UserVerificationRequirement.REQUIRED
    )
    token = passes.give(KEY, 0, options.challenge.hex())
    return JSONResponse({"pass": token, "options": json.loads(options_to_json(options))})


@router.post("/entrer/cle")
async def enter_by_key(
    request: Request,
    front: TheFront,
    factors: TheFactors,
    passes: ThePasses,
    confirming: TheConfirming,
    laissez_passer: Token = "",
    reponse: Answer = "",
) -> Response:
    """A passkey is both factors: something held, and the device's own check of its owner."""
    account_id = await run_in_threadpool(_checked, request, front, factors, passes, laissez_passer, reponse)
    identity = await run_in_threadpool(factors.identity, account_id)
    if identity is None:
        raise Refused(WRONG_KEY, "account may not log in")
    entered = await enter(request, front, identity, confirming)
    answer = JSONResponse({"next": entered.headers["location"]})
    answer.headers["set-cookie"] = entered.headers["set-cookie"]
    return answer


@router.post("/entrer/code")
async def second(
    request: Request,
    front: TheFront,
    factors: TheFactors,
    passes: ThePasses,
    laissez_passer: Token = "",
    code: Code = "",
) -> Response:
    """The second step after a right password; a wrong code costs the whole sign-in."""
    identity = await run_in_threadpool(_second, factors, passes, laissez_passer, code)
    if identity is not None:
        return await enter(request, front, identity)
    problem = "Le code n'est pas le bon, ou il a expiré. Recommencez avec votre mot de passe."
    shown: dict[str, Any] = {"title": "Connexion", "problem": problem, "psc": front.has_psc}
    return front.pages.show(request, "login.html", status=401, **shown)


def _second(factors: Factors, passes: Passes, token: str, code: str) -> Identity | None:
    kept = passes.take(SECOND, token)
    right = kept is not None and factors.code_is_right(kept.account_id, code)
    return factors.identity(kept.account_id) if kept and right else None


def _checked(request: Request, front: Front, factors: Factors, passes: Passes, token: str, answer: str) -> int:
    """Whose passkey it is. Raises Refused."""
    kept = passes.take(KEY, token)
    try:
        factor = factors.passkey(base64url_to_bytes(str(json.loads(answer)["id"])))
        if kept is None or factor is None:
            raise Refused(WRONG_KEY, "unknown passkey or challenge")
        shown = verify_authentication_response(
            credential=answer,
            expected_challenge=bytes.fromhex(kept.facts),
            expected_rp_id=_host(request),
            expected_origin=_origin(request, front),
            credential_public_key=bytes.fromhex(factor.secret["key"]),
            credential_current_sign_count=factor.counter,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError):
        raise Refused(WRONG_KEY, "passkey not accepted") from None
    if not factors.used(factor, shown.new_sign_count):
        raise Refused(WRONG_KEY, "passkey counter went back")
    return factor.account_id


def _descriptor(credential_id: str) -> PublicKeyCredentialDescriptor:
    return PublicKeyCredentialDescriptor(id=bytes.fromhex(credential_id))


def _host(request: Request) -> str:
    """The guard has let only our own names pass."""
    return request.url.hostname or "localhost"


def _origin(request: Request, front: Front) -> str:
    scheme = "https" if front.services.https else "http"
    return f"{scheme}://{request.headers['host']}"
