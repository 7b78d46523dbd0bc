"""Chains of certificates with one thing out of order (RFC 5280 §4, §6), and mail signed at their end."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Callable, Sequence

from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256, HashAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from crypto.authority import USAGES
from crypto.identity import Identity, PrivateKey, new_private_key
from tests.support.pki import DAY, NOW, SIGNER, der, signed
from tests.support.smime_makers import Given

Extensions = Sequence[tuple[x509.ExtensionType, bool]]


@functools.cache
def key(label: str, kind: str = "p256") -> PrivateKey:
    """One key for each label: certificates of one authority may share it."""
    return rsa.generate_private_key(65537, 1024) if kind == "rsa1024" else new_private_key(kind)  # noqa: S505


def dn(*parts: str) -> x509.Name:
    """`CN=a`, `O=b`… from the top downwards."""
    kinds = {"CN": NameOID.COMMON_NAME, "O": NameOID.ORGANIZATION_NAME, "E": NameOID.EMAIL_ADDRESS}
    kinds |= {"OU": NameOID.ORGANIZATIONAL_UNIT_NAME, "C": NameOID.COUNTRY_NAME}
    return x509.Name([x509.NameAttribute(kinds[kind], value) for kind, _, value in (p.partition("=") for p in parts)])


def usage(*wanted: str) -> x509.KeyUsage:
    return x509.KeyUsage(**{each: each in wanted for each in USAGES})


def policies(*dotted: str) -> tuple[x509.ExtensionType, bool]:
    return x509.CertificatePolicies([x509.PolicyInformation(ObjectIdentifier(one), None) for one in dotted]), False


def mappings(*pairs: tuple[str, str]) -> tuple[x509.ExtensionType, bool]:
    value = asn1.PolicyMappings([{"issuer_domain_policy": a, "subject_domain_policy": b} for a, b in pairs])
    return x509.UnrecognizedExtension(ObjectIdentifier("2.5.29.33"), value.dump()), True


def constraints(explicit: int | None = None, mapping: int | None = None) -> tuple[x509.ExtensionType, bool]:
    return x509.PolicyConstraints(explicit, mapping), True


def permitted(*names: x509.GeneralName) -> tuple[x509.ExtensionType, bool]:
    return x509.NameConstraints(list(names), None), True


def excluded(*names: x509.GeneralName) -> tuple[x509.ExtensionType, bool]:
    return x509.NameConstraints(None, list(names)), True


def raw(oid: str, value: bytes, critical: bool = False) -> tuple[x509.ExtensionType, bool]:
    """An extension in the octets that no builder would write."""
    return x509.UnrecognizedExtension(ObjectIdentifier(oid), value), critical


def authority(
    above: Identity | None, name: str | x509.Name, *more: tuple[x509.ExtensionType, bool],
    label: str = "", kind: str = "p256", length: int | None = None, without: Sequence[str] = (), **fields: object,
) -> Identity:  # fmt: skip
    """A certificate that may issue others; a root where nothing is `above`. `more` takes the place of the usual."""
    subject = dn(f"CN={name}") if isinstance(name, str) else name
    own = key(label or str(subject.rfc4514_string()), kind)
    usual: Extensions = (
        (x509.BasicConstraints(True, length), True),
        (usage("key_cert_sign", "crl_sign"), True),
        (x509.SubjectKeyIdentifier.from_public_key(own.public_key()), False),
    )
    return _issue(above, subject, own, usual, more, without, **fields)


def leaf(
    above: Identity, *more: tuple[x509.ExtensionType, bool], subject: x509.Name | None = None,
    emails: Sequence[str] = (SIGNER,), kind: str = "p256", without: Sequence[str] = (), **fields: object,
) -> Identity:  # fmt: skip
    """A signer's certificate."""
    usual: Extensions = (
        (x509.BasicConstraints(False, None), True),
        (usage("digital_signature"), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), False),
        (x509.SubjectAlternativeName([x509.RFC822Name(each) for each in emails] or [x509.DNSName("a")]), False),
    )
    return _issue(
        above, dn("CN=Aubin Camille") if subject is None else subject, key("leaf", kind), usual, more, without, **fields
    )


def _issue(
    above: Identity | None, subject: x509.Name, own: PrivateKey, usual: Extensions, more: Extensions,
    without: Sequence[str], start: dt.datetime = NOW - 30 * DAY, until: dt.datetime = NOW + 300 * DAY,
    serial: int = 0, issuer: x509.Name | None = None, digest: HashAlgorithm | None = None,
) -> Identity:  # fmt: skip
    signer = above.key if above else own
    name = issuer if issuer is not None else above.certificate.subject if above else subject
    if not isinstance(signer, ed25519.Ed25519PrivateKey):
        digest = digest or SHA256()
    builder = x509.CertificateBuilder(
        name, subject, own.public_key(), serial or x509.random_serial_number(), start, until
    )
    aki = (x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), False)
    given = {value.oid.dotted_string for value, _ in more} | set(without)
    for value, critical in (*(one for one in (*usual, aki) if one[0].oid.dotted_string not in given), *more):
        builder = builder.add_extension(value, critical)
    chain = (above.certificate, *above.chain) if above else ()
    return Identity(builder.sign(signer, digest), own, chain)  # type: ignore[arg-type]


def altered(who: Identity, above: Identity, change: Callable[[asn1.Certificate], None]) -> Identity:
    """The same certificate with another content, signed anew by the authority."""
    certificate = asn1.Certificate.load(der(who.certificate)).copy()
    change(certificate)
    assert isinstance(above.key, ec.EllipticCurvePrivateKey)
    certificate["signature_value"] = above.key.sign(certificate["tbs_certificate"].dump(force=True), ec.ECDSA(SHA256()))
    return Identity(x509.load_der_x509_certificate(certificate.dump(force=True)), who.key, who.chain)


def chain(who: Identity, *beside: Identity, crls: tuple[bytes, ...] | None = None, at: dt.datetime = NOW) -> Given:
    """Mail by `who`: its root is the anchor, what lies between is pinned, and whatever stands `beside`."""
    middle = [one for one in who.chain if one.issuer != one.subject] + [one.certificate for one in beside]
    self_issued = [one for one in who.chain[:-1] if one.issuer == one.subject]
    pem = [one.public_bytes(Encoding.PEM) for one in (*middle, *self_issued)]
    anchor = who.chain[-1].public_bytes(Encoding.PEM)
    return Given(
        signed(Identity(who.certificate, who.key, who.chain[:1])), anchor, b"".join(pem) or anchor, crls, at=at
    )
