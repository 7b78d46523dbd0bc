"""A small certificate authority, for the demo and for operators without one. Profile: RFC 5280, RFC 8550 (e-mail).

What the demo issues says so in every subject: "DÉMO – SANS VALEUR".
"""

from __future__ import annotations

import datetime as dt
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from crypto.identity import Identity, PrivateKey, new_private_key

PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey
DEMO_MARK = "DÉMO – SANS VALEUR"
DAY = dt.timedelta(days=1)
BACKDATE = dt.timedelta(minutes=10)  # clocks of peers differ a little
USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


@dataclass
class Authority:
    """A root, or an authority below one. `now` is always given: this room has no clock."""

    identity: Identity
    demo: bool = True
    revoked: dict[int, dt.datetime] = field(default_factory=dict)

    @classmethod
    def create(
        cls, name: str, *, now: dt.datetime, demo: bool = True, days: int = 3650, key_kind: str = "p256"
    ) -> Authority:
        """A self-signed root of this name."""
        key = new_private_key(key_kind)
        subject = _name(name, demo)
        builder = _builder(subject, subject, key.public_key(), now, days)
        certificate = _sign(_as_authority(builder, key, key, path_length=1), key)
        return cls(Identity(certificate, key), demo)

    @classmethod
    def load(cls, certificate: Path | str, key: Path | str, *, demo: bool = True) -> Authority:
        """Reads what `save` wrote. Raises IdentityBroken, OSError."""
        return cls(Identity.load(certificate, key), demo)

    def save(self, directory: Path | str, stem: str = "ca") -> tuple[Path, Path]:
        """Writes `stem`.pem and `stem`.key (mode 0600). Out: both paths."""
        return self.identity.save(directory, stem)

    @property
    def certificate(self) -> x509.Certificate:
        return self.identity.certificate

    @property
    def certificate_pem(self) -> bytes:
        """This authority's certificate alone, PEM."""
        return self.certificate.public_bytes(Encoding.PEM)

    def issue_authority(self, name: str, *, now: dt.datetime, days: int = 1825, key_kind: str = "p256") -> Authority:
        """An authority below this one, that issues leaves only."""
        key = new_private_key(key_kind)
        builder = _builder(_name(name, self.demo), self.certificate.subject, key.public_key(), now, days)
        certificate = _sign(_as_authority(builder, key, self.identity.key, path_length=0), self.identity.key)
        return Authority(Identity(certificate, key, self._above()), self.demo)

    def issue_server(
        self, names: Iterable[str], *, now: dt.datetime, days: int = 397, key_kind: str = "p256"
    ) -> Identity:
        """A TLS server certificate for DNS names or IP addresses; the first one is its common name."""
        listed = list(names)
        return self._issue(
            _name(listed[0], self.demo),
            [_host(name) for name in listed],
            [ExtendedKeyUsageOID.SERVER_AUTH],
            now=now,
            days=days,
            key=new_private_key(key_kind),
        )

    def issue_client(
        self,
        common_name: str,
        *,
        now: dt.datetime,
        organization: str | None = None,
        dns: Iterable[str] = (),
        emails: Iterable[str] = (),
        days: int = 397,
        key_kind: str = "p256",
    ) -> Identity:
        """A TLS client certificate: another operator's gateway (also a server to others), or a software."""
        alternative = [*map(_host, dns), *map(x509.RFC822Name, emails)]
        return self._issue(
            _name(common_name, self.demo, organization),
            alternative or [x509.DNSName(_dns_safe(common_name))],
            [ExtendedKeyUsageOID.CLIENT_AUTH],
            now=now,
            days=days,
            key=new_private_key(key_kind),
        )

    def issue_smime(
        self, email: str, name: str, *, now: dt.datetime, days: int = 1095, key_kind: str = "p256"
    ) -> Identity:
        """A certificate that signs e-mail from this address, and to which mail is encrypted (RFC 8550 §4.4)."""
        key = new_private_key(key_kind)
        return self._issue(
            _name(name, self.demo),
            [x509.RFC822Name(email)],
            [ExtendedKeyUsageOID.EMAIL_PROTECTION],
            now=now,
            days=days,
            key=key,
            usages=("digital_signature", "content_commitment", *_to_encrypt(key)),
        )

    def has_issued(self, certificate: x509.Certificate) -> bool:
        """Whether this authority signed it: by name and by signature."""
        try:
            certificate.verify_directly_issued_by(self.certificate)
        except (ValueError, TypeError, InvalidSignature):
            return False
        return True

    def renew_smime(self, old: Identity, *, now: dt.datetime, days: int = 1095) -> Identity:
        """The same subject and addresses with a new key. Raises ValueError for a certificate of somebody else."""
        if not self.has_issued(old.certificate):
            raise ValueError("issued by another authority")
        names = old.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        key = new_private_key("p256")
        return self._issue(
            old.certificate.subject,
            list(names),
            [ExtendedKeyUsageOID.EMAIL_PROTECTION],
            now=now,
            days=days,
            key=key,
            usages=("digital_signature", "content_commitment", *_to_encrypt(key)),
        )

    def certify_smime(
        self, public_key: ec.EllipticCurvePublicKey, email: str, name: str, *, now: dt.datetime, days: int = 397
    ) -> x509.Certificate:
        """The same for a key that never leaves its owner, such as a browser's: only its public half is known."""
        return self._certificate(
            _name(name, self.demo),
            [x509.RFC822Name(email)],
            [ExtendedKeyUsageOID.EMAIL_PROTECTION],
            now=now,
            days=days,
            key=public_key,
            usages=("digital_signature", "content_commitment"),
        )

    def revoke(self, certificate: x509.Certificate, *, now: dt.datetime) -> None:
        """From the next `crl` on, this certificate is listed as revoked."""
        self.revoked[certificate.serial_number] = now

    def crl(self, *, now: dt.datetime, days: float = 7, number: int | None = None) -> bytes:
        """The signed revocation list, DER (RFC 5280 §5). `number` grows with time unless given."""
        return self._revocations(now, days, number).public_bytes(Encoding.DER)

    def crl_pem(self, *, now: dt.datetime, days: float = 7, number: int | None = None) -> bytes:
        """The same in PEM, the form in which TLS loads it."""
        return self._revocations(now, days, number).public_bytes(Encoding.PEM)

    def _revocations(self, now: dt.datetime, days: float, number: int | None) -> x509.CertificateRevocationList:
        entries = [x509.RevokedCertificateBuilder(serial, when).build() for serial, when in self.revoked.items()]
        builder = x509.CertificateRevocationListBuilder(  # entries at once: adding one copies all before it
            self.certificate.subject, now, now + days * DAY, revoked_certificates=entries
        )
        builder = builder.add_extension(x509.CRLNumber(number or int(now.timestamp())), critical=False)
        builder = builder.add_extension(_key_above(self.identity.key), critical=False)
        return builder.sign(self.identity.key, _hash(self.identity.key))

    def _above(self) -> tuple[x509.Certificate, ...]:
        return (self.certificate, *self.identity.chain)

    def _issue(
        self,
        subject: x509.Name,
        names: list[x509.GeneralName],
        purposes: list[x509.ObjectIdentifier],
        *,
        now: dt.datetime,
        days: int,
        key: PrivateKey,
        usages: tuple[str, ...] = ("digital_signature",),
    ) -> Identity:
        public = key.public_key()
        certificate = self._certificate(subject, names, purposes, now=now, days=days, key=public, usages=usages)
        return Identity(certificate, key, self._above())

    def _certificate(
        self,
        subject: x509.Name,
        names: list[x509.GeneralName],
        purposes: list[x509.ObjectIdentifier],
        *,
        now: dt.datetime,
        days: int,
        key: PublicKey,
        usages: tuple[str, ...],
    ) -> x509.Certificate:
        builder = _builder(subject, self.certificate.subject, key, now, days)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(_usage(*usages), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return _sign(_with_key_names(builder, key, self.identity.key), self.identity.key)


def _to_encrypt(key: PrivateKey) -> tuple[str, ...]:
    """RFC 8550 §4.4.2: RSA keys wrap other keys, curves agree on one; Ed25519 only signs."""
    if isinstance(key, rsa.RSAPrivateKey):
        return ("key_encipherment",)
    return ("key_agreement",) if isinstance(key, ec.EllipticCurvePrivateKey) else ()


def _name(common_name: str, demo: bool, organization: str | None = None) -> x509.Name:
    """Subject: C, O, OU, CN. The demo's mark stands in O, or in OU where the organisation matters."""
    parts = [(NameOID.COUNTRY_NAME, "FR"), (NameOID.ORGANIZATION_NAME, organization or (DEMO_MARK if demo else "Pli"))]
    if demo:
        parts.append((NameOID.ORGANIZATIONAL_UNIT_NAME, DEMO_MARK))
    parts.append((NameOID.COMMON_NAME, common_name[:64]))  # RFC 5280 appendix A: ub-common-name
    return x509.Name([x509.NameAttribute(oid, text) for oid, text in parts])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: PublicKey, now: dt.datetime, days: int
) -> x509.CertificateBuilder:
    return x509.CertificateBuilder(issuer, subject, key, x509.random_serial_number(), now - BACKDATE, now + days * DAY)


