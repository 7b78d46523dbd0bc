"""Access tokens: good ones pass, and of the forged ones none, each for its reason."""

import base64
import json
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto.jwks import BadKeys, TokenKeys
from crypto.jwt import TokenReason, TokenRules, check_introspected, subject_of, verify_token
from tests.support.token_maker import AUDIENCE, ISSUER, NOW, SUBJECT, Maker, b64, claims, hmac_with

MAKER = Maker()
RULES = TokenRules(TokenKeys.load(MAKER.jwks), ISSUER, AUDIENCE)
SECONDS = int(NOW.timestamp())


def reason(token, rules=RULES, at=NOW, certificate=None):
    verdict = verify_token(token, rules, at, certificate)
    assert verdict.valid == (verdict.reason is TokenReason.OK)
    assert bool(verdict.claims) == verdict.valid
    return verdict.reason.value


GOOD = {
    "RS256": MAKER.token(),
    "RS512": MAKER.token(alg="RS512"),
    "PS256": MAKER.token(alg="PS256"),
    "PS384 of the key without alg": MAKER.token(alg="PS384"),
    "ES256": MAKER.token(alg="ES256", kid="p256"),
    "ES384": MAKER.token(alg="ES384", kid="p384"),
    "EdDSA": MAKER.token(alg="EdDSA", kid="ed"),
    "audience among others": MAKER.token(claims(aud=["account", AUDIENCE])),
    "at+jwt": MAKER.token(header={"typ": "at+jwt"}),
    "no typ": MAKER.token(header={"typ": None}),
    "a little early": MAKER.token(claims(iat=SECONDS + 5, nbf=SECONDS + 5)),
    "a little late": MAKER.token(claims(iat=SECONDS - 130, exp=SECONDS - 5)),
    "unknown header parameter": MAKER.token(header={"x-note": "1"}),
}
ALIEN = Maker()
BAD = {
    "alg none": ("algorithm-not-allowed", MAKER.token(alg="none", signature=b"x")),
    "alg NoNe": ("algorithm-not-allowed", MAKER.token(header={"alg": "NoNe"})),
    "alg none, no signature": ("algorithm-not-allowed", MAKER.token(alg="none", signature=b"")),
    "HS256 with the public key": (
        "algorithm-not-allowed",
        MAKER.token(alg="HS256", signature=hmac_with(MAKER.rsa_pem())),
    ),
    "HS256 with the secret of the set": (
        "algorithm-not-allowed",
        MAKER.token(alg="HS256", kid="oct", signature=hmac_with(b"a secret that everybody knows....")),
    ),
    "alg not a text": ("algorithm-not-allowed", MAKER.token(header={"alg": ["RS256"]})),
    "no alg": ("algorithm-not-allowed", MAKER.token(header={"alg": None})),
    "another key": ("bad-signature", ALIEN.token()),
    "embedded jwk": ("key-in-header", ALIEN.token(header={"jwk": ALIEN.rsa_jwk(ALIEN.rsa)})),
    "jku": ("key-in-header", ALIEN.token(header={"jku": "https://evil.test/jwks"})),
    "x5u": ("key-in-header", ALIEN.token(header={"x5u": "https://evil.test/cert"})),
    "x5c": ("key-in-header", ALIEN.token(header={"x5c": ["MIIB"]})),
    "unknown kid": ("unknown-key", MAKER.token(kid="../../dev/null")),
    "no kid": ("unknown-key", MAKER.token(kid=None)),
    "kid not a text": ("malformed", MAKER.token(kid=7)),
    "key for encryption": ("unknown-key", MAKER.token(kid="enc")),
    "key of exponent 1": ("unknown-key", MAKER.token(kid="exponent")),
    "small key": ("weak-key", MAKER.token(kid="small")),
    "key pinned to another algorithm": ("algorithm-not-allowed", MAKER.token(kid="pinned")),
    "kind of key and algorithm differ": ("algorithm-not-allowed", MAKER.token(kid="p256")),
    "curve and hash differ": ("algorithm-not-allowed", MAKER.token(alg="ES256", kid="p384")),
    "ECDSA of zeros": ("bad-signature", MAKER.token(alg="ES256", kid="p256", signature=bytes(64))),
    "ECDSA in DER": (
        "bad-signature",
        MAKER.token(alg="ES256", kid="p256", signature=lambda s: bytes.fromhex("3006020101020101")),
    ),
    "crit": ("critical-header", MAKER.token(header={"crit": ["exp"], "exp": 1})),
    "crit empty": ("critical-header", MAKER.token(header={"crit": []})),
    "b64 false": ("critical-header", MAKER.token(header={"b64": False})),
    "typ of a logout token": ("wrong-type", MAKER.token(header={"typ": "logout+jwt"})),
    "typ not a text": ("wrong-type", MAKER.token(header={"typ": 1})),
    "nested token": ("wrong-type", MAKER.token(header={"cty": "JWT"})),
    "compressed": ("wrong-type", MAKER.token(header={"zip": "DEF"})),
    "an ID token": ("wrong-type", MAKER.token(claims(typ="ID"))),
    "a refresh token": ("wrong-type", MAKER.token(claims(typ="Refresh"))),
    "issuer with a slash": ("wrong-issuer", MAKER.token(claims(iss=ISSUER + "/"))),
    "no issuer": ("wrong-issuer", MAKER.token(claims(iss=None))),
    "issuers": ("wrong-issuer", MAKER.token(claims(iss=[ISSUER]))),
    "another audience": ("wrong-audience", MAKER.token(claims(aud="account"))),
    "audience in part": ("wrong-audience", MAKER.token(claims(aud=AUDIENCE + "x"))),
    "no audience": ("wrong-audience", MAKER.token(claims(aud=None))),
    "audience an object": ("wrong-audience", MAKER.token(claims(aud={AUDIENCE: 1}))),
    "audience with odd company": ("wrong-audience", MAKER.token(claims(aud=[AUDIENCE, 1]))),
    "no expiry": ("bad-claims", MAKER.token(claims(exp=None))),
    "expiry in text": ("bad-claims", MAKER.token(claims(exp="9999999999"))),
    "expiry true": ("bad-claims", MAKER.token(claims(exp=True))),
    "expiry far beyond": ("bad-claims", MAKER.token(claims(exp=1e300))),
    "expiry before issue": ("bad-claims", MAKER.token(claims(exp=SECONDS, iat=SECONDS + 1))),
    "nbf in text": ("bad-claims", MAKER.token(claims(nbf="0"))),
    "expired": ("expired", MAKER.token(claims(exp=SECONDS - 10))),
    "not yet": ("not-yet-valid", MAKER.token(claims(nbf=SECONDS + 60))),
    "issued tomorrow": ("not-yet-valid", MAKER.token(claims(iat=SECONDS + 86400, exp=SECONDS + 90000))),
    "subject a number": ("bad-claims", MAKER.token(claims(sub=1))),
    "bound to a certificate": ("bound-to-another-certificate", MAKER.token(claims(cnf={"x5t#S256": "AAAA"}))),
    "bound to a key": ("bound-to-another-certificate", MAKER.token(claims(cnf={"jkt": "AAAA"}))),
    "claims twice": ("malformed", MAKER.token(body=json.dumps(claims()).encode()[:-1] + b', "aud": "pli"}')),
    "claims NaN": ("malformed", MAKER.token(body=b'{"exp": NaN}')),
    "claims a list": ("malformed", MAKER.token(body=b"[]")),
    "claims deep": ("malformed", MAKER.token(body=b'{"a":' * 40 + b"1" + b"}" * 40)),
    "claims not UTF-8": ("malformed", MAKER.token(body=b'{"a":"\xff"}')),
    "number of a million digits": ("too-large", MAKER.token(body=b'{"exp":' + b"9" * 1_000_000 + b"}")),
    "number of ten thousand digits": ("malformed", MAKER.token(body=b'{"exp":' + b"9" * 10_000 + b"}")),
    "five pieces": ("malformed", MAKER.token() + ".AA.AA"),
    "JSON form": ("malformed", '{"payload":"e30","signatures":[]}'),
    "empty": ("malformed", ""),
    "padding": ("malformed", MAKER.token() + "=="),
    "space before": ("malformed", " " + MAKER.token()),
    "standard alphabet": ("malformed", MAKER.token().replace("_", "/").replace("-", "+") + "+"),
    "too large": ("too-large", "A" * 20_000),
    "header large": ("malformed", MAKER.token(header={"pad": "x" * 3000})),
}


