"""Access tokens, good and forged: made by hand with `cryptography` alone, so that the library judged makes none."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
ISSUER, AUDIENCE = "https://auth.test/realms/esante-wallet", "pli"
SUBJECT = "899700218896"


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value, size=None):
    return b64(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


def claims(**changes):
    now = int(NOW.timestamp())
    base = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": f"f:550dc1c8:{SUBJECT}",
        "iat": now,
        "exp": now + 120,
        "typ": "Bearer",
        "azp": "mail-client",
        "preferred_username": SUBJECT,
        "scope": "openid scope_all",
    }
    return {name: value for name, value in {**base, **changes}.items() if value is not None}


class Maker:
    """One key of each kind, their JWK set, and tokens signed with them."""

    def __init__(self):
        self.rsa = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.small = rsa.generate_private_key(public_exponent=65537, key_size=1024)
        self.p256 = ec.generate_private_key(ec.SECP256R1())
        self.p384 = ec.generate_private_key(ec.SECP384R1())
        self.ed = ed25519.Ed25519PrivateKey.generate()

    @property
    def jwks(self):
        numbers = self.ed.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        keys = [
            {**self.rsa_jwk(self.rsa), "kid": "rsa", "use": "sig"},
            {**self.rsa_jwk(self.rsa), "kid": "pinned", "alg": "PS256"},
            {**self.rsa_jwk(self.small), "kid": "small"},
            {**self.rsa_jwk(self.rsa), "kid": "exponent", "e": "AQ"},
            {**self.rsa_jwk(self.rsa), "kid": "enc", "use": "enc"},
            {**self.ec_jwk(self.p256, "P-256", 32), "kid": "p256"},
            {**self.ec_jwk(self.p384, "P-384", 48), "kid": "p384"},
            {"kty": "OKP", "crv": "Ed25519", "x": b64(numbers), "kid": "ed"},
            {"kty": "oct", "k": b64(b"a secret that everybody knows...."), "kid": "oct"},
        ]
        return json.dumps({"keys": keys}).encode()

    def rsa_jwk(self, key):
        numbers = key.public_key().public_numbers()
        return {"kty": "RSA", "n": number(numbers.n), "e": number(numbers.e)}

    def ec_jwk(self, key, curve, size):
        numbers = key.public_key().public_numbers()
        return {"kty": "EC", "crv": curve, "x": number(numbers.x, size), "y": number(numbers.y, size)}

    def sign(self, alg, signed):
        if alg.startswith("RS"):
            return self.rsa.sign(signed, padding.PKCS1v15(), _hash(alg))
        if alg.startswith("PS"):
            pss = padding.PSS(padding.MGF1(_hash(alg)), _hash(alg).digest_size)
            return self.rsa.sign(signed, pss, _hash(alg))
        if alg.startswith("ES"):
            key, size = (self.p256, 32) if alg == "ES256" else (self.p384, 48)
            r, s = decode_dss_signature(key.sign(signed, ec.ECDSA(_hash(alg))))
            return r.to_bytes(size, "big") + s.to_bytes(size, "big")
        return self.ed.sign(signed)

    def token(self, said=None, *, alg="RS256", kid="rsa", header=None, signature=None, body=None):
        """`header` adds or (None) removes; `signature`: bytes, or what makes them from the signed text."""
        head = {"alg": alg, "kid": kid, "typ": "JWT", **(header or {})}
        head = json.dumps({name: value for name, value in head.items() if value is not None}).encode()
        text = body if body is not None else json.dumps(said or claims()).encode()
        signed = f"{b64(head)}.{b64(text)}".encode()
        made = signature(signed) if callable(signature) else signature
        made = self.sign(alg, signed) if made is None else made
        return f"{signed.decode()}.{b64(made)}"

    def rsa_pem(self):
        return self.rsa.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def hmac_with(key):
    return lambda signed: hmac.new(key, signed, hashlib.sha256).digest()


def _hash(alg):
    return {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}[alg[2:]]()
