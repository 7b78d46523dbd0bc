"""A certificate with its private key and the certificates above it; how they go to files and come back."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from crypto.reading import UNREADABLE

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


class IdentityBroken(Exception):
    """Key or certificate cannot be read, or they do not belong together. The text holds no key material."""


def new_private_key(kind: str = "p256") -> PrivateKey:
    """`kind`: p256, p384, rsa2048, rsa3072 or ed25519. Raises ValueError."""
    if kind in ("p256", "p384"):
        return ec.generate_private_key(ec.SECP256R1() if kind == "p256" else ec.SECP384R1())
    if kind in ("rsa2048", "rsa3072"):
        return rsa.generate_private_key(public_exponent=65537, key_size=int(kind[3:]))
    if kind == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    raise ValueError("unknown kind of key")


@dataclass(frozen=True, repr=False)
class Identity:
    """`chain`: the certificates above, nearest first, without or with the root."""

    certificate: x509.Certificate
    key: PrivateKey
    chain: tuple[x509.Certificate, ...] = ()

    def __repr__(self) -> str:
        return f"Identity({self.sha256[:12]}…)"

    @property
    def sha256(self) -> str:
        """SHA-256 of the certificate, 64 hexadecimal digits."""
        return hashlib.sha256(self.certificate.public_bytes(Encoding.DER)).hexdigest()

    @property
    def certificate_pem(self) -> bytes:
        """The certificate, then its chain."""
        return b"".join(c.public_bytes(Encoding.PEM) for c in (self.certificate, *self.chain))

    @property
    def key_pem(self) -> bytes:
        """The private key, PKCS #8, in clear: only for a file of mode 0600 or a sealed column."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def save(self, directory: Path | str, stem: str) -> tuple[Path, Path]:
        """Writes `stem`.pem (certificate and chain) and `stem`.key (mode 0600). Out: both paths."""
        certificate, key = Path(directory) / f"{stem}.pem", Path(directory) / f"{stem}.key"
        write_private(key, self.key_pem)
        certificate.write_bytes(self.certificate_pem)
        return certificate, key

    @classmethod
    def load(cls, certificate: Path | str, key: Path | str) -> Identity:
        """Reads what `save` wrote. Raises IdentityBroken, OSError."""
        return cls.from_pem(Path(certificate).read_bytes(), Path(key).read_bytes())

    @classmethod
    def from_pem(cls, certificate_pem: bytes, key_pem: bytes) -> Identity:
        """Raises IdentityBroken where the key is not the certificate's."""
        try:
            leaf, *chain = x509.load_pem_x509_certificates(certificate_pem)
            key = load_pem_private_key(key_pem, password=None)
        except UNREADABLE:
            raise IdentityBroken("certificate or key cannot be read") from None
        if not isinstance(key, PrivateKey) or key.public_key() != leaf.public_key():
            raise IdentityBroken("this key does not belong to this certificate")
        return cls(leaf, key, tuple(chain))


def write_private(path: Path, data: bytes) -> None:
    """A file that nobody else reads, not even for the instant before a chmod."""
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
