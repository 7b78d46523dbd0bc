"""Paths with a fault that a chain's maker cannot write: altered octets, crossed authorities, many namesakes."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable

from asn1crypto import core
from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID

from crypto.identity import Identity
from tests.support.path_maker import altered, authority, chain, excluded, leaf, permitted, raw, usage
from tests.support.pki import DAY, NOW, SIGNER, der, signed
from tests.support.smime_makers import Given

Extension = tuple[x509.ExtensionType, bool]
MAIL, DIRECTORY, DNS = x509.RFC822Name, x509.DirectoryName, x509.DNSName
IP, URI = x509.IPAddress, x509.UniformResourceIdentifier
NOBODY = x509.Name([])
SECOND, FOREVER = dt.timedelta(seconds=1), dt.datetime(9999, 12, 31, 23, 59, 59, tzinfo=dt.UTC)
CABINET = MAIL("cabinet.example")


def root(*more: Extension, **fields: object) -> Identity:
    return authority(None, "R", *more, **fields)  # type: ignore[arg-type]


def ica(above: Identity, *more: Extension, name: str = "I", **fields: object) -> Identity:
    return authority(above, name, *more, **fields)  # type: ignore[arg-type]


def below(
    top: tuple[Extension, ...] = (), mid: tuple[Extension, ...] = (), end: tuple[Extension, ...] = (), **fields: object
) -> Callable[[], Given]:  # fmt: skip
    """Root, authority, signer, each with what it says otherwise than usual; `fields` are the signer's."""
    return lambda: chain(leaf(ica(root(*top), *mid), *end, **fields))  # type: ignore[arg-type]


def san(*names: x509.GeneralName, critical: bool = False) -> Extension:
    return x509.SubjectAlternativeName(list(names)), critical


def range_of(text: str) -> x509.RFC822Name:
    """A domain, or what is no mailbox at all."""
    return x509.RFC822Name._init_without_validation(text)


def both(inside: x509.GeneralName | None, outside: x509.GeneralName | None) -> Extension:
    """Name constraints, permitted and excluded, without what the library checks when it makes them."""
    value, _ = permitted(CABINET)
    assert isinstance(value, x509.NameConstraints)
    value._permitted_subtrees = [inside] if inside else None
    value._excluded_subtrees = [outside] if outside else None
    return value, True


def purpose(oid: x509.ObjectIdentifier, *, critical: bool = False) -> Extension:
    return x509.ExtendedKeyUsage([oid]), critical


def fetched_at(*, critical: bool) -> Extension:
    place = x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, URI("http://ca.example/"))
    return x509.AuthorityInformationAccess([place]), critical


def key_named() -> Extension:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(ica(root()).key.public_key()), True


def faulty(change: Callable[[asn1.Certificate], None]) -> Callable[[], Given]:
    """The signer's certificate, altered and signed again by its authority."""

    def make() -> Given:
        above = ica(root())
        return chain(altered(leaf(above), above, change))

    return make


def algorithms_differ(one: asn1.Certificate) -> None:
    one["tbs_certificate"]["signature"]["algorithm"] = "sha512_ecdsa"


def first_version(one: asn1.Certificate) -> None:
    one["tbs_certificate"]["version"] = "v1"


def zero_serial(one: asn1.Certificate) -> None:
    one["tbs_certificate"]["serial_number"] = 0


def inverted(one: asn1.Certificate) -> None:
    one["tbs_certificate"]["validity"]["not_before"] = asn1.Time({"utc_time": NOW + DAY})
    one["tbs_certificate"]["validity"]["not_after"] = asn1.Time({"utc_time": NOW - DAY})


def twice_san(one: asn1.Certificate) -> None:
    one["tbs_certificate"]["extensions"].append(_extension(one, "subject_alt_name"))


def no_san(one: asn1.Certificate) -> None:
    _extension(one, "subject_alt_name")["extn_value"] = asn1.GeneralNames([])


def no_purpose(one: asn1.Certificate) -> None:
    _extension(one, "extended_key_usage")["extn_value"] = core.ParsableOctetString(b"\x30\0")


def _extension(one: asn1.Certificate, kind: str) -> asn1.Extension:
    return next(each for each in one["tbs_certificate"]["extensions"] if each["extn_id"].native == kind)


def policy_twice(policy: str) -> Extension:
    value = asn1.CertificatePolicies([{"policy_identifier": policy}] * 2)
    return raw("2.5.29.32", value.dump())


def old_root(*, silent: bool) -> Callable[[], Given]:
    """A root of version 1; `silent`: without extensions, as it must be."""

    def change(one: asn1.Certificate) -> None:
        first_version(one)
        if silent:
            one["tbs_certificate"]["extensions"] = None

    return lambda: chain(leaf(ica(altered(root(), root(), change))))


