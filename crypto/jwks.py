"""The public keys of a token issuer (RFC 7517): read once, weak and foreign ones left out."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from joserfc import jwk
from joserfc.errors import JoseError, SecurityWarning

from crypto.strict_json import BadJson, read_object

warnings.filterwarnings("ignore", category=SecurityWarning)  # what it warns of is refused below, or an old name

JWKS_OCTETS = 262_144
MAX_KEYS = 64
RSA_BITS = range(2048, 8193)
LEAST_EXPONENT = 65537  # ANSSI, RGS annex B1: with a small one padding is all that protects
_OF_CURVE = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}  # RFC 7518 §3.4: one hash a curve
_RSA = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
ALGORITHMS = _RSA | frozenset(_OF_CURVE.values()) | {"EdDSA", "Ed25519"}


class BadKeys(ValueError):
    """The set of keys cannot be read, or holds no key that we use."""


@dataclass(frozen=True, repr=False)
class TokenKey:
    """One key, what it is called and which algorithms it may be used with; none where it is too weak."""

    kid: str | None
    key: jwk.Key
    algorithms: frozenset[str]


@dataclass(frozen=True, repr=False)
class TokenKeys:
    """The keys of one issuer."""

    keys: tuple[TokenKey, ...]

    @classmethod
    def load(cls, data: bytes) -> TokenKeys:
        """In: a JWK set, or a single JWK. Keys for encryption and symmetric ones are passed over. Raises BadKeys."""
        try:
            found = read_object(data, JWKS_OCTETS)
        except BadJson as error:
            raise BadKeys(f"the set of keys cannot be read: {error}") from None
        listed = found.get("keys", [found] if "kty" in found else None)
        if not isinstance(listed, list) or len(listed) > MAX_KEYS:
            raise BadKeys("the set of keys has no list of keys, or too long a one")
        keys = tuple(key for entry in listed if (key := _token_key(entry)) is not None)
        if not keys:
            raise BadKeys("the set holds no key that verifies")
        return cls(keys)

    def named(self, kid: str | None) -> list[TokenKey]:
        """The keys of this name. A token without one fits a key without one, where that is the only key."""
        if kid is None and len(self.keys) != 1:
            return []
        return [key for key in self.keys if key.kid == kid]


def _token_key(entry: Any) -> TokenKey | None:
    if not isinstance(entry, dict) or entry.get("kty") not in ("RSA", "EC", "OKP") or not _for_signing(entry):
        return None
    kid = entry.get("kid")
    try:
        key = jwk.import_key({name: entry[name] for name in ("kty", "n", "e", "crv", "x", "y") if name in entry})
        fits = _algorithms(key.public_key)
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    said = entry.get("alg")
    if not isinstance(kid, str | None):
        return None
    return TokenKey(kid, key, fits & {said} if isinstance(said, str) else fits)


def _for_signing(entry: dict[str, Any]) -> bool:
    """RFC 7517 §4.2, §4.3."""
    operations = entry.get("key_ops")
    return entry.get("use", "sig") == "sig" and (
        operations is None or (isinstance(operations, list) and "verify" in operations)
    )


def _algorithms(key: object) -> frozenset[str]:
    if isinstance(key, rsa.RSAPublicKey):
        weak = key.key_size not in RSA_BITS or key.public_numbers().e < LEAST_EXPONENT
        return frozenset() if weak else _RSA
    if isinstance(key, ec.EllipticCurvePublicKey):
        return frozenset({_OF_CURVE[key.curve.name]} if key.curve.name in _OF_CURVE else ())
    return frozenset({"EdDSA", "Ed25519"} if isinstance(key, ed25519.Ed25519PublicKey) else ())
