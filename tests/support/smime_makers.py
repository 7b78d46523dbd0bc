"""Signed messages with one thing wrong, each made by hand or by openssl, for the table of cases."""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from asn1crypto import cms, tsp
from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ReasonFlags
from cryptography.x509.oid import NameOID, ObjectIdentifier

from crypto.authority import Authority
from crypto.identity import Identity
from crypto.protected import protect
from tests.support.cms_maker import Recipe, attribute, mail, opaque_mail, signed_data, signer_info
from tests.support.pki import (
    DAY,
    HEADERS,
    NOW,
    PART,
    SIGNER,
    custom,
    der,
    key_of,
    person,
    pki,
    signed,
)
from tests.support.revocation_lists import PLACE, build, entry, published


@dataclass(frozen=True)
class Given:
    """A message and what it is judged by."""

    raw: bytes
    anchors: bytes = b""
    middle: bytes = b""
    crls: tuple[bytes, ...] | None = None
    sender: str | None = SIGNER
    at: dt.datetime = NOW

    @property
    def roots(self) -> bytes:
        return self.anchors or pki().root.certificate_pem

    @property
    def between(self) -> bytes:
        return self.middle or pki().mail_ca.certificate_pem


def recipe(**changes: object) -> bytes:
    return mail(signed_data(Recipe(**changes)))  # type: ignore[arg-type]


def edited(old: bytes, new: bytes, raw: bytes | None = None) -> bytes:
    whole = raw if raw is not None else recipe()
    assert old in whole
    return whole.replace(old, new, 1)


def under(sender: bytes) -> bytes:
    return mail(signed_data(Recipe()), headers=sender + b"\r\nTo: x@y.example\r\n")


def protected() -> bytes:
    return signed(part=protect(HEADERS, PART))


def attributes(change: Callable[[list[cms.CMSAttribute]], list[cms.CMSAttribute]]) -> bytes:
    return recipe(change_attributes=change)


def no_signer() -> bytes:
    box = cms.ContentInfo.load(signed_data(Recipe()))
    box["content"]["signer_infos"] = []
    return mail(bytes(box.dump(force=True)))


def confusion() -> bytes:
    """A genuine signature's attributes, presented as content of a signature without attributes."""
    stolen = signer_info(Recipe())["signed_attrs"].untag().dump()
    return opaque_mail(signed_data(Recipe(content=stolen, attributes=False, embed=True)))


def cades_of_another() -> bytes:
    value = tsp.SigningCertificateV2({"certs": [{"cert_hash": hashlib.sha256(b"another").digest()}]})
    return attributes(lambda given: [*given, attribute("1.2.840.113549.1.9.16.2.47", value)])


def web_of(count: int) -> bytes:
    web = [der(custom(key_of("p256"), name=f"n{number}").certificate) for number in range(count)]
    return recipe(certificates=[der(person().certificate), der(pki().mail_ca.certificate), *web])


def tlv(tag: int, content: bytes) -> bytes:
    octets = len(content).to_bytes(4, "big")
    return bytes([tag, 0x84]) + octets + content


def nest(depth: int) -> bytes:
    data = b""
    for _ in range(depth):
        data = bytes([0x30, 0x80]) + data + b"\0\0"
    return data


def non_minimal() -> bytes:
    box = signed_data(Recipe())
    start = box.index(bytes.fromhex("300b06092a864886f70d010701"))
    return mail(box[:start] + b"\x30\x81\x0b" + box[start + 2 :])


def only_a_part() -> bytes:
    head = b'From: dr.aubin@cabinet.example\r\nContent-Type: multipart/mixed; boundary="o"\r\n\r\n'
    return head + b"--o\r\n" + signed(headers=b"X-A: b\r\n") + b"\r\n--o\r\n\r\nNon sign\xc3\xa9\r\n--o--\r\n"


def twice() -> bytes:
    inner = signed(headers=b"X-A: b\r\n").removeprefix(b"X-A: b\r\n")
    return signed(part=inner)


def twin_certificates() -> bytes:
    twin = asn1.Certificate.load(der(person().certificate)).copy()
    twin["signature_value"] = b"\0" + twin["signature_value"].native[1:]
    return recipe(certificates=[der(person().certificate), twin.dump(force=True), der(pki().mail_ca.certificate)])