def renewed(times: int, length: int) -> Callable[[], Given]:
    """An authority that may have `length` below it, and certified new keys of its own so many times."""

    def make() -> Given:
        above = ica(root(), length=length)
        for number in range(times):
            above = authority(above, "I", label=f"key {number}", length=length)
        return chain(leaf(above))

    return make


def deep(levels: int) -> Callable[[], Given]:
    def make() -> Given:
        above = root()
        for number in range(levels):
            above = ica(above, name=f"D{number}")
        return chain(leaf(above))

    return make


def crossed(*, free: bool) -> Callable[[], Given]:
    """One key certified by two roots; the first forbids the signer's name."""

    def make() -> Given:
        one, other = root(), authority(None, "R2")
        bound, unbound = ica(one, excluded(CABINET)), ica(other)
        middle = _pem(bound, *((unbound,) if free else ()))
        return Given(signed(_alone(leaf(unbound))), _pem(one, other), middle)

    return make


def dead_end() -> Given:
    """The same key, certified by a trusted root and by another, which comes first."""
    lost, found = ica(authority(None, "Dead")), ica(root())
    return Given(signed(_alone(leaf(found))), _pem(root()), _pem(lost, found))


def loop() -> Given:
    """Two authorities that certify each other, and no root."""
    one = ica(root(), name="A")
    other = ica(one, name="B")
    again = authority(other, "A", label="CN=A")
    return Given(signed(_alone(leaf(again))), _pem(authority(None, "Z")), _pem(again, other))


def web(size: int, *, rooted: bool, **fields: object) -> Callable[[], Given]:
    """Authorities that all certify one another; the last one may stand below the root, the first one signed."""

    def make() -> Given:
        own = [ica(root(), name=f"W{number}") for number in range(size)]
        threads = [authority(one, f"W{number}") for one in own for number in range(size) if one is not own[number]]
        who = leaf(own[0], **fields)  # type: ignore[arg-type]
        return Given(signed(_alone(who)), _pem(root()), _pem(*threads, *(own[-1:] if rooted else ())))

    return make


def namesakes() -> Given:
    """Forty authorities of one name; one of them signed."""
    above = ica(root())
    others = [authority(root(), "I", label=f"namesake {number}") for number in range(39)]
    return Given(signed(_alone(leaf(above))), _pem(root()), _pem(*others, above))


def self_signed_anchor() -> Given:
    own = authority(
        None, "A", (x509.BasicConstraints(False, None), True), (usage("digital_signature"), True), san(MAIL(SIGNER))
    )
    return Given(signed(own), _pem(own))


def sha1_authority() -> Given:
    """An intermediate whose own certificate is signed with SHA-1."""
    above, plain = root(), ica(root())
    weak = asn1.Certificate.load(der(plain.certificate)).copy()
    for algorithm in (weak["tbs_certificate"]["signature"], weak["signature_algorithm"]):
        algorithm["algorithm"] = "sha1_ecdsa"
    assert isinstance(above.key, ec.EllipticCurvePrivateKey)
    weak["signature_value"] = above.key.sign(weak["tbs_certificate"].dump(force=True), ec.ECDSA(SHA1()))  # noqa: S303
    certificate = x509.load_der_x509_certificate(weak.dump(force=True))
    return chain(leaf(Identity(certificate, plain.key, plain.chain)))


def rsa_of_exponent(exponent: int) -> Given:
    """A signer whose RSA key has this public exponent."""
    above, numbers = ica(root()), None
    while numbers is None or math.gcd(exponent, (numbers.p - 1) * (numbers.q - 1)) != 1:
        numbers = rsa.generate_private_key(65537, 2048).private_numbers()
    inverse = pow(exponent, -1, (numbers.p - 1) * (numbers.q - 1))
    key = rsa.RSAPrivateNumbers(
        numbers.p, numbers.q, inverse, inverse % (numbers.p - 1), inverse % (numbers.q - 1),
        pow(numbers.q, -1, numbers.p), rsa.RSAPublicNumbers(exponent, numbers.p * numbers.q),
    ).private_key()  # fmt: skip
    plain = leaf(above).certificate
    builder = x509.CertificateBuilder(
        plain.issuer, plain.subject, key.public_key(), 78, plain.not_valid_before_utc, plain.not_valid_after_utc
    )
    for one in plain.extensions:
        builder = builder.add_extension(one.value, one.critical)
    return chain(Identity(builder.sign(above.key, SHA256()), key, (above.certificate, *above.chain)))  # type: ignore[arg-type]


def _alone(who: Identity) -> Identity:
    return Identity(who.certificate, who.key)


def _pem(*ones: Identity) -> bytes:
    return b"".join(one.certificate.public_bytes(Encoding.PEM) for one in ones)
