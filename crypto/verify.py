"""Bytes, trust and time go in; a verdict comes out (RFC 8551, RFC 8550, RFC 7281). It decides nothing.

The order: cut the raw bytes, read the CMS, compare the digest, check the signature, find the path to an anchor, check
what the certificate is for, bind it to the sender, compare the protected header fields, and last look at revocation:
only where all else holds can "try again later" be the answer.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.hashes import SHA256

from crypto.binding import check_binding
from crypto.certificate import check_above, check_signs, emails_of, names_of, read_certificate
from crypto.cms import SignedData, key_kind, parse
from crypto.protected import check_protected
from crypto.rawmime import Pieces, take_apart
from crypto.signature import check_certificate_hash, check_digest, check_signature
from crypto.trust import Trust
from crypto.verdict import (
    Reason,
    Refusal,
    Signature,
    Verdict,
    authentication_results,
    reason_text_fr,
)

__all__ = [
    "Reason",
    "Signature",
    "Verdict",
    "authentication_results",
    "reason_text_fr",
    "signed_content",
    "verify_message",
]


@dataclass
class _Found:
    """What is known so far; it goes into the verdict wherever verification ends."""

    sha256: str | None = None
    email: str | None = None
    subject: str | None = None


def verify_message(
    raw: bytes | bytearray | memoryview,
    *,
    trust: Trust,
    at: dt.datetime,
    envelope_sender: str | None = None,
    binding: bool = True,
) -> Verdict:
    """In: a whole message as received, whom we trust, the time (aware), MAIL FROM where known. Raises for no bytes.

    `binding=False` leaves out the comparison of certificate, From, Sender, envelope and protected fields.
    Raises ValueError for a naive time: that is our mistake, not the sender's.
    """
    if at.utcoffset() is None:
        raise ValueError("the time of verification must say its zone")
    found = _Found()
    try:
        _verify(bytes(raw), trust, at.replace(microsecond=0), envelope_sender, binding, found)
        reason = Reason.OK
    except Refusal as refusal:
        reason = refusal.reason
    except Exception:  # hostile bytes reach three parsers: whatever they raise is an answer, not a fault
        reason = Reason.SURPRISE
    return Verdict(reason, found.email, found.subject, found.sha256)


def signed_content(raw: bytes) -> bytes | None:
    """The exact signed MIME entity of a signed message (detached or opaque), unverified; None where there is none."""
    try:
        pieces = take_apart(bytes(raw))
        return pieces.content if pieces.content is not None else parse(pieces.cms, detached=False).content
    except Refusal:
        return None


def _verify(
    raw: bytes, trust: Trust, at: dt.datetime, envelope_sender: str | None, binding: bool, found: _Found
) -> None:
    pieces = take_apart(raw)
    signed = parse(pieces.cms, detached=pieces.content is not None)
    leaf, key = read_certificate(signed.certificate)
    found.sha256 = leaf.fingerprint(SHA256()).hex()
    _check_mathematics(pieces, signed, key)
    path = trust.paths.find(leaf, at)
    check_signs(leaf)
    check_above(path[1:])
    found.email, found.subject = names_of(leaf)
    if binding:
        found.email = check_binding(pieces.header, emails_of(leaf), envelope_sender)
        check_protected(pieces.header, _content(pieces, signed))
    trust.check_revocation(path, at)


def _check_mathematics(pieces: Pieces, signed: SignedData, key: CertificatePublicKeyTypes) -> None:
    check_digest(signed.signer, _content(pieces, signed))
    check_certificate_hash(signed.signer, signed.certificate)
    check_signature(signed.signer, key, key_kind(signed.certificate))


def _content(pieces: Pieces, signed: SignedData) -> bytes:
    """What is signed, beside the signature or inside it."""
    return (pieces.content if pieces.content is not None else signed.content) or b""
