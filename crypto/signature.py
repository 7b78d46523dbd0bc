"""Does this key make this signature over these bytes? Closed lists of algorithms; `cryptography` does the sums."""

from __future__ import annotations

import hashlib
import hmac

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

from crypto.cms import Algorithm, Signer
from crypto.der import INTEGER, SEQUENCE, Node, encode_oid
from crypto.verdict import Reason, Refusal

Hash = hashes.SHA256 | hashes.SHA384 | hashes.SHA512

RSA_BITS = range(2048, 8193)  # below: weak; above: a way to keep us busy
CURVES = (ec.SECP256R1, ec.SECP384R1)

DIGESTS: dict[bytes, type[Hash]] = {
    encode_oid("2.16.840.1.101.3.4.2.1"): hashes.SHA256,
    encode_oid("2.16.840.1.101.3.4.2.2"): hashes.SHA384,
    encode_oid("2.16.840.1.101.3.4.2.3"): hashes.SHA512,
}
RSA_PLAIN = encode_oid("1.2.840.113549.1.1.1")  # RFC 3370 §3.2: the digest is named elsewhere
RSA_PSS = encode_oid("1.2.840.113549.1.1.10")
RSA_MGF1 = encode_oid("1.2.840.113549.1.1.8")
PSS_FIELDS = frozenset({0xA0, 0xA1, 0xA2, 0xA3})  # hash, mask, salt, trailer (RFC 4055 §3.1: always 1)
RSA_WITH: dict[bytes, type[Hash]] = {
    encode_oid("1.2.840.113549.1.1.11"): hashes.SHA256,
    encode_oid("1.2.840.113549.1.1.12"): hashes.SHA384,
    encode_oid("1.2.840.113549.1.1.13"): hashes.SHA512,
}
ECDSA_WITH: dict[bytes, type[Hash]] = {
    encode_oid("1.2.840.10045.4.3.2"): hashes.SHA256,
    encode_oid("1.2.840.10045.4.3.3"): hashes.SHA384,
    encode_oid("1.2.840.10045.4.3.4"): hashes.SHA512,
}
ED25519 = encode_oid("1.3.101.112")
WEAK = frozenset(
    map(
        encode_oid,
        (
            "1.3.14.3.2.26",  # SHA-1
            "1.2.840.113549.2.5",  # MD5
            "2.16.840.1.101.3.4.2.4",  # SHA-224
            "1.2.840.113549.1.1.4",  # RSA with MD5
            "1.2.840.113549.1.1.5",  # RSA with SHA-1
            "1.2.840.10045.4.1",  # ECDSA with SHA-1
            "1.2.840.10040.4.3",  # DSA with SHA-1
        ),
    )
)


def check_digest(signer: Signer, content: bytes) -> None:
    """Raises Refusal unless the content has the digest that the signer signed."""
    digest = hashlib.new(digest_name(signer), content).digest()
    if not hmac.compare_digest(digest, signer.message_digest):
        raise Refusal(Reason.CONTENT_CHANGED)


def digest_name(signer: Signer) -> str:
    """The hash of the content, by the name that hashlib knows. Raises Refusal for one outside the profile."""
    return _digest(signer)().name


def check_certificate_hash(signer: Signer, certificate: bytes) -> None:
    """RFC 5035 §5: where the signer names the certificate by hash, it must be this one. Raises Refusal."""
    if signer.certificate_hash is None:
        return
    oid, expected = signer.certificate_hash
    kind = hashes.SHA256 if oid is None else DIGESTS.get(oid)
    if kind is None:
        raise Refusal(Reason.UNSUPPORTED)
    if not hmac.compare_digest(hashlib.new(kind().name, certificate).digest(), expected):
        raise Refusal(Reason.BAD_SIGNATURE)


def check_signature(signer: Signer, key: CertificatePublicKeyTypes, kind: Algorithm) -> None:
    """`kind`: what the certificate says of its key. Raises Refusal: weak, unsupported, or not made by this key over
    these attributes."""
    digest = _digest(signer)
    _check_kind(signer.algorithm, kind, digest)
    try:
        _verify(signer, key, digest)
    except InvalidSignature:
        raise Refusal(Reason.BAD_SIGNATURE) from None


