"""Access tokens of an OpenID provider (RFC 9068, RFC 7519, RFC 8725): bytes, keys and time in, a verdict out.

The header chooses nothing: keys come from the operator, and each key has its own closed list of algorithms.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import enum
import hmac
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError

from crypto.jwks import ALGORITHMS, TokenKey, TokenKeys
from crypto.strict_json import BadJson, read_object

TOKEN_OCTETS = 16_384
HEADER_OCTETS = 2048
TEXT_CHARACTERS = 1024
LEEWAY = dt.timedelta(seconds=10)
TYPES = frozenset({"jwt", "at+jwt", "application/at+jwt"})  # RFC 9068 §2.1; others are not access tokens
KEYS_IN_HEADER = frozenset({"jwk", "jku", "x5u", "x5c"})  # RFC 8725 §3.10: whoever brings the key brings any key
_PIECE = re.compile(rb"[A-Za-z0-9_-]+")


class TokenReason(enum.Enum):
    """Why; the list is closed."""

    OK = "ok"
    TOO_LARGE = "too-large"
    MALFORMED = "malformed"
    ALGORITHM = "algorithm-not-allowed"
    KEY_IN_HEADER = "key-in-header"
    CRITICAL = "critical-header"
    WRONG_TYPE = "wrong-type"
    UNKNOWN_KEY = "unknown-key"
    WEAK_KEY = "weak-key"
    BAD_SIGNATURE = "bad-signature"
    BAD_CLAIMS = "bad-claims"
    WRONG_ISSUER = "wrong-issuer"
    WRONG_AUDIENCE = "wrong-audience"
    EXPIRED = "expired"
    NOT_YET_VALID = "not-yet-valid"
    NOT_BOUND = "bound-to-another-certificate"
    INACTIVE = "not-active"
    SURPRISE = "surprise"


@dataclass(frozen=True)
class TokenVerdict:
    """`claims` are there only where `valid`."""

    reason: TokenReason
    claims: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def valid(self) -> bool:
        return self.reason is TokenReason.OK


@dataclass(frozen=True, repr=False)
class TokenRules:
    """Whose tokens, for whom. `algorithms`: fewer than the keys would allow, where the issuer is known to use one."""

    keys: TokenKeys
    issuer: str
    audience: str
    algorithms: frozenset[str] = ALGORITHMS
    leeway: dt.timedelta = LEEWAY


class _Refusal(Exception):
    def __init__(self, reason: TokenReason) -> None:
        super().__init__(reason.value)
        self.reason = reason


def verify_token(
    token: bytes | str, rules: TokenRules, at: dt.datetime, certificate_sha256: str | None = None
) -> TokenVerdict:
    """Never raises. `certificate_sha256` (hexadecimal): of the client certificate that came with the token; a token
    bound to a certificate (RFC 8705 §3.1) is refused without it."""
    try:
        return TokenVerdict(TokenReason.OK, _verify(token, rules, at, certificate_sha256))
    except _Refusal as refusal:
        return TokenVerdict(refusal.reason)
    except Exception:  # hostile bytes: whatever a library makes of them is an answer, not a fault
        return TokenVerdict(TokenReason.SURPRISE)


def subject_of(claims: Mapping[str, Any]) -> str | None:
    """The national identifier of a person: SubjectNameID, which Pro Santé Connect repeats as preferred_username.

    None where neither is there, or where they disagree. Organisation claims name nobody.
    """
    said = {claims[name] for name in ("SubjectNameID", "preferred_username") if isinstance(claims.get(name), str)}
    said.discard("")
    return said.pop() if len(said) == 1 else None


def check_introspected(answer: bytes, claims: Mapping[str, Any], at: dt.datetime) -> TokenVerdict:
    """RFC 7662 §2.2: the issuer's answer about a token that was verified here. It can only take away: the token must
    still count, and be the one that we read. Never raises."""
    try:
        said = read_object(answer, TOKEN_OCTETS)
    except BadJson:
        return TokenVerdict(TokenReason.MALFORMED)
    agree = all(said[name] == claims[name] for name in ("iss", "sub", "jti") if name in said and name in claims)
    late = "exp" in said and not (_instant(said["exp"]) and said["exp"] + LEEWAY.total_seconds() > at.timestamp())
    if said.get("active") is not True or not agree or late:
        return TokenVerdict(TokenReason.INACTIVE)
    named: dict[str, Any] = {name: said[name] for name in ("SubjectNameID", "preferred_username") if name in said}
    if any(claims.get(name, value) != value for name, value in named.items()):
        return TokenVerdict(TokenReason.INACTIVE)
    return TokenVerdict(TokenReason.OK, {**claims, **named})


def _verify(token: bytes | str, rules: TokenRules, at: dt.datetime, certificate: str | None) -> Mapping[str, Any]:
    raw = token.encode("ascii", "replace") if isinstance(token, str) else bytes(token)
    if len(raw) > TOKEN_OCTETS:
        raise _Refusal(TokenReason.TOO_LARGE)
    pieces = raw.split(b".")
    if len(pieces) != 3:  # five is encrypted (RFC 7516), which we do not read
        raise _Refusal(TokenReason.MALFORMED)
    header = _object(_decoded(pieces[0]), HEADER_OCTETS)
    _check_header(header)  # before the signature is decoded: where there is none, "none" is the reason
    claims_text, _signature = (_decoded(piece) for piece in pieces[1:])
    _check_signature(raw, _key(header, rules), str(header["alg"]))
    claims = _object(claims_text, TOKEN_OCTETS)
    _check_claims(claims, rules, at)
    _check_binding(claims, certificate)
    return claims


def _decoded(piece: bytes) -> bytes:
    """base64url without padding, in the one way to write it (RFC 7515 §2): a token has one form."""
    if not _PIECE.fullmatch(piece):
        raise _Refusal(TokenReason.MALFORMED)
    try:
        octets = base64.urlsafe_b64decode(piece + b"=" * (-len(piece) % 4))
    except binascii.Error:
        raise _Refusal(TokenReason.MALFORMED) from None
    if base64.urlsafe_b64encode(octets).rstrip(b"=") != piece:
        raise _Refusal(TokenReason.MALFORMED)
    return octets


def _object(text: bytes, most: int) -> dict[str, Any]:
    try:
        return read_object(text, most)
    except BadJson:
        raise _Refusal(TokenReason.MALFORMED) from None


def _check_header(header: dict[str, Any]) -> None:
    if "crit" in header or "b64" in header:  # RFC 7515 §4.1.11: we understand no extension, so none may be critical
        raise _Refusal(TokenReason.CRITICAL)
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise _Refusal(TokenReason.ALGORITHM)
    if KEYS_IN_HEADER & header.keys():
        raise _Refusal(TokenReason.KEY_IN_HEADER)
    kind = header.get("typ", "JWT")
    if not isinstance(kind, str) or kind.lower() not in TYPES or "cty" in header or "zip" in header:
        raise _Refusal(TokenReason.WRONG_TYPE)


def _key(header: dict[str, Any], rules: TokenRules) -> list[TokenKey]:
    kid = header.get("kid")
    if not isinstance(kid, str | None):
        raise _Refusal(TokenReason.MALFORMED)
    named = rules.keys.named(kid)
    if not named:
        raise _Refusal(TokenReason.UNKNOWN_KEY)
    if not any(key.algorithms for key in named):
        raise _Refusal(TokenReason.WEAK_KEY)
    fit = [key for key in named if header["alg"] in key.algorithms & rules.algorithms]
    if not fit:
        raise _Refusal(TokenReason.ALGORITHM)
    return fit


def _check_signature(raw: bytes, keys: list[TokenKey], algorithm: str) -> None:
    registry = jws.JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    registry.max_header_length = HEADER_OCTETS
    for key in keys:
        try:
            jws.deserialize_compact(raw, key.key, registry=registry)
        except (JoseError, ValueError):
            continue
        return
    raise _Refusal(TokenReason.BAD_SIGNATURE)


def _check_claims(claims: dict[str, Any], rules: TokenRules, at: dt.datetime) -> None:
    if not _text(claims.get("iss")) or not hmac.compare_digest(claims["iss"].encode(), rules.issuer.encode()):
        raise _Refusal(TokenReason.WRONG_ISSUER)
    if rules.audience not in _audience(claims.get("aud")):
        raise _Refusal(TokenReason.WRONG_AUDIENCE)
    if not all(_text(claims[name]) for name in ("sub", "jti", "azp", "client_id") if name in claims):
        raise _Refusal(TokenReason.BAD_CLAIMS)
    kind = claims.get("typ", "Bearer")  # Keycloak marks its ID and refresh tokens by this claim only
    if not isinstance(kind, str) or kind.lower() not in ("bearer", *TYPES):
        raise _Refusal(TokenReason.WRONG_TYPE)
    _check_times(claims, rules.leeway.total_seconds(), at.timestamp())


def _check_times(claims: dict[str, Any], leeway: float, now: float) -> None:
    """RFC 7519 §4.1.4–4.1.6."""
    if "exp" not in claims or not all(_instant(claims[name]) for name in ("exp", "nbf", "iat") if name in claims):
        raise _Refusal(TokenReason.BAD_CLAIMS)
    if claims["exp"] + leeway <= now:
        raise _Refusal(TokenReason.EXPIRED)
    if any(claims.get(name, 0) > now + leeway for name in ("nbf", "iat")):
        raise _Refusal(TokenReason.NOT_YET_VALID)
    if claims["exp"] <= claims.get("iat", -math.inf):
        raise _Refusal(TokenReason.BAD_CLAIMS)


def _audience(value: Any) -> list[str]:
    """RFC 7519 §4.1.3: a text, or a list of texts and nothing else."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, list) and 0 < len(value) <= 64 and all(isinstance(one, str) for one in value):
        return value
    raise _Refusal(TokenReason.WRONG_AUDIENCE)


def _check_binding(claims: dict[str, Any], certificate: str | None) -> None:
    """RFC 8705 §3.1: proof of possession of the certificate whose hash stands in the token. Any other kind of proof
    (RFC 9449) was not asked for, so it was not given."""
    if "cnf" not in claims:
        return
    wanted = claims["cnf"].get("x5t#S256") if isinstance(claims["cnf"], dict) and len(claims["cnf"]) == 1 else None
    shown = base64.urlsafe_b64encode(bytes.fromhex(certificate)).rstrip(b"=") if certificate else b""
    if not isinstance(wanted, str) or not hmac.compare_digest(wanted.encode(), shown):
        raise _Refusal(TokenReason.NOT_BOUND)


def _text(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= TEXT_CHARACTERS


def _instant(value: Any) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value)
        and 0 <= value < 2**40  # beyond: not a date
    )
