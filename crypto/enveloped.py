"""CMS AuthEnvelopedData with AES-256-GCM (RFC 5083, RFC 5084): what only the owners of some keys can read.

RSA keys by RSAES-OAEP with SHA-256 (RFC 3560), curves by ephemeral ECDH (RFC 5753). EnvelopedData with CBC is neither
written nor opened: whoever alters it is not found out, and what is opened then can be led elsewhere (EFAIL, 2018).
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Sequence

from cryptography import x509
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.x963kdf import X963KDF
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from crypto.cms import issuer_and_serial
from crypto.der import OCTETS, SEQUENCE, SET, BadDer, Node, encode_oid, walk
from crypto.der_write import null, octets, oid, sequence, set_of, small, tlv
from crypto.identity import Identity
from crypto.signature import CURVES, RSA_BITS

DATA = "1.2.840.113549.1.7.1"
AUTH_ENVELOPED = "1.2.840.113549.1.9.16.1.23"  # RFC 5083 §2
AES_256_GCM = "2.16.840.1.101.3.4.1.46"  # RFC 5084 §3.2
AES_256_WRAP = "2.16.840.1.101.3.4.1.45"  # RFC 3565 §2.3.2
OAEP_SCHEME = "1.2.840.113549.1.1.7"
ECDH_SHA256 = "1.3.132.1.11.1"  # RFC 5753 §7.1.4: dhSinglePass-stdDH-sha256kdf-scheme
SHA_256 = "2.16.840.1.101.3.4.2.1"
MGF_1 = "1.2.840.113549.1.1.8"
EC_KEY = "1.2.840.10045.2.1"
KEY_OCTETS, NONCE_OCTETS, TAG_OCTETS = 32, 12, 16
MAX_RECIPIENTS = 200


class CannotEncrypt(ValueError):
    """This certificate is not one to encrypt for. The text names the rule, nobody."""


class CannotOpen(ValueError):
    """Not encrypted for this key, not by this profile, or altered. One answer for all: more would help an attacker."""


def encrypt(content: bytes, certificates: Sequence[x509.Certificate]) -> bytes:
    """DER of a ContentInfo that each of these certificates' keys opens. Raises CannotEncrypt, also for none at all.

    Whether the certificates are trusted is the caller's question.
    """
    if not certificates:
        raise CannotEncrypt("nobody to encrypt for")
    key, nonce = secrets.token_bytes(KEY_OCTETS), secrets.token_bytes(NONCE_OCTETS)
    sealed = AESGCM(key).encrypt(nonce, content, None)
    algorithm = sequence(oid(AES_256_GCM), sequence(octets(nonce), small(TAG_OCTETS)))
    inside = sequence(oid(DATA), algorithm, tlv(0x80, sealed[:-TAG_OCTETS]))
    recipients = set_of(*(_recipient(key, certificate) for certificate in certificates))
    body = sequence(small(0), recipients, inside, octets(sealed[-TAG_OCTETS:]))
    return sequence(oid(AUTH_ENVELOPED), tlv(0xA0, body))


def check_can_encrypt(certificate: x509.Certificate) -> None:
    """RFC 8550 §4.4.2: the key may be used so, and is of a kind that we know. Raises CannotEncrypt."""
    public = certificate.public_key()
    known = (isinstance(public, rsa.RSAPublicKey) and public.key_size in RSA_BITS) or (
        isinstance(public, ec.EllipticCurvePublicKey) and isinstance(public.curve, CURVES)
    )
    if not known:
        raise CannotEncrypt("a kind of key that does not encrypt here")
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return
    if not (usage.key_encipherment if isinstance(public, rsa.RSAPublicKey) else usage.key_agreement):
        raise CannotEncrypt("the certificate is not meant for encryption")


def decrypt(data: bytes, owner: Identity) -> bytes:
    """The content, for the owner of one of the keys. Raises CannotOpen."""
    try:
        recipients, inside, aad, tag = _taken_apart(walk(data))
        nonce = _nonce(inside.children[1])
        own = issuer_and_serial(owner.certificate.public_bytes(Encoding.DER))
        key = next(_keys(recipients, own, owner), None)
        if key is None:
            raise CannotOpen("not for this key, or not by our profile")
        return AESGCM(key).decrypt(nonce, _encrypted(inside.children[2]) + tag, aad)
    except (BadDer, IndexError, ValueError, InvalidTag, InvalidUnwrap):
        raise CannotOpen("not for this key, not by our profile, or altered") from None


def _recipient(key: bytes, certificate: x509.Certificate) -> bytes:
    check_can_encrypt(certificate)
    public = certificate.public_key()
    who = issuer_and_serial(certificate.public_bytes(Encoding.DER))
    if isinstance(public, rsa.RSAPublicKey):
        return _key_transport(key, public, who)
    if isinstance(public, ec.EllipticCurvePublicKey):
        return _key_agreement(key, public, who)
    raise CannotEncrypt("a kind of key that does not encrypt here")


def _key_transport(key: bytes, public: rsa.RSAPublicKey, who: bytes) -> bytes:
    """RFC 5652 §6.2.1, RFC 3560 §3."""
    digest = sequence(oid(SHA_256), null())
    scheme = sequence(oid(OAEP_SCHEME), sequence(tlv(0xA0, digest), tlv(0xA1, sequence(oid(MGF_1), digest))))
    return sequence(small(0), who, scheme, octets(public.encrypt(key, _oaep())))


def _key_agreement(key: bytes, public: ec.EllipticCurvePublicKey, who: bytes) -> bytes:
    """RFC 5652 §6.2.2, RFC 5753 §3.1.1: an ephemeral key of ours meets the recipient's."""
    ephemeral = ec.generate_private_key(public.curve)
    point = ephemeral.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    originator = tlv(0xA0, tlv(0xA1, sequence(oid(EC_KEY)), tlv(0x03, b"\0" + point)))
    scheme = sequence(oid(ECDH_SHA256), sequence(oid(AES_256_WRAP)))
    wrapped = aes_key_wrap(_agreed(ephemeral.exchange(ec.ECDH(), public)), key)
    return tlv(0xA1, small(3), originator, scheme, sequence(sequence(who, octets(wrapped))))


