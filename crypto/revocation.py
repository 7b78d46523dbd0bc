"""Certificate revocation lists (RFC 5280 §5): read once; plain ones kept as sets of serial numbers with an age.

What is plain is looked up in microseconds. Lists of every other kind (indirect, delta, partitioned, of some reasons)
are kept as they are, and the path validator weighs them whenever they may speak of a certificate in question.
"""

from __future__ import annotations

import datetime as dt
import itertools
import re
import ssl
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.hashes import MD5, SHA1, SHA224
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import CRLEntryExtensionOID, ExtensionOID

from crypto.reading import UNREADABLE, Folded, folded
from crypto.verdict import Reason, Refusal

Path = tuple[x509.Certificate, ...]
Issuer = tuple[Folded, bytes]
Named = tuple[Folded, bytes]  # who signs a list, and its DER

LATEST = dt.datetime.max.replace(tzinfo=dt.UTC)
AHEAD = dt.timedelta(minutes=5)  # the issuer's clock may be a little ahead of ours
HARMLESS = (x509.AuthorityKeyIdentifier, x509.CRLNumber, x509.AuthorityInformationAccess)
WEAK_HASHES = (MD5, SHA1, SHA224)
_TRUE = b"\x01\x01\xff"  # DER of "critical"
_OF_ANOTHER = b"\x06\x03\x55\x1d" + bytes([int(CRLEntryExtensionOID.CERTIFICATE_ISSUER.dotted_string.split(".")[-1])])
_PEM = re.compile(rb"-----BEGIN X509 CRL-----.*?-----END X509 CRL-----", re.DOTALL)


class BadList(ValueError):
    """Not a usable revocation list: unreadable, unsigned by a known authority, or of a kind that is not plain."""


@dataclass(frozen=True, repr=False)
class RevocationList:
    """One authority's complete list. `issuer`: its name, and the public key that signed the list. `points`: where it
    says that it is published; empty when it speaks of every certificate of its issuer, otherwise of those that name
    such a place."""

    issuer: Issuer
    serials: frozenset[int]
    this_update: dt.datetime
    next_update: dt.datetime
    number: int
    points: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        return f"RevocationList(number={self.number}, {len(self.serials)} serials, until {self.next_update:%Y-%m-%d})"

    @classmethod
    def load(cls, data: bytes, issuers: Iterable[x509.Certificate]) -> RevocationList:
        """In: DER or PEM, and the authorities that may have signed it. Raises BadList."""
        try:
            crl = x509.load_pem_x509_crl(data) if data.lstrip().startswith(b"-----") else x509.load_der_x509_crl(data)
            points = _check_plain(crl)
            issuer = issuer_of(crl, issuers)
            return cls(
                (folded(crl.issuer), key_bytes(issuer)),
                frozenset(entry.serial_number for entry in crl),
                crl.last_update_utc,
                next_update(crl),
                number_of(crl),
                points,
            )
        except BadList:
            raise
        except UNREADABLE:
            raise BadList("the revocation list cannot be read") from None

    def is_fresh(self, at: dt.datetime) -> bool:
        """True when `at` lies between this update and the next."""
        since, until = self.fresh_span
        return since <= at <= until

    @property
    def fresh_span(self) -> tuple[dt.datetime, dt.datetime]:
        """From this update, as an issuer's clock may have it, to the next."""
        return self.this_update - AHEAD, self.next_update

    def covers(self, certificate: x509.Certificate) -> bool:
        """RFC 5280 §6.3.3 (b)(2)(i): a list of one place speaks of the certificates that name this place."""
        return not self.points or bool(self.points & _named_points(certificate))


@dataclass(frozen=True)
class Lists:
    """What the operator fetched. `plain`: newest first, by name and key of their issuer; `others`:
    those of every other kind.

    `wanted`: whether certificates must be looked up at all; an operator that gives no list at all wants none.
    """

    wanted: bool = False
    plain: dict[Issuer, tuple[RevocationList, ...]] = field(default_factory=dict)
    others: tuple[Named, ...] = ()
    raw: tuple[Named, ...] = ()

    @classmethod
    def load(cls, files: Iterable[bytes] | None, issuers: Iterable[x509.Certificate]) -> Lists:
        """In: files in DER or PEM (several lists in one are fine), None where nothing is to be looked up. What cannot
        be read is left out: whom it spoke of is then unknown, never good."""
        if files is None:
            return cls()
        known, plain, others, raw = tuple(issuers), [], [], []
        for der in itertools.chain.from_iterable(map(each_list, files)):
            try:
                plain.append(RevocationList.load(der, known))
            except BadList:
                if not is_usable(der, known):
                    continue
                others.append((_issuer(der), der))
            raw.append((_issuer(der), der))
        return cls(True, _by_issuer(plain), tuple(others), tuple(raw))


def _issuer(der: bytes) -> Folded:
    return folded(x509.load_der_x509_crl(der).issuer)


