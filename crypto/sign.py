"""S/MIME signing: multipart/signed (RFC 8551 §3.5.3) around a MIME entity, with a detached CMS signature."""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Iterable

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import PKCS7Options, PKCS7SignatureBuilder

from crypto.identity import PrivateKey
from crypto.rawmime import has_plain_lines
from crypto.sign_edwards import sign_edwards

Digest = SHA256 | SHA384 | SHA512
RSA_BITS = 2048

LINE_OCTETS = 998  # RFC 5321 §4.5.3.1.6, without CRLF
BASE64_COLUMNS = 76  # RFC 2045 §6.8
_HEADER = re.compile(rb"([\x21-\x39\x3b-\x7e]+):")  # RFC 5322 §2.2: name
_FOLD = re.compile(rb"\r\n(?=[ \t]+[^ \t\r\n])")  # RFC 5322 §2.2.3: a folded line goes on
_OURS = re.compile(rb"(content-|mime-version)", re.IGNORECASE)


class BadPart(ValueError):
    """Header block or MIME entity cannot be signed as it is. The text names the rule, never the content."""


class BadKey(ValueError):
    """This kind of key does not sign mail here."""


def sign_message(
    headers: bytes,
    body_part: bytes,
    key: PrivateKey,
    certificate: x509.Certificate,
    chain: Iterable[x509.Certificate] = (),
) -> bytes:
    """A whole signed message, CRLF lines, ready for SMTP.

    `headers`: the outer RFC 5322 header block, without MIME headers. `body_part`: one complete MIME entity (its own
    header lines, blank line, body), 7-bit, lines of at most 998 octets; bare LF becomes CRLF. Raises BadPart, BadKey.
    """
    micalg = b"sha-512" if isinstance(key, ed25519.Ed25519PrivateKey) else b"sha-256"
    return assemble(headers, body_part, sign_detached(_canonical(body_part), key, certificate, chain), micalg)


def assemble(headers: bytes, body_part: bytes, signature: bytes, micalg: bytes = b"sha-256") -> bytes:
    """The signed message around a signature that was made elsewhere, over exactly `body_part` with CRLF line ends.

    What the signature is worth is not looked at. `micalg`: its hash by the names of RFC 8551 §3.5.3.2. Raises BadPart.
    """
    outer, part = _header_block(headers), _canonical(body_part)
    boundary = _boundary(part)
    return b"".join((outer, _content_type(boundary, micalg), _parts(part, signature, boundary)))


def sign_detached(
    content: bytes,
    key: PrivateKey,
    certificate: x509.Certificate,
    chain: Iterable[x509.Certificate] = (),
    *,
    digest: Digest = SHA256(),  # noqa: B008  a value without state
    pss: bool = False,
) -> bytes:
    """CMS SignedData in DER over exactly these bytes, detached, with signed attributes (RFC 5652 §5.3, §11).

    Certificates of the chain go along, save self-signed ones: who trusts a root has it. `pss`: RSA keys sign by
    RSASSA-PSS (RFC 4056), not PKCS #1 v1.5. Ed25519 has its own hash, SHA-512 (RFC 8419). Raises BadKey.
    """
    above = [each for each in chain if each.issuer != each.subject]
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return sign_edwards(content, key, certificate, above)
    _check_key(key)
    padding = PSS(MGF1(digest), PSS.DIGEST_LENGTH) if pss and isinstance(key, rsa.RSAPrivateKey) else None
    builder = PKCS7SignatureBuilder().set_data(content).add_signer(certificate, key, digest, rsa_padding=padding)
    for each in above:
        builder = builder.add_certificate(each)
    return builder.sign(Encoding.DER, [PKCS7Options.Binary, PKCS7Options.DetachedSignature])


def _check_key(key: PrivateKey) -> None:
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise BadKey("mail is signed with RSA, elliptic curve or Ed25519 keys")
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size < RSA_BITS:
        raise BadKey("the RSA key is shorter than 2048 bits")


def _canonical(part: bytes) -> bytes:
    """RFC 8551 §3.1.1: CRLF line ends, and nothing that a relay would have to re-encode."""
    if part.count(b"\r") != part.count(b"\r\n"):
        raise BadPart("the part contains a bare CR")
    crlf = part.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    _check_lines(crlf)
    if b"\r\n\r\n" not in crlf and not crlf.startswith(b"\r\n"):
        raise BadPart("the part is not a MIME entity: no blank line after its header")
    return crlf


def _check_lines(text: bytes) -> None:
    if not text.isascii() or b"\0" in text:
        raise BadPart("the part is not 7-bit: encode it as base64 or quoted-printable")
    if any(len(line) > LINE_OCTETS for line in text.split(b"\r\n")):
        raise BadPart("a line is longer than 998 octets")


def _header_block(headers: bytes) -> bytes:
    """Header lines, each ended by CRLF, without the blank line; MIME headers are ours to write."""
    block = headers.removesuffix(b"\r\n").removesuffix(b"\r\n") + b"\r\n"
    if not has_plain_lines(block) or b"\r\n\r\n" in block or block == b"\r\n":
        raise BadPart("the header block is not a run of CRLF lines")
    _check_lines(block)
    for line in _FOLD.sub(b" ", block[:-2]).split(b"\r\n"):
        _check_header_line(line)
    return block


def _check_header_line(line: bytes) -> None:
    if not _HEADER.match(line):
        raise BadPart("a line of the header block is not a header field")
    if _OURS.match(line):
        raise BadPart("MIME headers are written by the signer")


def _boundary(part: bytes) -> bytes:
    """128 random bits, and yet checked: a boundary inside the part would cut it."""
    while True:
        boundary = b"=_pli_" + secrets.token_hex(16).encode()
        if boundary not in part:
            return boundary


def _content_type(boundary: bytes, micalg: bytes) -> bytes:
    return (
        b"MIME-Version: 1.0\r\n"
        b'Content-Type: multipart/signed; protocol="application/pkcs7-signature";\r\n'
        b"\tmicalg=" + micalg + b'; boundary="' + boundary + b'"\r\n\r\n'
    )


def _parts(part: bytes, signature: bytes, boundary: bytes) -> bytes:
    encoded = base64.b64encode(signature)
    lines = [encoded[i : i + BASE64_COLUMNS] for i in range(0, len(encoded), BASE64_COLUMNS)]
    return b"\r\n".join(
        (
            b"--" + boundary,
            part,
            b"--" + boundary,
            b'Content-Type: application/pkcs7-signature; name="smime.p7s"',
            b"Content-Transfer-Encoding: base64",
            b'Content-Disposition: attachment; filename="smime.p7s"',
            b"",
            *lines,
            b"--" + boundary + b"--",
            b"",
        )
    )
