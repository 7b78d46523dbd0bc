"""TLS contexts, server and client, and who the peer is. No network here: sockets belong to others.

Suites after ANSSI's TLS guide: ECDHE with AES-GCM or ChaCha20, TLS 1.2 as the floor. No tickets: a session resumed
after a revocation would let the revoked client back in.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from crypto.reading import UNREADABLE

SUITES_12 = ":".join(
    (
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-RSA-AES256-GCM-SHA384",
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-CHACHA20-POLY1305",
        "ECDHE-RSA-CHACHA20-POLY1305",
    )
)
STRICT = (
    ssl.OP_NO_TICKET | ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_SINGLE_ECDH_USE | ssl.OP_SINGLE_DH_USE
)


@dataclass(frozen=True, repr=False)
class Peer:
    """Who is at the other end, as its certificate (already checked by the handshake) says.

    `dn`: pairs (dotted OID, value), order not kept: names are compared attribute by attribute. `sha256`: hexadecimal.
    """

    dn: frozenset[tuple[str, str]]
    dns_names: tuple[str, ...]
    emails: tuple[str, ...]
    sha256: str

    def __repr__(self) -> str:
        return f"Peer({self.sha256[:12]}…)"


def server_context(
    cert: Path | str,
    key: Path | str,
    client_ca: Path | str | None = None,
    require_client: bool = False,
    crl: Path | str | None = None,
) -> ssl.SSLContext:
    """A server's context. With `client_ca` (PEM file) clients may show a certificate; `require_client`: they must.

    `crl`: PEM file with a list for every authority in `client_ca`; an authority without a fresh list is then refused.
    Where client certificates count, make a context for each connection (about 2 ms): it reads the newest list, and its
    empty session cache leaves a TLS 1.2 client nothing to resume (see `peer_identity`).
    Raises ssl.SSLError, OSError, ValueError.
    """
    if require_client and client_ca is None:
        raise ValueError("client certificates cannot be required without an authority to check them")
    context = _strict(ssl.PROTOCOL_TLS_SERVER)
    context.num_tickets = 0
    context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    context.load_cert_chain(cert, key)
    if client_ca is not None:
        context.load_verify_locations(cafile=client_ca)
        context.verify_mode = ssl.CERT_REQUIRED if require_client else ssl.CERT_OPTIONAL
    _check_revocation(context, crl)
    return context


def client_context(
    ca: Path | str,
    cert: Path | str | None = None,
    key: Path | str | None = None,
    crl: Path | str | None = None,
) -> ssl.SSLContext:
    """A client's context: only the authorities of the PEM file `ca`, the server's name checked, own certificate shown.

    Raises ssl.SSLError, OSError.
    """
    context = _strict(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cafile=ca)
    if cert is not None:
        context.load_cert_chain(cert, key)
    _check_revocation(context, crl)
    return context


def peer_identity(connection: ssl.SSLObject | ssl.SSLSocket | None) -> Peer | None:
    """The peer's certificate as a Peer, or None where there is none or it cannot be read.

    None too on a resumed session: Python offers no switch for OpenSSL's session cache, so TLS 1.2 clients can resume
    without a ticket; nobody looked at the revocation list then, and such a peer is as good as unnamed.
    """
    if connection is None or connection.session_reused:
        return None
    der = connection.getpeercert(binary_form=True)
    if not der:
        return None
    try:
        return _peer(x509.load_der_x509_certificate(der))
    except UNREADABLE:
        return None


def fingerprint(pem: bytes) -> str:
    """SHA-256, in hexadecimal, of the first certificate of a PEM file; what stands behind it is its chain.

    Raises ValueError when none can be read.
    """
    try:
        return x509.load_pem_x509_certificates(pem)[0].fingerprint(SHA256()).hex()
    except UNREADABLE as error:
        raise ValueError("no certificate in PEM") from error


def _peer(certificate: x509.Certificate) -> Peer:
    names = _alternative_names(certificate)
    return Peer(
        dn=frozenset((part.oid.dotted_string, str(part.value)) for part in certificate.subject),
        dns_names=tuple(name.lower() for name in names.get_values_for_type(x509.DNSName)) if names else (),
        emails=tuple(names.get_values_for_type(x509.RFC822Name)) if names else (),
        sha256=certificate.fingerprint(SHA256()).hex(),
    )


def _alternative_names(certificate: x509.Certificate) -> x509.SubjectAlternativeName | None:
    try:
        return certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return None


def _strict(protocol: ssl._SSLMethod) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(SUITES_12)
    context.options |= STRICT
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context


def _check_revocation(context: ssl.SSLContext, crl: Path | str | None) -> None:
    """A list that is loaded without the flag is silently ignored: always both."""
    if crl is not None:
        context.load_verify_locations(cafile=crl)
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
