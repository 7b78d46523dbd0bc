"""A small house of authorities for cases about revocation lists: whose lists, of what kind, of what age."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence

from asn1crypto import algos, crl
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, HashAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ReasonFlags

from crypto.identity import Identity, PrivateKey
from tests.support.path_maker import authority, chain, dn, key, leaf, usage
from tests.support.pki import DAY, NOW
from tests.support.revocation_lists import OTHER_PLACE, PLACE, entry, point, uri
from tests.support.smime_makers import Given

Extension = tuple[x509.ExtensionType, bool]
HERE, THERE = {"full_name": [uri(PLACE)]}, {"full_name": [uri(OTHER_PLACE)]}
STOLEN = frozenset({ReasonFlags.key_compromise, ReasonFlags.ca_compromise})
OTHERS = frozenset(ReasonFlags) - STOLEN - {ReasonFlags.unspecified, ReasonFlags.remove_from_crl}


def listed(
    by: Identity, *more: Extension, name: x509.Name | None = None, signer: PrivateKey | None = None,
    gone: Sequence[x509.RevokedCertificate] = (), start: dt.datetime = NOW - DAY, until: dt.datetime = NOW + DAY,
    number: int = 7, digest: HashAlgorithm | None = SHA256(), pss: bool = False,
) -> bytes:  # fmt: skip
    """A list of this authority, DER."""
    builder = x509.CertificateRevocationListBuilder(name or by.certificate.subject, start, until)
    for one in gone:
        builder = builder.add_revoked_certificate(one)
    for value, critical in (*(((x509.CRLNumber(number), False),) if number else ()), *more):
        builder = builder.add_extension(value, critical)
    padding = PSS(MGF1(SHA256()), 32) if pss else None
    made = builder.sign(signer or by.key, digest, rsa_padding=padding)  # type: ignore[arg-type]
    return made.public_bytes(Encoding.DER)


def at_place(*places: str, reasons: frozenset[ReasonFlags] | None = None, by: str = "") -> x509.DistributionPoint:
    issuer = [x509.DirectoryName(dn(f"CN={by}"))] if by else None
    return x509.DistributionPoint([uri(each) for each in places] or None, None, reasons, issuer)


def places(*points: x509.DistributionPoint) -> Extension:
    return x509.CRLDistributionPoints(list(points)), False


def freshest() -> Extension:
    return x509.FreshestCRL([at_place("http://crl.example/delta")]), False


def because(who: Identity, reason: ReasonFlags) -> x509.RevokedCertificate:
    return entry(who.certificate, (x509.CRLReason(reason), False))


def of(who: Identity, issuer: str) -> x509.RevokedCertificate:
    """An entry of an indirect list, for a certificate by this issuer."""
    return entry(who.certificate, (x509.CertificateIssuer([x509.DirectoryName(dn(f"CN={issuer}"))]), True))


ROOT = authority(None, "Racine")
CA = authority(ROOT, "I")
SILENT = authority(ROOT, "I", (usage("key_cert_sign"), True), label="silent")  # may sign no lists
ELSEWHERE = authority(ROOT, "Listes")  # signs lists for others
ROLLED = authority(CA, "I", label="rolled")  # its new key, certified by the old one
TWIN = authority(ROOT, "Jumelle", label="CN=I")  # another authority with the same key
EDWARDS = authority(None, "Edwards", kind="ed25519", label="edwards")
TOP = listed(ROOT)
WHO = leaf(CA, places(at_place(PLACE)))
PLACELESS = leaf(CA)
FRESH = leaf(CA, places(at_place(PLACE)), freshest())
SPLIT = leaf(CA, places(at_place(PLACE, reasons=STOLEN), at_place(OTHER_PLACE, reasons=OTHERS)))
SENT_ON = leaf(CA, places(at_place(PLACE, by="Listes")))
SENT_ON_ONLY = leaf(CA, places(at_place(by="Listes")))
UNHEARD, NEWER, BY_EDWARDS = leaf(SILENT), leaf(ROLLED), leaf(EDWARDS)
INDIRECT = point(indirect_crl=True)
FIRST, SECOND = point(only_some_reasons=STOLEN, **HERE), point(only_some_reasons=OTHERS, **THERE)
DELTA = (x509.DeltaCRLIndicator(7), True)
OVER = {"start": NOW - 3 * DAY, "until": NOW - DAY}
TOMORROW = {"start": NOW + DAY, "until": NOW + 2 * DAY}


def under(*lists: bytes, who: Identity = WHO, beside: Sequence[Identity] = ()) -> Callable[[], Given]:
    """Mail by `who`, with a fresh list of the root and these."""
    return lambda: chain(who, *beside, crls=(TOP, *lists))


def only(*lists: bytes, who: Identity = WHO, beside: Sequence[Identity] = ()) -> Callable[[], Given]:
    return lambda: chain(who, *beside, crls=lists)


def signed_again(change: Callable[[crl.CertificateList], None], digest: HashAlgorithm) -> bytes:
    """A list with another content or algorithm, signed by the same authority."""
    made = crl.CertificateList.load(listed(CA)).copy()
    change(made)
    assert isinstance(CA.key, ec.EllipticCurvePrivateKey)
    made["signature"] = CA.key.sign(made["tbs_cert_list"].dump(force=True), ec.ECDSA(digest))
    return bytes(made.dump(force=True))


def with_sha1() -> bytes:
    def change(made: crl.CertificateList) -> None:
        made["signature_algorithm"] = algos.SignedDigestAlgorithm({"algorithm": "sha1_ecdsa"})
        made["tbs_cert_list"]["signature"] = algos.SignedDigestAlgorithm({"algorithm": "sha1_ecdsa"})

    return signed_again(change, SHA1())  # noqa: S303


def by_pss() -> Given:
    """Certificate and list signed with RSASSA-PSS."""
    above = authority(None, "Racine PSS", kind="rsa2048", label="pss")
    plain = leaf(above).certificate
    builder = x509.CertificateBuilder(
        plain.issuer, plain.subject, plain.public_key(), 77, plain.not_valid_before_utc, plain.not_valid_after_utc
    )
    for one in plain.extensions:
        builder = builder.add_extension(one.value, one.critical)
    certificate = builder.sign(above.key, SHA256(), rsa_padding=PSS(MGF1(SHA256()), 32))  # type: ignore[arg-type]
    who = Identity(certificate, key("leaf", "p256"), (above.certificate,))
    return chain(who, crls=(listed(above, pss=True),))