def sha1_certificate() -> bytes:
    weak = asn1.Certificate.load(der(person().certificate)).copy()
    for algorithm in (weak["tbs_certificate"]["signature"], weak["signature_algorithm"]):
        algorithm["algorithm"] = "sha1_ecdsa"
    key = pki().mail_ca.identity.key
    weak["signature_value"] = key.sign(weak["tbs_certificate"].dump(force=True), ec.ECDSA(SHA1()))
    return signed(Identity(x509.load_der_x509_certificate(weak.dump(force=True)), person().key, person().chain))


def below(*extensions: tuple[x509.ExtensionType, bool], path_length: int | None = 0, leaf: str = SIGNER) -> Given:
    """Signed by somebody below an authority that has these extensions, which the operator pinned."""
    key = key_of("p384")
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Autorité bornée")])
    builder = x509.CertificateBuilder(
        pki().root.certificate.subject, name, key.public_key(), x509.random_serial_number(), NOW - DAY, NOW + DAY
    ).add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
    for value, critical in extensions:
        builder = builder.add_extension(value, critical)
    above = Identity(builder.sign(pki().root.identity.key, SHA256()), key, (pki().root.certificate,))
    return Given(signed(custom(key_of("p256"), issuer=above, email=leaf)), middle=above.certificate_pem)


def too_deep() -> Given:
    middle = custom(key_of("p384"), ca=True, usages=("key_cert_sign",), purposes=(), email=None)
    pem = pki().mail_ca.certificate_pem + middle.certificate.public_bytes(Encoding.PEM)
    return Given(signed(custom(key_of("p256"), issuer=middle)), middle=pem)


def leaf_as_authority() -> Given:
    pem = pki().mail_ca.certificate_pem + person().certificate.public_bytes(Encoding.PEM)
    return Given(signed(custom(key_of("p384"), issuer=person())), middle=pem)


def undeclared() -> bytes:
    return signed(pki().root.issue_authority("Non déclarée", now=NOW - DAY).issue_smime(SIGNER, "A", now=NOW - DAY))


def namesake() -> bytes:
    false = Authority.create("Racine d'essai", now=NOW - 30 * DAY)
    return signed(
        false.issue_authority("Messagerie d'essai", now=NOW - 30 * DAY).issue_smime(SIGNER, "A", now=NOW - DAY)
    )


def critical_unknown() -> bytes:
    key = key_of("p256")
    base = custom(key).certificate
    builder = x509.CertificateBuilder(
        base.issuer, base.subject, key.public_key(), x509.random_serial_number(), NOW - DAY, NOW + DAY
    )
    for extension in base.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    builder = builder.add_extension(x509.UnrecognizedExtension(ObjectIdentifier("1.2.3.4"), b"\x05\0"), critical=True)
    return signed(Identity(builder.sign(pki().mail_ca.identity.key, SHA256()), key, person().chain))


def old_anchor() -> Given:
    old = Authority.create("Vieille", now=NOW - 30 * DAY, days=20)
    return Given(signed(old.issue_smime(SIGNER, "A", now=NOW - DAY)), anchors=old.certificate_pem)


def self_signed() -> bytes:
    key = key_of("p384")
    return signed(custom(key, issuer=Identity(custom(key).certificate, key)))


@functools.cache
def listed() -> tuple[Authority, Authority, Identity]:
    """A root, an authority below it, and a signer whose certificate names the place of its list."""
    root = Authority.create("Racine des listes", now=NOW - 30 * DAY)
    middle = root.issue_authority("Messagerie des listes", now=NOW - 30 * DAY)
    return root, middle, published(middle, PLACE)


def lists(*more: bytes, root_gone: bool = False) -> Given:
    """With a fresh list of the root, and these beside it."""
    root, middle, who = listed()
    top = build(root, entries=[entry(middle.certificate)] if root_gone else [])
    return Given(signed(who), root.certificate_pem, middle.certificate_pem, (top, *more))


def base(*extensions: tuple[x509.ExtensionType, bool], gone: bool = False, hold: bool = False, **more: object) -> bytes:
    _, middle, who = listed()
    reasons = ((x509.CRLReason(ReasonFlags.certificate_hold), False),) if hold else ()
    return build(middle, *extensions, entries=[entry(who.certificate, *reasons)] if gone else [], **more)  # type: ignore[arg-type]


def delta(gone: bool) -> bytes:
    return base((x509.DeltaCRLIndicator(7), True), gone=gone, number=8)


def odd_list() -> bytes:
    return base((x509.UnrecognizedExtension(ObjectIdentifier("1.2.3.4"), b"\x05\0"), True))


def rfc822(*names: str) -> list[x509.GeneralName]:
    return [x509.RFC822Name(name) for name in names]
