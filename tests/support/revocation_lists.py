"""Revocation lists of every kind (RFC 5280 §5), made with `cryptography`, signed by whoever the test likes."""

import datetime as dt

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from crypto.authority import Authority
from crypto.identity import Identity
from tests.support.pki import DAY, NOW, SIGNER, custom, key_of

PLACE, OTHER_PLACE = "http://crl.example/1", "http://crl.example/2"


def uri(place):
    return x509.UniformResourceIdentifier(place)


def point(**changes):
    given = {
        "full_name": None,
        "relative_name": None,
        "only_contains_user_certs": False,
        "only_contains_ca_certs": False,
        "only_some_reasons": None,
        "indirect_crl": False,
        "only_contains_attribute_certs": False,
    }
    return x509.IssuingDistributionPoint(**{**given, **changes}), True


def entry(certificate, *extensions, at=NOW - DAY / 2):
    builder = x509.RevokedCertificateBuilder(certificate.serial_number, at)
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.build()


def build(above: Authority, *extensions, issuer=None, key=None, entries=(), until=NOW + DAY, number=7):
    """DER. `extensions`: pairs (value, critical)."""
    builder = x509.CertificateRevocationListBuilder(issuer or above.certificate.subject, NOW, until)
    for one in entries:
        builder = builder.add_revoked_certificate(one)
    for extension, critical in ((x509.CRLNumber(number), False), *extensions):
        builder = builder.add_extension(extension, critical)
    return builder.sign(key or above.identity.key, SHA256()).public_bytes(Encoding.DER)


def published(above: Authority, *places, reasons=None, crl_issuer=None, freshest=None) -> Identity:
    """A signer of mail whose certificate names where it is revoked."""
    points = x509.CRLDistributionPoints(
        [x509.DistributionPoint([uri(p) for p in places] or None, None, reasons, crl_issuer)]
    )
    more = [(points, False)]
    if freshest:
        more.append((x509.FreshestCRL([x509.DistributionPoint([uri(freshest)], None, None, None)]), False))
    key: ec.EllipticCurvePrivateKey = key_of("p256")
    base = custom(key, issuer=above.identity)
    builder = x509.CertificateBuilder(
        base.certificate.issuer,
        base.certificate.subject,
        key.public_key(),
        x509.random_serial_number(),
        NOW - DAY,
        NOW + 300 * DAY,
    )
    for extension in base.certificate.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    for value, critical in more:
        builder = builder.add_extension(value, critical)
    assert SIGNER in str(base.certificate.extensions)
    return Identity(builder.sign(above.identity.key, SHA256()), key, base.chain)


def soon(hours: float) -> dt.datetime:
    return NOW + dt.timedelta(hours=hours)