def key_bytes(certificate: x509.Certificate) -> bytes:
    """The public key as SubjectPublicKeyInfo. An authority is its name and its key, whatever its certificates are: two
    may share a key, and each speaks for its own."""
    return certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def check_plain(path: Path, lists: Lists, at: dt.datetime) -> None:
    """`path`: signer first, anchor last. Each certificate below the anchor must be absent from a fresh plain list of
    its issuer. Raises Refusal: REVOKED, else REVOCATION_UNKNOWN or REVOCATION_STALE.
    """
    pairs = [(lower, _speaking(lists, lower, upper, at)) for lower, upper in itertools.pairwise(path)]
    if any(lower.serial_number in one.serials for lower, found in pairs for one in found):
        raise Refusal(Reason.REVOKED)
    if any(not found for _, found in pairs):
        raise Refusal(Reason.REVOCATION_UNKNOWN)
    if any(not found[0].is_fresh(at) for _, found in pairs):
        raise Refusal(Reason.REVOCATION_STALE)


def freshness(path: Path, lists: Lists, at: dt.datetime) -> list[tuple[dt.datetime, dt.datetime]]:
    """For each certificate below the anchor the span in which the list that speaks of it at `at` is fresh; none where
    none speaks of it, or where a newer one will before long."""
    found = [_speaking(lists, lower, upper, at) for lower, upper in itertools.pairwise(path)]
    newest = [_speaking(lists, lower, upper, LATEST) for lower, upper in itertools.pairwise(path)]
    return [one.fresh_span for now, later in zip(found, newest, strict=True) for one in now if now == later]


def is_listed(der: bytes, lists: Lists, issuers: Iterable[x509.Certificate]) -> bool:
    """Whether the newest plain list of its issuer names this certificate, whose path was found before."""
    try:
        certificate = x509.load_der_x509_certificate(der)
        named = [one for one in issuers if folded(one.subject) == folded(certificate.issuer)]
        return any(
            certificate.serial_number in one.serials
            for up in named
            for one in _speaking(lists, certificate, up, LATEST)
        )
    except UNREADABLE:
        return False


def issuers_named(certificate: x509.Certificate) -> set[Folded]:
    """Who may say that a certificate is revoked (RFC 5280 §6.3.3 (b)(1)): its issuer, and whomever its places name."""
    found = {folded(certificate.issuer)}
    for kind in (ExtensionOID.CRL_DISTRIBUTION_POINTS, ExtensionOID.FRESHEST_CRL):
        for place in _places_of(certificate, kind):
            names = place.crl_issuer or ()
            found |= {folded(name.value) for name in names if isinstance(name, x509.DirectoryName)}
    return found


def _places_of(certificate: x509.Certificate, kind: x509.ObjectIdentifier) -> Iterable[x509.DistributionPoint]:
    try:
        value = certificate.extensions.get_extension_for_oid(kind).value
    except x509.ExtensionNotFound:
        return ()
    return value if isinstance(value, x509.CRLDistributionPoints | x509.FreshestCRL) else ()


def _speaking(lists: Lists, lower: x509.Certificate, upper: x509.Certificate, at: dt.datetime) -> list[RevocationList]:
    """The newest list that speaks of this certificate, alone: what an older one says is over. A list from after `at`
    speaks only where there is no other, and is not fresh then."""
    found = [one for one in lists.plain.get((folded(lower.issuer), key_bytes(upper)), ()) if one.covers(lower)]
    return ([one for one in found if one.this_update - AHEAD <= at] or found)[:1]


def _by_issuer(plain: Iterable[RevocationList]) -> dict[Issuer, tuple[RevocationList, ...]]:
    newest = sorted(plain, key=lambda one: (one.this_update, one.number), reverse=True)
    found: defaultdict[Issuer, list[RevocationList]] = defaultdict(list)
    for one in newest:
        found[one.issuer].append(one)
    return {issuer: tuple(ones) for issuer, ones in found.items()}


def each_list(data: bytes) -> list[bytes]:
    """The lists in one file, DER."""
    if b"-----BEGIN" not in data:
        return [data]
    blocks = (block.decode("ascii", "replace").replace("X509 CRL", "CERTIFICATE") for block in _PEM.findall(data))
    try:
        return [ssl.PEM_cert_to_DER_cert(block) for block in blocks]
    except ValueError:
        return []


def is_usable(der: bytes, known: tuple[x509.Certificate, ...]) -> bool:
    """RFC 5280 §5.2, §5.3: signed by an authority of ours in its own name, and nothing critical in it is unknown."""
    try:
        crl = x509.load_der_x509_crl(der)
        issuer_of(crl, known)
        next_update(crl)
        return not any(map(_is_unknown, crl.extensions)) and not any(
            _is_unknown(extension) for entry in crl for extension in entry.extensions
        )
    except UNREADABLE:  # BadList is one of them
        return False


def _is_unknown(extension: x509.Extension[x509.ExtensionType]) -> bool:
    return extension.critical and isinstance(extension.value, x509.UnrecognizedExtension)


def delta_revokes(path: Path, ders: Sequence[bytes], at: dt.datetime) -> bool:
    """Whether a delta list (§5.2.4) of the right issuer takes a certificate of the path back, whatever names it."""
    return any(_in_delta(lower, upper, ders, at) for lower, upper in itertools.pairwise(path))


