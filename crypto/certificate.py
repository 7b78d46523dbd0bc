"""What a certificate says, and whether it may speak for an address (RFC 8550 §3, §4.4). Trust is asked elsewhere."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property, lru_cache

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from crypto.reading import UNREADABLE, extension
from crypto.routes import Path
from crypto.verdict import Reason, Refusal

MAIL = frozenset({ExtendedKeyUsageOID.EMAIL_PROTECTION, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE})
DOCUMENTS = MAIL | {
    x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36"),  # RFC 9336 §3: id-kp-documentSigning
    x509.ObjectIdentifier("1.2.840.113583.1.1.5"),  # Adobe
    x509.ObjectIdentifier("1.3.6.1.4.1.311.10.3.12"),  # Microsoft
}


@dataclass(frozen=True, eq=False, repr=False)
class Leaf:
    """A certificate that was read; what it says besides is asked of it once."""

    der: bytes
    certificate: x509.Certificate
    key: CertificatePublicKeyTypes

    @cached_property
    def sha256(self) -> str:
        """Its fingerprint."""
        return hashlib.sha256(self.der).hexdigest()

    @cached_property
    def emails(self) -> tuple[str, ...]:
        """As `emails_of`."""
        return tuple(emails_of(self.certificate))

    @cached_property
    def names(self) -> tuple[str | None, str]:
        """The first address, and the subject as RFC 4514 text."""
        return (self.emails[0] if self.emails else None), self.certificate.subject.rfc4514_string()


@lru_cache(maxsize=1024)  # what a certificate says never changes; whether it is trusted now is asked each time
def read_certificate(der: bytes) -> Leaf:
    """The library reads its fields lazily: all are touched here, so that no later step meets an unreadable one.

    Raises Refusal.
    """
    try:
        leaf = x509.load_der_x509_certificate(der)
        _ = leaf.issuer, leaf.subject, leaf.not_valid_before_utc, leaf.not_valid_after_utc, leaf.extensions
        _ = leaf.signature_hash_algorithm, leaf.signature_algorithm_parameters
        return Leaf(der, leaf, leaf.public_key())
    except UnsupportedAlgorithm:
        raise Refusal(Reason.UNSUPPORTED) from None
    except UNREADABLE:
        raise Refusal(Reason.BAD_CERTIFICATE) from None


def check_signs(leaf: x509.Certificate) -> None:
    """RFC 8550 §4.4: an end entity's certificate, meant for e-mail where it says what for, whose key may sign.

    Raises Refusal.
    """
    usage = extension(leaf, x509.KeyUsage)
    constraints = extension(leaf, x509.BasicConstraints)
    may_sign = usage is None or usage.digital_signature or usage.content_commitment
    if not may_sign or not _for_mail(leaf):
        raise Refusal(Reason.WRONG_USAGE)
    if constraints is not None and constraints.ca:
        raise Refusal(Reason.WRONG_USAGE)


def check_signs_documents(leaf: x509.Certificate, path: Path) -> None:
    """An end entity's certificate whose key may sign, and whose authorities do not say that it is for something else.

    RFC 9336 (documentSigning) is younger than most certificates: mail, and the two private purposes of before, will do.
    Raises Refusal.
    """
    usage, constraints = extension(leaf, x509.KeyUsage), extension(leaf, x509.BasicConstraints)
    may_sign = usage is None or usage.digital_signature or usage.content_commitment
    if not may_sign or (constraints is not None and constraints.ca):
        raise Refusal(Reason.WRONG_USAGE)
    for each in path:
        purposes = extension(each, x509.ExtendedKeyUsage)
        if purposes is not None and not DOCUMENTS & set(purposes):
            raise Refusal(Reason.WRONG_USAGE)


def check_above(path: Path) -> None:
    """An authority that says what its people's keys are for, and not for mail, makes no signer. Raises Refusal."""
    if not all(map(_for_mail, path)):
        raise Refusal(Reason.WRONG_USAGE)


def _for_mail(certificate: x509.Certificate) -> bool:
    """RFC 8550 §4.4.4: absent means any purpose."""
    purposes = extension(certificate, x509.ExtendedKeyUsage)
    return purposes is None or bool(MAIL & set(purposes))


def emails_of(leaf: x509.Certificate) -> list[str]:
    """RFC 8550 §3: the alternative names; where there are none, the attribute of the subject that was used before."""
    names = extension(leaf, x509.SubjectAlternativeName)
    if names is not None:
        return names.get_values_for_type(x509.RFC822Name)
    return [str(part.value) for part in leaf.subject.get_attributes_for_oid(NameOID.EMAIL_ADDRESS)]