def _agreed(shared: bytes) -> bytes:
    """RFC 5753 §7.2: ECC-CMS-SharedInfo, with the wrap algorithm and its key length in bits."""
    info = sequence(sequence(oid(AES_256_WRAP)), tlv(0xA2, octets((8 * KEY_OCTETS).to_bytes(4, "big"))))
    return X963KDF(SHA256(), KEY_OCTETS, info).derive(shared)


def _oaep() -> OAEP:
    return OAEP(MGF1(SHA256()), SHA256(), None)


def _taken_apart(node: Node) -> tuple[list[Node], Node, bytes | None, bytes]:
    """RFC 5083 §2.1. Out: recipients, content info, what the tag covers beside it, the tag. Raises CannotOpen."""
    if node.children[0].content != encode_oid(AUTH_ENVELOPED):
        raise CannotOpen("another kind of CMS")
    parts = node.children[1].children[0].children
    parts = [part for part in parts[1:] if part.tag not in (0xA0, 0xA2)]  # originatorInfo, unauthAttrs: not used
    attributes = [part for part in parts if part.tag == 0xA1]
    recipients, inside, tag = (part for part in parts if part.tag != 0xA1)
    if recipients.tag != SET or len(recipients.children) > MAX_RECIPIENTS or tag.tag != OCTETS:
        raise CannotOpen("structure")
    if len(tag.content) != TAG_OCTETS:  # a short tag is a tag that can be guessed
        raise CannotOpen("tag")
    aad = b"\x31" + attributes[0].raw[1:] if attributes else None  # §2.2: as SET OF
    return recipients.children, inside, aad, tag.content


def _nonce(algorithm: Node) -> bytes:
    if algorithm.children[0].content != encode_oid(AES_256_GCM):
        raise CannotOpen("cipher")
    return algorithm.children[1].children[0].content


def _encrypted(node: Node) -> bytes:
    """[0] OCTET STRING, in one piece or in the segments of streaming writers."""
    return node.content if node.tag == 0x80 else b"".join(piece.content for piece in node.children)


def _keys(recipients: Iterable[Node], own: bytes, owner: Identity) -> Iterator[bytes]:
    for node in recipients:
        if node.tag == SEQUENCE and node.children[1].raw == own and isinstance(owner.key, rsa.RSAPrivateKey):
            if node.children[2].children[0].content == encode_oid(OAEP_SCHEME):
                yield owner.key.decrypt(node.children[3].content, _oaep())
        elif node.tag == 0xA1 and isinstance(owner.key, ec.EllipticCurvePrivateKey):
            yield from _agreed_keys(node, own, owner.key)


def _agreed_keys(node: Node, own: bytes, key: ec.EllipticCurvePrivateKey) -> Iterator[bytes]:
    parts = [part for part in node.children if part.tag != 0xA1]  # ukm: not used
    ours = [recipient for recipient in parts[3].children if recipient.children[0].raw == own]
    if not ours or parts[2].children[0].content != encode_oid(ECDH_SHA256):
        return
    point = parts[1].children[0].children[1].content[1:]
    public = ec.EllipticCurvePublicKey.from_encoded_point(key.curve, point)  # ValueError off the curve
    for recipient in ours:
        yield aes_key_unwrap(_agreed(key.exchange(ec.ECDH(), public)), recipient.children[1].content)
