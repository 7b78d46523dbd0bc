"""A small world of certificates for tests: two roots, an authority below, people who sign, and the openssl command.

Everybody here is invented. Time stands still at NOW.
"""

from __future__ import annotations

import datetime as dt
import functools
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from crypto.authority import Authority
from crypto.identity import Identity, PrivateKey, new_private_key
from crypto.sign import sign_message
from crypto.trust import Trust
from crypto.verdict import Reason, Verdict
from crypto.verify import verify_message

NOW = dt.datetime(2026, 3, 2, 12, 0, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
SIGNER = "dr.aubin@cabinet.example"
OTHER = "m.leroux@pharmacie.example"
HEADERS = (
    b"From: =?utf-8?q?Dr_Aubin?= <dr.aubin@cabinet.example>\r\n"
    b"To: m.leroux@pharmacie.example\r\n"
    b"Subject: Essai\r\n"
    b"Date: Mon, 2 Mar 2026 12:00:00 +0000\r\n"
    b"Message-ID: <1@cabinet.example>\r\n"
)
PART = (
    b'Content-Type: multipart/mixed; boundary="inner"\r\n\r\n'
    b"--inner\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    b"Bonjour,=20\r\nune ligne.\r\n--inner\r\nContent-Type: application/octet-stream\r\n"
    b"Content-Transfer-Encoding: base64\r\n\r\nAAECAwQF\r\n--inner--\r\n"
)


@dataclass(frozen=True)
class Pki:
    """`mail_ca` stands below `root` and issues to people; `stranger` is a root that nobody trusts."""

    root: Authority
    mail_ca: Authority
    stranger: Authority

    @property
    def trust(self) -> Trust:
        return Trust.load(self.root.certificate_pem, self.mail_ca.certificate_pem)

    def trust_with(self, *crls: bytes) -> Trust:
        return Trust.load(self.root.certificate_pem, self.mail_ca.certificate_pem, crls)

    def crls(self, at: dt.datetime = NOW, days: float = 7) -> tuple[bytes, bytes]:
        """Fresh lists of both authorities: root first."""
        return self.root.crl(now=at, days=days), self.mail_ca.crl(now=at, days=days)


@functools.cache
def pki() -> Pki:
    """The world, made once per test run."""
    root = Authority.create("Racine d'essai", now=NOW - 30 * DAY)
    mail_ca = root.issue_authority("Messagerie d'essai", now=NOW - 30 * DAY)
    return Pki(root, mail_ca, Authority.create("Racine inconnue", now=NOW - 30 * DAY))


@functools.cache
def key_of(kind: str) -> PrivateKey:
    """One key of each kind is enough for tests."""
    if kind == "rsa1024":
        return rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - weak on purpose
    return new_private_key(kind)


@functools.cache
def person(email: str = SIGNER, kind: str = "p256") -> Identity:
    """Somebody to whom `mail_ca` gave a certificate for this address."""
    return pki().mail_ca.issue_smime(email, "Aubin Camille", now=NOW - DAY, key_kind=kind)


def custom(
    key: PrivateKey,
    *,
    issuer: Identity | None = None,
    email: str | None = SIGNER,
    emails: tuple[str, ...] = (),
    start: dt.datetime = NOW - DAY,
    end: dt.datetime = NOW + 365 * DAY,
    ca: bool = False,
    usages: tuple[str, ...] = ("digital_signature",),
    purposes: tuple[x509.ObjectIdentifier, ...] = (ExtendedKeyUsageOID.EMAIL_PROTECTION,),
    name: str = "Aubin Camille",
    more: tuple[x509.UnrecognizedExtension, ...] = (),
) -> Identity:
    """A leaf with one thing different from what the authority would have issued."""
    above = issuer or pki().mail_ca.identity
    names = [x509.RFC822Name(each) for each in (*((email,) if email else ()), *emails)]
    builder = x509.CertificateBuilder(
        above.certificate.subject,
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]),
        key.public_key(),
        x509.random_serial_number(),
        start,
        end,
    ).add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    builder = builder.add_extension(_usage(usages), critical=True)
    builder = builder.add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(above.key.public_key()), critical=False
    )
    if purposes:
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    for extension in more:
        builder = builder.add_extension(extension, critical=False)
    return Identity(builder.sign(above.key, SHA256()), key, (above.certificate, *above.chain))


def _usage(wanted: tuple[str, ...]) -> x509.KeyUsage:
    from crypto.authority import USAGES

    return x509.KeyUsage(**{usage: usage in wanted for usage in USAGES})


def signed(who: Identity | None = None, headers: bytes = HEADERS, part: bytes = PART) -> bytes:
    """A genuine signed message, by our own signer."""
    identity = who or person()
    return sign_message(headers, part, identity.key, identity.certificate, identity.chain)


def verdict_of(raw: bytes, **changes: object) -> Verdict:
    """Our answer, with the world's trust, its time and the right envelope sender unless told otherwise."""
    given = {"trust": pki().trust, "at": NOW, "envelope_sender": SIGNER, **changes}
    return verify_message(raw, **given)


def reason_of(raw: bytes, **changes: object) -> Reason:
    return verdict_of(raw, **changes).reason


def der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def openssl_sign(who: Identity, *options: str, headers: bytes = HEADERS, part: bytes = PART) -> bytes:
    """A message signed by `openssl cms`, CRLF lines, our headers in front."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        certificate, key = who.save(folder, "who")
        (folder / "chain.pem").write_bytes(b"".join(c.public_bytes(Encoding.PEM) for c in who.chain))
        (folder / "part").write_bytes(part)
        command = ["openssl", "cms", "-sign", "-binary", "-signer", certificate, "-inkey", key, "-in", folder / "part"]
        extra = ["-certfile", folder / "chain.pem"] if "-nocerts" not in options and who.chain else []
        out = run_openssl([*map(str, command), *map(str, extra), *options])
        assert out.returncode == 0, out.stderr
        return headers + _crlf(out.stdout)


def _crlf(data: bytes) -> bytes:
    return data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def openssl_accepts(mail: bytes, email: str | None = None, at: dt.datetime = NOW) -> bool:
    """The second opinion: `openssl cms -verify` with its strict flags."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "ca.pem").write_bytes(pki().root.certificate_pem)
        (folder / "mid.pem").write_bytes(pki().mail_ca.certificate_pem)
        (folder / "mail").write_bytes(mail)
        command = ["openssl", "cms", "-verify", "-x509_strict", "-purpose", "smimesign", "-in", folder / "mail"]
        command += ["-CAfile", folder / "ca.pem", "-certfile", folder / "mid.pem"]
        command += ["-attime", str(int(at.timestamp())), "-out", folder / "out"]
        command += ["-verify_email", email] if email else []
        return run_openssl(list(map(str, command))).returncode == 0


def openssl_trusts(who: Identity, purpose: str = "smimesign") -> subprocess.CompletedProcess[bytes]:
    """`openssl verify` with the strict checks of RFC 5280."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        who.save(folder, "who")
        (folder / "ca.pem").write_bytes(pki().root.certificate_pem)
        (folder / "mid.pem").write_bytes(pki().mail_ca.certificate_pem)
        command = ["openssl", "verify", "-purpose", purpose, "-x509_strict", "-CAfile", folder / "ca.pem"]
        command += ["-untrusted", folder / "mid.pem", "-attime", str(int(NOW.timestamp())), folder / "who.pem"]
        return run_openssl(list(map(str, command)))


def run_openssl(command: list[str]) -> subprocess.CompletedProcess[bytes]:
    """An openssl command; nobody answers its questions."""
    return subprocess.run(command, capture_output=True, timeout=60, check=False)
