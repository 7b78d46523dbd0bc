"""Pro Santé Connect: OpenID Connect with the authorization code and PKCE (RFC 7636), for professionals.

The issuer's keys and addresses come from its discovery document. A person enters the account whose subject (the
national identifier that PSC calls SubjectNameID) an operator has granted; nobody gets an account by signing in.
"""

import base64
import hashlib
from typing import Any
from urllib.parse import urlencode

import httpx2
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from core.errors import Refused, Temporary
from core.ids import token as new_token
from crypto.jwt import subject_of
from portal.passes import Passes
from portal.services import OidcClient, Services

STATE = "psc"
SCOPE = "openid scope_all"
ACR = "eidas1"
ALGORITHMS = ("RS256", "ES256", "PS256")
TIMEOUT_S = 10.0
SKEW_S = 60


class ProSante:
    """One issuer. For threads."""

    def __init__(self, services: Services, passes: Passes, client: OidcClient) -> None:
        self._services, self._passes, self._client = services, passes, client
        self._known: dict[str, Any] | None = None

    def begin(self, back: str) -> str:
        """Where to send the browser; `back` is our own address for the answer. Raises Temporary."""
        verifier, nonce = new_token(48), new_token(24)
        state = self._passes.give(STATE, 0, {"verifier": verifier, "nonce": nonce, "back": back})
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "response_type": "code",
            "client_id": self._client.client_id,
            "redirect_uri": back,
            "scope": SCOPE,
            "acr_values": ACR,
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return f"{self._discovered()['authorization_endpoint']}?{urlencode(asked)}"

    def finish(self, state: str, code: str) -> str:
        """The person's national identifier. Raises Refused, Temporary."""
        kept = self._passes.take(STATE, state)
        if kept is None or not code or len(code) > 4000:
            raise Refused("La connexion a expiré. Recommencez.", "unknown state")
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": kept.facts["back"],
            "client_id": self._client.client_id,
            "client_secret": self._client.client_secret,
            "code_verifier": kept.facts["verifier"],
        }
        got = self._asked("POST", self._discovered()["token_endpoint"], data=form)
        claims = self._claims(str(got.get("id_token", "")), kept.facts["nonce"])
        bearer = {"authorization": f"Bearer {got.get('access_token', '')}"}
        told = self._asked("GET", self._discovered()["userinfo_endpoint"], headers=bearer)
        if told.get("sub") != claims.get("sub"):
            raise Refused("La connexion n'est pas valable.", "userinfo speaks of somebody else")
        subject = subject_of(told)
        if subject is None or not subject.isalnum() or len(subject) > 64:
            raise Refused("Pro Santé Connect n'a pas donné d'identifiant national.", "no SubjectNameID")
        return subject

    def _claims(self, token: str, nonce: str) -> dict[str, Any]:
        """OpenID Connect Core §3.1.3.7."""
        try:
            keys = KeySet.import_key_set(self._asked("GET", self._discovered()["jwks_uri"]))  # type: ignore[arg-type]
            claims = dict(jwt.decode(token, keys, algorithms=list(ALGORITHMS)).claims)
        except (JoseError, ValueError, TypeError):
            raise Refused("La connexion n'est pas valable.", "id token not accepted") from None
        now = self._services.clock.now().timestamp()
        audience = claims.get("aud")
        ours = self._client.client_id in (audience if isinstance(audience, list) else [audience])
        alone = not isinstance(audience, list) or len(audience) == 1 or claims.get("azp") == self._client.client_id
        lasts = isinstance(claims.get("exp"), int | float) and claims["exp"] > now - SKEW_S
        begun = isinstance(claims.get("iat"), int | float) and claims["iat"] < now + SKEW_S
        if claims.get("iss") != self._client.issuer or claims.get("nonce") != nonce or not (ours and alone):
            raise Refused("La connexion n'est pas valable.", "id token for somebody else")
        if not (lasts and begun):
            raise Refused("La connexion a expiré. Recommencez.", "id token out of its time")
        return claims

    def _discovered(self) -> dict[str, Any]:
        """OpenID Connect Discovery §4; kept while the process lives."""
        if self._known is None:
            found = self._asked("GET", f"{self._client.issuer.rstrip('/')}/.well-known/openid-configuration")
            if found.get("issuer") != self._client.issuer:
                raise Refused("Pro Santé Connect est mal configuré.", "discovery names another issuer")
            self._known = found
        return self._known

    def _asked(self, method: str, url: str, **more: Any) -> dict[str, Any]:
        try:
            answer = httpx2.request(method, url, timeout=TIMEOUT_S, follow_redirects=False, **more)
            found = answer.json() if answer.status_code == 200 else None
        except (httpx2.HTTPError, ValueError):
            raise Temporary("Pro Santé Connect ne répond pas.", "issuer does not answer") from None
        if not isinstance(found, dict):
            raise Refused("Pro Santé Connect a refusé la connexion.", "issuer refused")
        return found