@pytest.mark.parametrize("name", GOOD)
def test_good_tokens(name):
    assert reason(GOOD[name]) == "ok"


@pytest.mark.parametrize("name", BAD)
def test_bad_tokens(name):
    assert reason(BAD[name][1]) == BAD[name][0]


def test_a_changed_token_is_another():
    head, body, signature = MAKER.token().split(".")
    other = b64(json.dumps(claims(sub="f:550dc1c8:somebody-else")).encode())
    assert reason(f"{head}.{other}.{signature}") == "bad-signature"
    # the last character of 256 octets holds 4 unused bits: a token has one form only
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    twin = alphabet[alphabet.index(signature[-1]) ^ 1]
    assert base64.urlsafe_b64decode(f"{signature[:-1]}{twin}==") == base64.urlsafe_b64decode(f"{signature}==")
    assert reason(f"{head}.{body}.{signature[:-1]}{twin}") == "malformed"


def test_a_token_bound_to_a_certificate_needs_that_certificate():
    digest = bytes(range(32))
    token = MAKER.token(claims(cnf={"x5t#S256": b64(digest)}))
    assert reason(token, certificate=digest.hex()) == "ok"
    assert reason(token, certificate=bytes(32).hex()) == reason(token) == "bound-to-another-certificate"


def test_the_operator_may_pin_one_algorithm():
    pinned = TokenRules(RULES.keys, ISSUER, AUDIENCE, frozenset({"PS256"}))
    assert reason(GOOD["PS256"], pinned) == "ok"
    assert reason(GOOD["RS256"], pinned) == "algorithm-not-allowed"


