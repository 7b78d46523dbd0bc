"""Pro Santé Connect against a real provider on the loopback: code, PKCE, nonce, keys; and what a false one tries."""

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from mail.accounts import set_subject
from portal.app import build
from portal.services import OidcClient
from tests.support import loopback_http
from tests.support.kept import PHARMACY
from tests.support.portal_world import Browser, World

SUBJECT = "899700218896"
# As Pro Santé Connect writes them for a physician with two activities; the person is invented.
CLAIMS = {
    "Secteur_Activite": "SA07^1.2.250.1.71.4.2.4",
    "email_verified": False,
    "SubjectOrganization": "CABINET INVENTÉ",
    "SubjectOrganizationID": "",
    "preferred_username": SUBJECT,
    "SubjectNameID": SUBJECT,
    "given_name": "Camille",
    "family_name": "INVENTÉE",
    "UITVersion": "1.0",
    "Palier_Authentification": "APPPRIP3^1.2.250.1.213.1.5.1.1.1",
    "PSI_Locale": "1.2.250.1.213.1.3.1.1",
    "SubjectRole": ["10^1.2.250.1.213.1.1.5.5"],
    "otherIds": [{"identifiant": SUBJECT, "origine": "RPPS", "qualite": 1}],
    "SubjectRefPro": {
        "codeCivilite": "M",
        "exercices": [
            {
                "codeProfession": "10",
                "codeCategorieProfessionnelle": "C",
                "codeSavoirFaire": "SM54",
                "activities": [
                    {"codeModeExercice": "L", "codeSecteurDactivite": "SA07", "raisonSocialeSite": "CABINET INVENTÉ"},
                    {"codeModeExercice": "S", "codeSecteurDactivite": "SA01", "numeroFinessSite": "990000000"},
                ],
            }
        ],
    },
}


@dataclass
class Provider:
    """An OpenID provider that checks what it is asked, and can be told to lie."""

    key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256", {"kid": "1", "use": "sig"}))
    lies: dict[str, Any] = field(default_factory=dict)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    told: dict[str, Any] = field(default_factory=lambda: {"SubjectNameID": SUBJECT})
    base: str = ""
    now: float = 0

    def authorize(self, asked: dict[str, str]) -> str:
        assert asked["response_type"] == "code" and asked["code_challenge_method"] == "S256"
        self.codes["c1"] = asked
        return "c1"

    def token(self, form: dict[str, str]) -> dict[str, Any] | None:
        asked = self.codes.pop(form.get("code", ""), None)
        if asked is None or form["client_secret"] != "secret" or form["redirect_uri"] != asked["redirect_uri"]:
            return None
        proof = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=").decode()
        if proof != asked["code_challenge"]:
            return None
        claims = {"iss": self.base, "aud": "pli", "sub": "s1", "nonce": asked["nonce"]}
        claims |= {"iat": self.now, "exp": self.now + 120} | self.lies
        signer = self.lies.get("_key", self.key)
        claims = {name: value for name, value in claims.items() if not name.startswith("_")}
        return {"access_token": "a1", "id_token": jwt.encode({"alg": "ES256", "kid": "1"}, claims, signer)}


@pytest.fixture
def provider(world: World) -> Iterator[Provider]:
    found = Provider(now=world.kept.clock.now().timestamp())

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_arguments: Any) -> None: ...

        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            if path == "/.well-known/openid-configuration":
                names = ("authorization", "token", "userinfo")
                facts = {f"{name}_endpoint": f"{found.base}/{name}" for name in names}
                self.tell({"issuer": found.base, "jwks_uri": f"{found.base}/keys"} | facts)
            elif path == "/keys":
                self.tell({"keys": [found.key.as_dict(private=False)]})
            elif path == "/userinfo" and self.headers["authorization"] == "Bearer a1":
                self.tell({"sub": found.lies.get("_sub", "s1")} | found.told)
            else:
                self.send_error(404)

        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
            answer = found.token({name: values[0] for name, values in form.items()})
            self.tell(answer) if answer else self.send_error(400)

        def tell(self, facts: dict[str, Any]) -> None:
            body = json.dumps(facts).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with loopback_http.serving(Handler) as found.base:
        yield found