def _check_kind(algorithm: Algorithm, kind: Algorithm, digest: type[Hash]) -> None:
    """RFC 4055 §3.3: a key for PSS signs by PSS alone, with the hash and at least the salt that it names. Elsewhere
    there are no parameters (RFC 5758 §3.2, RFC 8419 §2.2)."""
    if algorithm.oid != RSA_PSS and (algorithm.parameters is not None or kind.oid == RSA_PSS):
        raise Refusal(Reason.BAD_SIGNATURE if kind.oid == RSA_PSS else Reason.BAD_CMS)
    if kind.oid == RSA_PSS and kind.parameters is not None:
        least, given = _salt(kind.parameters, digest), _salt(algorithm.parameters, digest)
        if given < least:
            raise Refusal(Reason.BAD_SIGNATURE)


def _digest(signer: Signer) -> type[Hash]:
    if signer.digest.parameters is not None:
        raise Refusal(Reason.BAD_CMS)
    return _listed(signer.digest.oid, DIGESTS)


def _verify(signer: Signer, key: CertificatePublicKeyTypes, digest: type[Hash]) -> None:
    if isinstance(key, rsa.RSAPublicKey):
        _check_rsa(key)
        key.verify(signer.signature, signer.attributes, _rsa_padding(signer.algorithm, digest), digest())
    elif isinstance(key, ec.EllipticCurvePublicKey):
        _check_curve(key)
        _same(_listed(signer.algorithm.oid, ECDSA_WITH), digest)
        key.verify(signer.signature, signer.attributes, ec.ECDSA(digest()))
    elif isinstance(key, ed25519.Ed25519PublicKey):
        _listed(signer.algorithm.oid, {ED25519: digest})
        _same(digest, hashes.SHA512)  # RFC 8419 §3.1
        key.verify(signer.signature, signer.attributes)
    else:
        raise Refusal(Reason.UNSUPPORTED)


def _check_rsa(key: rsa.RSAPublicKey) -> None:
    if key.key_size < RSA_BITS.start:
        raise Refusal(Reason.WEAK_ALGORITHM)
    if key.key_size not in RSA_BITS:
        raise Refusal(Reason.UNSUPPORTED)


def _check_curve(key: ec.EllipticCurvePublicKey) -> None:
    if key.curve.key_size < 256:
        raise Refusal(Reason.WEAK_ALGORITHM)
    if not isinstance(key.curve, CURVES):
        raise Refusal(Reason.UNSUPPORTED)


def _rsa_padding(algorithm: Algorithm, digest: type[Hash]) -> padding.PKCS1v15 | padding.PSS:
    if algorithm.oid == RSA_PSS:
        return padding.PSS(padding.MGF1(digest()), _salt(algorithm.parameters, digest))
    if algorithm.oid != RSA_PLAIN:
        _same(_listed(algorithm.oid, RSA_WITH), digest)
    return padding.PKCS1v15()


def _salt(parameters: Node | None, digest: type[Hash]) -> int:
    """Octets of salt. RFC 4056 §2.2: hash and mask hash must be the digest's; defaults would be SHA-1."""
    parts = parameters.children if parameters is not None else []
    given = {part.tag: part.children[0] for part in parts if part.children}
    if 0xA0 not in given or 0xA1 not in given:
        raise Refusal(Reason.WEAK_ALGORITHM)
    if len(given) != len(parts) or not given.keys() <= PSS_FIELDS or _small(given.get(0xA3), 1) != 1:
        raise Refusal(Reason.BAD_CMS)
    _same(_listed(_oid_of(given[0xA0]), DIGESTS), digest)
    mask = given[0xA1]
    if _oid_of(mask) != RSA_MGF1:
        raise Refusal(Reason.UNSUPPORTED)
    _same(_listed(_oid_of(mask.children[-1]), DIGESTS), digest)
    return _small(given.get(0xA2), 20)


def _oid_of(algorithm: Node) -> bytes:
    if algorithm.tag != SEQUENCE or not algorithm.children:
        raise Refusal(Reason.BAD_CMS)
    return algorithm.children[0].content


def _small(node: Node | None, default: int) -> int:
    if node is None:
        return default
    if node.tag != INTEGER or len(node.content) > 2:
        raise Refusal(Reason.BAD_CMS)
    return int.from_bytes(node.content, "big")


def _listed(oid: bytes, known: dict[bytes, type[Hash]]) -> type[Hash]:
    if oid in WEAK:
        raise Refusal(Reason.WEAK_ALGORITHM)
    if oid not in known:
        raise Refusal(Reason.UNSUPPORTED)
    return known[oid]


def _same(one: type[Hash], other: type[Hash]) -> None:
    if one is not other:
        raise Refusal(Reason.BAD_CMS)