def _in_delta(lower: x509.Certificate, upper: x509.Certificate, ders: Sequence[bytes], at: dt.datetime) -> bool:
    for der in ders:
        crl = x509.load_der_x509_crl(der)
        found = crl.get_revoked_certificate_by_serial_number(lower.serial_number)
        if found is None or not _is_delta(crl) or crl.last_update_utc > at + AHEAD or _reason(found) is REMOVED:
            continue
        if folded(crl.issuer) == folded(upper.subject) and _signed_by(crl, upper):
            return True
    return False


REMOVED = x509.ReasonFlags.remove_from_crl


def _is_delta(crl: x509.CertificateRevocationList) -> bool:
    return any(isinstance(extension.value, x509.DeltaCRLIndicator) for extension in crl.extensions)


def _reason(entry: x509.RevokedCertificate) -> x509.ReasonFlags | None:
    try:
        return entry.extensions.get_extension_for_class(x509.CRLReason).value.reason
    except x509.ExtensionNotFound:
        return None


def _check_plain(crl: x509.CertificateRevocationList) -> frozenset[str]:
    """Complete, of the issuer itself, for all reasons and kinds; out: the places that it names. Raises BadList."""
    critical, points = 0, frozenset[str]()
    for extension in crl.extensions:
        critical += extension.critical
        if isinstance(extension.value, x509.IssuingDistributionPoint):
            points = _places(extension.value)
        elif not isinstance(extension.value, HARMLESS) and (
            extension.critical or isinstance(extension.value, x509.DeltaCRLIndicator)
        ):
            raise BadList("this kind of revocation list is not plain")
    body = crl.tbs_certlist_bytes
    if _OF_ANOTHER in body or (body.count(_TRUE) > critical and any(map(_says_more, crl))):
        raise BadList("an entry of the revocation list is not plain")
    return points


def _says_more(entry: x509.RevokedCertificate) -> bool:
    """RFC 5280 §5.3: a critical extension of an entry."""
    return any(extension.critical for extension in entry.extensions)


def _places(point: x509.IssuingDistributionPoint) -> frozenset[str]:
    partial = (
        point.only_contains_user_certs,
        point.only_contains_ca_certs,
        point.only_contains_attribute_certs,
        point.only_some_reasons,
        point.indirect_crl,
        point.relative_name,
    )
    names = [name.value for name in point.full_name or () if isinstance(name, x509.UniformResourceIdentifier)]
    if any(partial) or len(names) != len(point.full_name or ()):
        raise BadList("this kind of revocation list is not plain")
    return frozenset(names)


def _named_points(certificate: x509.Certificate) -> frozenset[str]:
    try:
        points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    except x509.ExtensionNotFound:
        return frozenset()
    whole = [point for point in points if not point.reasons and not point.crl_issuer]
    names = itertools.chain.from_iterable(point.full_name or () for point in whole)
    return frozenset(name.value for name in names if isinstance(name, x509.UniformResourceIdentifier))


def issuer_of(crl: x509.CertificateRevocationList, issuers: Iterable[x509.Certificate]) -> x509.Certificate:
    """RFC 5280 §6.3.3 (f), (g): the authority itself signs."""
    for issuer in issuers:
        if folded(issuer.subject) == folded(crl.issuer) and _may_sign_lists(issuer) and _signed_by(crl, issuer):
            return issuer
    raise BadList("the revocation list is not signed by a known authority")


def _signed_by(crl: x509.CertificateRevocationList, issuer: x509.Certificate) -> bool:
    """By this key, with a hash that does not break: whoever forges a list takes a revocation back."""
    try:
        if isinstance(crl.signature_hash_algorithm, WEAK_HASHES) or not _ends_in_octets(crl):
            return False
        return crl.is_signature_valid(issuer.public_key())  # type: ignore[arg-type]  # other keys: TypeError
    except (InvalidSignature, TypeError, UnsupportedAlgorithm):
        return False


def _ends_in_octets(crl: x509.CertificateRevocationList) -> bool:
    """A signature is whole octets (X.690 §8.6: no bit unused). The library verifies one that says otherwise."""
    return crl.public_bytes(Encoding.DER).endswith(b"\0" + crl.signature)


def _may_sign_lists(issuer: x509.Certificate) -> bool:
    try:
        return issuer.extensions.get_extension_for_class(x509.KeyUsage).value.crl_sign
    except x509.ExtensionNotFound:
        return True


def next_update(crl: x509.CertificateRevocationList) -> dt.datetime:
    """Raises BadList where the list does not say."""
    if crl.next_update_utc is None:  # RFC 5280 §5.1.2.5: must be there
        raise BadList("the revocation list does not say when the next one comes")
    return crl.next_update_utc


def number_of(crl: x509.CertificateRevocationList) -> int:
    """CRLNumber (RFC 5280 §5.2.3); 0 where there is none."""
    try:
        return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    except x509.ExtensionNotFound:
        return 0