def _as_authority(
    builder: x509.CertificateBuilder, key: PrivateKey, above: PrivateKey, *, path_length: int
) -> x509.CertificateBuilder:
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
    builder = builder.add_extension(_usage("key_cert_sign", "crl_sign"), critical=True)
    return _with_key_names(builder, key.public_key(), above)


def _with_key_names(builder: x509.CertificateBuilder, key: PublicKey, above: PrivateKey) -> x509.CertificateBuilder:
    """RFC 5280 §4.2.1.1 and §4.2.1.2: how a path builder finds the right issuer."""
    own = x509.SubjectKeyIdentifier.from_public_key(key)
    return builder.add_extension(own, critical=False).add_extension(_key_above(above), critical=False)


def _key_above(key: PrivateKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())


def _usage(*wanted: str) -> x509.KeyUsage:
    return x509.KeyUsage(**{usage: usage in wanted for usage in USAGES})


def _hash(key: PrivateKey) -> SHA256 | SHA384 | None:
    """Ed25519 hashes by itself; a 384-bit curve deserves a 384-bit hash."""
    curve = getattr(key, "curve", None)
    if curve is None and not hasattr(key, "key_size"):
        return None
    return SHA384() if curve is not None and curve.key_size == 384 else SHA256()


def _sign(builder: x509.CertificateBuilder, key: PrivateKey) -> x509.Certificate:
    return builder.sign(key, _hash(key))


def _host(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _dns_safe(text: str) -> str:
    return "".join(c if c.isascii() and c.isalnum() else "-" for c in text.lower()) or "client"
