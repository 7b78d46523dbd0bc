"""Bytes, trust and time go in; a verdict comes out (RFC 8551, RFC 8550, RFC 7281). It decides nothing.

The order: cut the raw bytes, read the CMS, compare the digest, check the signature, find the path to an anchor, check
what the certificate is for, bind it to the sender, compare the protected header fields, and last look at revocation:
only where all else holds can "try again later" be the answer.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

from crypto.binding import check_binding
from crypto.certificate import Leaf, check_above, check_signs, read_certificate
from crypto.cms import SignedData, key_kind, parse
from crypto.protected import check_protected
from crypto.rawmime import Pieces, take_apart
from crypto.routes import Path
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
    leaf = read_certificate(signed.certificate)
    found.sha256 = leaf.sha256
    _check_mathematics(pieces, signed, leaf.key)
    good = trust.standings.is_good(leaf.der, at)  # then its path, its use and the lists would say the same again
    path = () if good else _path(leaf, trust, at)
    found.email, found.subject = leaf.names
    if binding:
        found.email = check_binding(pieces.header, leaf.emails, envelope_sender)
        check_protected(pieces.header, _content(pieces, signed))
    if not good:
        trust.check_revocation(path, at)
        trust.keep_good(leaf.der, path, at)


def _path(leaf: Leaf, trust: Trust, at: dt.datetime) -> Path:
    """To an anchor, every certificate of it meant for mail. Raises Refusal."""
    path = trust.paths.find(leaf.certificate, at)
    check_signs(leaf.certificate)
    check_above(path[1:])
    return path


def _check_mathematics(pieces: Pieces, signed: SignedData, key: CertificatePublicKeyTypes) -> None:
    check_digest(signed.signer, _content(pieces, signed))
    check_certificate_hash(signed.signer, signed.certificate)
    check_signature(signed.signer, key, key_kind(signed.certificate))


def _content(pieces: Pieces, signed: SignedData) -> bytes:
    """What is signed, beside the signature or inside it."""
    return (pieces.content if pieces.content is not None else signed.content) or b""
