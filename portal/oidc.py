"""A small OpenID provider for one client, our own homeserver: authorization code and PKCE, nothing else.

OpenID Connect Core §3.1, RFC 6749 §4.1, RFC 7636, RFC 9700. No consent is asked: the client is part of this house.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, unquote_plus, urlencode

from joserfc import jwt
from joserfc.jwk import ECKey

from core.clock import epoch_ms
from core.errors import BadInput, NotFound, PliError, Refused
from core.ids import token as new_token
from crypto.token_key import ALGORITHM, token_key
from portal.passes import Passes
from portal.services import ChatClient, Services
from portal.session import Visitor

CODE = "oidc"
CODE_LASTS, TOKEN_LASTS = timedelta(seconds=60), timedelta(minutes=2)
LARGEST_FORM, MOST_FIELDS = 8 * 1024, 20
LONGEST = 512  # characters of any value
PROFESSIONALS = frozenset({"physician", "pharmacist"})
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")  # RFC 7636 §4.2: base64url of a SHA-256
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")  # RFC 7636 §4.1


@dataclass(frozen=True, slots=True)
class Asked:
    """An authorization request that is in order. `silent`: no page may be shown (prompt=none)."""

    state: str
    nonce: str
    challenge: str
    silent: bool


class NotOurs(BadInput):
    """Of another client, or bound for another place: nobody is sent there."""

    def __init__(self) -> None:
        super().__init__("Cette demande de connexion n'est pas valable.", "unknown client or redirect")


class Told(PliError):
    """An error that the client is told by its name in RFC 6749 §4.1.2.1 and §5.2."""

    def __init__(self, error: str) -> None:
        super().__init__("Cette demande de connexion n'est pas valable.", f"oidc {error}")
        self.error = error


class Provider:
    """For threads."""

    def __init__(self, services: Services, passes: Passes, client: ChatClient) -> None:
        self._services, self._passes, self._client = services, passes, client
        self._key: ECKey | None = None

    def discovery(self) -> dict[str, Any]:
        """OpenID Connect Discovery §3."""
        issuer = self._client.issuer
        return {
            "issuer": issuer,
            "authorization_endpoint": f"{issuer}/autoriser",
            "token_endpoint": f"{issuer}/jeton",
            "jwks_uri": f"{issuer}/cles",
            "scopes_supported": ["openid"],
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [ALGORITHM],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "claims_supported": ["iss", "sub", "aud", "exp", "iat", "nonce", "name", "preferred_username"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
            "request_parameter_supported": False,
            "request_uri_parameter_supported": False,
        }

    def keys(self) -> dict[str, Any]:
        """The public key (RFC 7517 §5)."""
        return {"keys": [self._signing_key().as_dict(private=False)]}

    def asked(self, query: Sequence[tuple[str, str]]) -> Asked:
        """Checks a request. Raises NotOurs, and Told once it is known where to tell it."""
        given = dict(query)
        once = len(given) == len(query)  # RFC 6749 §3.1: a parameter stands once
        ours = given.get("client_id") == self._client.client_id
        if not (once and ours and given.get("redirect_uri") == self._client.redirect_uri):
            raise NotOurs
        if any(len(value) > LONGEST for value in given.values()) or "request" in given or "request_uri" in given:
            raise Told("invalid_request")
        if given.get("response_type") != "code":
            raise Told("unsupported_response_type")
        if "openid" not in given.get("scope", "").split():
            raise Told("invalid_scope")
        challenge = given.get("code_challenge", "")
        if given.get("code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(challenge):
            raise Told("invalid_request")
        silent = given.get("prompt") == "none"
        return Asked(given.get("state", ""), given.get("nonce", ""), challenge, silent)

    def admit(self, visitor: Visitor, asked: Asked) -> str:
        """Where the browser goes, with a code. Raises NotFound (no professional), Refused, Temporary."""
        if visitor.role not in PROFESSIONALS:
            raise NotFound("Cette page n'existe pas pour votre compte.", "chat is for professionals")
        self._client.accounts.ready(visitor.mailbox_id)
        now = epoch_ms(self._services.clock.now())
        facts = {"mailbox": visitor.mailbox_id, "nonce": asked.nonce, "challenge": asked.challenge, "at": now}
        code = self._passes.give(CODE, visitor.account_id, facts | {"redirect": self._client.redirect_uri})
        return self.back({"code": code}, asked.state)

    def back(self, answer: Mapping[str, str], state: str) -> str:
        """The client's address with an answer; `iss` as RFC 9207 wants it."""
        told = dict(answer) | ({"state": state} if state else {}) | {"iss": self._client.issuer}
        return f"{self._client.redirect_uri}?{urlencode(told)}"

    def token(self, body: bytes, authorization: str) -> dict[str, Any]:
        """Takes a code for a token. `body` is the form, `authorization` that header. Raises Told."""
        form = _form(body)
        self._check_client(form, authorization)
        if form.get("grant_type") != "authorization_code":
            raise Told("unsupported_grant_type")
        facts = self._taken(form)
        try:
            who = self._client.accounts.enter(facts["mailbox"])
        except (NotFound, Refused):
            raise Told("invalid_grant") from None
        claims = {"sub": who.localpart, "preferred_username": who.localpart, "name": who.name}
        claims |= {"nonce": facts["nonce"]} if facts["nonce"] else {}
        # the access token opens nothing: all there is to know stands in the ID token
        answer = {"access_token": new_token(32), "token_type": "Bearer", "scope": "openid"}
        lasts = int(TOKEN_LASTS.total_seconds())
        return answer | {"expires_in": lasts, "id_token": self._signed(claims, lasts)}

    def _taken(self, form: Mapping[str, str]) -> dict[str, Any]:
        """What the code stands for; it is gone after the first try, right or wrong."""
        kept = self._passes.take(CODE, form.get("code", ""))
        if kept is None:
            raise Told("invalid_grant")
        facts: dict[str, Any] = kept.facts
        fresh = epoch_ms(self._services.clock.now() - CODE_LASTS) < facts["at"]
        verifier = form.get("code_verifier", "")
        proven = _VERIFIER.fullmatch(verifier) and _same(_challenge(verifier), facts["challenge"])
        if not (fresh and proven and form.get("redirect_uri") == facts["redirect"]):
            raise Told("invalid_grant")
        return facts

    def _check_client(self, form: Mapping[str, str], authorization: str) -> None:
        """RFC 6749 §2.3.1: by header or by form, never both."""
        posted = (form.get("client_id", ""), form.get("client_secret", ""))
        if authorization and posted[1]:
            raise Told("invalid_request")
        name, secret = _basic(authorization) if authorization else posted
        good = _same(name, self._client.client_id) & _same(secret, self._client.client_secret)
        if not good or posted[0] not in ("", self._client.client_id):
            raise Told("invalid_client")

    def _signed(self, claims: Mapping[str, Any], lasts: int) -> str:
        key, now = self._signing_key(), int(self._services.clock.now().timestamp())
        times = {"iss": self._client.issuer, "aud": self._client.client_id, "iat": now, "exp": now + lasts}
        return jwt.encode({"alg": ALGORITHM, "kid": key.kid}, {**claims, **times}, key)

    def _signing_key(self) -> ECKey:
        self._key = self._key or token_key(self._services.keyring, "oidc")
        return self._key


def _form(body: bytes) -> dict[str, str]:
    """A form of single values. Raises Told."""
    if len(body) > LARGEST_FORM:
        raise Told("invalid_request")
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
    except ValueError:
        raise Told("invalid_request") from None
    form = dict(pairs)
    if len(form) != len(pairs) or any(len(value) > LONGEST for value in form.values()):
        raise Told("invalid_request")
    return form


def _basic(header: str) -> tuple[str, str]:
    """Name and secret of an Authorization header (RFC 7617 §2); empty where it is another kind."""
    kind, _, text = header.partition(" ")
    if kind.lower() != "basic" or len(text) > 2 * LONGEST:
        return "", ""
    try:
        name, _, secret = base64.b64decode(text, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return "", ""
    return unquote_plus(name), unquote_plus(secret)


def _challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode(errors="replace"), wanted.encode())