def came_back(world: World, provider: Provider) -> tuple[Any, Browser]:
    client = OidcClient(provider.base, "pli", "secret")
    browser = Browser(build(replace(world.services, psc=client)))
    out = browser.get("/psc/entrer")
    assert out.status_code == 303
    asked = {name: values[0] for name, values in parse_qs(urlsplit(out.headers["location"]).query).items()}
    code = provider.authorize(asked)
    return browser.get(f"/psc/retour?state={asked['state']}&code={code}"), browser


def test_a_professional_enters(world: World, provider: Provider):
    world.kept.db.run(set_subject, world.kept.keyring, world.kept.pharmacy.account_id, SUBJECT)
    answer, browser = came_back(world, provider)
    assert answer.status_code == 303 and answer.headers["location"] == "/officine"
    assert "Pro Santé Connect" in browser.get("/entrer").text or browser.get("/officine").status_code == 200


def test_the_claims_of_pro_sante_connect_name_a_person_and_open_no_organisation(world: World, provider: Provider):
    provider.told = CLAIMS | {"SubjectOrganizationID": "1490000015", "SubjectOrganization": PHARMACY}
    answer, _browser = came_back(world, provider)
    assert answer.status_code == 409 and "set-cookie" not in answer.headers  # an organisation's name grants nothing
    world.kept.db.run(set_subject, world.kept.keyring, world.kept.pharmacy.account_id, SUBJECT)
    answer, _browser = came_back(world, provider)
    assert answer.status_code == 303 and answer.headers["location"] == "/officine"


@pytest.mark.parametrize(
    "told", [{}, {"SubjectNameID": ""}, {"SubjectNameID": [SUBJECT]}, CLAIMS | {"preferred_username": "899700000001"}]
)
def test_claims_that_name_nobody_or_two_open_nothing(world: World, provider: Provider, told: dict[str, Any]):
    world.kept.db.run(set_subject, world.kept.keyring, world.kept.pharmacy.account_id, SUBJECT)
    provider.told = told
    answer, _browser = came_back(world, provider)
    assert answer.status_code == 409 and "set-cookie" not in answer.headers


def test_nobody_gets_an_account_by_signing_in(world: World, provider: Provider):
    answer, _browser = came_back(world, provider)
    assert answer.status_code == 409 and "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "lie",
    [
        {"nonce": "another"},
        {"iss": "https://elsewhere.example"},
        {"aud": "someone"},
        {"aud": ["pli", "someone"]},
        {"exp": 1},
        {"iat": 9e12},
        {"_sub": "s2"},
        {"_key": ECKey.generate_key("P-256", {"kid": "1"})},
    ],
)
def test_a_token_that_is_not_for_us_opens_nothing(world: World, provider: Provider, lie: dict[str, Any]):
    world.kept.db.run(set_subject, world.kept.keyring, world.kept.pharmacy.account_id, SUBJECT)
    provider.lies = lie
    answer, _browser = came_back(world, provider)
    assert answer.status_code == 409 and "set-cookie" not in answer.headers


def test_a_state_is_good_once_and_never_invented(world: World, provider: Provider):
    world.kept.db.run(set_subject, world.kept.keyring, world.kept.pharmacy.account_id, SUBJECT)
    client = OidcClient(provider.base, "pli", "secret")
    browser = Browser(build(replace(world.services, psc=client)))
    for state in ("", "x", "é", "a" * 64):
        assert browser.get(f"/psc/retour?state={state}&code=c1").status_code == 409
    assert world.browser().get("/psc/entrer").status_code == 404
    assert PHARMACY
