"""A key that lives in somebody's browser: proof that they hold it, and what their script needs to sign with it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_der_public_key

from crypto.authority import Authority
from crypto.reading import UNREADABLE

SPKI_OCTETS = 256
_SIDE = 32  # octets of r and of s, P-256


class NotTheirKey(ValueError):
    """The key is none of P-256, or whoever asks did not prove to hold it."""


@dataclass(frozen=True, slots=True)
class Certified:
    """DER: the certificate, and those above it without the root."""

    certificate: bytes
    chain: tuple[bytes, ...]


def certify(
    authority: Authority, spki: bytes, proof: bytes, challenge: bytes, email: str, name: str, now: dt.datetime
) -> Certified:
    """A mail signing certificate for a P-256 key. `proof` is its signature over `challenge` as WebCrypto writes it,
    r then s (IEEE P1363). Raises NotTheirKey."""
    key = _checked(spki, proof, challenge)
    certificate = authority.certify_smime(key, email, name, now=now)
    above = tuple(
        each.public_bytes(Encoding.DER)
        for each in (authority.certificate, *authority.identity.chain)
        if each.issuer != each.subject
    )
    return Certified(certificate.public_bytes(Encoding.DER), above)


def _checked(spki: bytes, proof: bytes, challenge: bytes) -> ec.EllipticCurvePublicKey:
    if len(spki) > SPKI_OCTETS or len(proof) != 2 * _SIDE:
        raise NotTheirKey("key or proof has another length")
    try:
        key = load_der_public_key(spki)
    except UNREADABLE:
        raise NotTheirKey("key cannot be read") from None
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise NotTheirKey("another kind of key")
    r, s = int.from_bytes(proof[:_SIDE], "big"), int.from_bytes(proof[_SIDE:], "big")
    try:
        key.verify(utils.encode_dss_signature(r, s), challenge, ec.ECDSA(SHA256()))
    except InvalidSignature:
        raise NotTheirKey("the proof is not by this key") from None
    return key