def test_a_lone_key_without_a_name_fits_a_token_without_one():
    lone = TokenRules(TokenKeys.load(json.dumps(MAKER.rsa_jwk(MAKER.rsa)).encode()), ISSUER, AUDIENCE)
    assert reason(MAKER.token(kid=None), lone) == "ok"
    assert reason(MAKER.token(), lone) == "unknown-key"


def test_time_passes():
    token = MAKER.token()
    assert reason(token, at=NOW + timedelta(seconds=125)) == "ok"
    assert reason(token, at=NOW + timedelta(seconds=131)) == "expired"
    assert reason(token, at=NOW - timedelta(seconds=11)) == "not-yet-valid"


@pytest.mark.parametrize(
    "data",
    [b"", b"[]", b"{}", b'{"keys": 1}', b'{"keys": []}', b'{"keys": [{"kty": "oct", "k": "AA"}]}', b"x" * 300_000],
)
def test_a_set_without_a_usable_key_is_refused(data):
    with pytest.raises(BadKeys):
        TokenKeys.load(data)


@pytest.mark.parametrize(
    ("said", "subject"),
    [
        ({"SubjectNameID": SUBJECT}, SUBJECT),
        ({"preferred_username": SUBJECT, "SubjectNameID": SUBJECT}, SUBJECT),
        ({"preferred_username": SUBJECT, "SubjectNameID": "899700218897"}, None),
        ({"SubjectOrganizationID": "1490000015"}, None),
        ({"SubjectNameID": "", "preferred_username": SUBJECT}, SUBJECT),
        ({"SubjectNameID": [SUBJECT]}, None),
        ({}, None),
    ],
)
def test_who_it_is_never_comes_from_an_organisation(said, subject):
    assert subject_of(said) == subject


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"active": True}, "ok"),
        ({"active": True, "exp": SECONDS + 60, "preferred_username": SUBJECT}, "ok"),
        ({"active": False}, "not-active"),
        ({"active": "true"}, "not-active"),
        ({}, "not-active"),
        ({"active": True, "exp": SECONDS - 60}, "not-active"),
        ({"active": True, "sub": "f:550dc1c8:somebody-else"}, "not-active"),
        ({"active": True, "preferred_username": "899700218897"}, "not-active"),
    ],
)
def test_the_issuer_can_only_take_away(answer, expected):
    assert check_introspected(json.dumps(answer).encode(), claims(), NOW).reason.value == expected


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=600), st.integers(0, 900), st.binary(max_size=3))
def test_no_damage_passes(data, at, patch):
    assert reason(data) != "ok"
    token = GOOD["ES256"].encode()
    damaged = token[:at] + patch + token[at + len(patch) :]
    assert damaged == token or reason(damaged) not in ("ok", "surprise")
