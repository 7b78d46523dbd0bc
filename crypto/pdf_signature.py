"""A signed PDF (PAdES baseline, EN 319 142-1; ISO 32000-2 §12.8): bytes, trust and time in, a verdict out.

pyHanko reads the PDF: which octets a signature covers, and what was added after it. The signature itself goes through
the profile of signed mail: one signer, signed attributes, closed lists of algorithms, pinned anchors, the operator's
revocation lists. The time is the caller's: a time stamp inside the file is not believed.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from crypto.certificate import check_signs_documents, read_certificate
from crypto.cms import MAX_CMS_OCTETS, SignedData, key_kind, parse
from crypto.signature import check_certificate_hash, check_signature, digest_name
from crypto.trust import Trust
from crypto.verdict import Reason, Refusal, Signature, Verdict, reason_text_fr

PDF_OCTETS = 32 * 1024 * 1024
MAX_SIGNATURES = 8
DETACHED = frozenset({"/ETSI.CAdES.detached", "/adbe.pkcs7.detached"})  # ISO 32000-2 table 260
_MARK = b"/ByteRange"  # of every signature that can be checked: offsets have to stand in clear

_FRENCH = {
    Reason.OK: "PDF signé : document intact, signataire certifié.",
    Reason.NOT_SIGNED: "Ce PDF n'est pas signé.",
    Reason.CONTENT_CHANGED: "Attention : ce PDF a été modifié après sa signature.",
    Reason.BAD_SIGNATURE: "Attention : la signature de ce PDF ne correspond pas au certificat joint.",
    Reason.WRONG_USAGE: "Le certificat du signataire n'est pas prévu pour signer des documents.",
    Reason.TOO_LARGE: "Ce PDF ou sa signature dépasse les limites admises ; la signature n'a pas été lue.",
    Reason.BAD_PDF: "La structure de ce PDF est irrégulière ; sa signature n'a pas pu être vérifiée.",
    Reason.UNSUPPORTED: "Ce type de signature de PDF n'est pas pris en charge.",
    Reason.SURPRISE: "La signature de ce PDF n'a pas pu être analysée.",
}


@dataclass
class _Found:
    """Of the last signer: what is known so far."""

    sha256: str | None = None
    email: str | None = field(default=None, repr=False)
    subject: str | None = field(default=None, repr=False)


def verify_pdf(data: bytes, *, trust: Trust, at: dt.datetime) -> Verdict:
    """Never raises for what the bytes hold; ValueError for a naive time. The signer named is the last one, who signed
    the document as it stands. Run it where CPU and memory are bounded: pyHanko parses hostile files too."""
    if at.utcoffset() is None:
        raise ValueError("the time of verification must say its zone")
    if not may_be_signed(data):
        return Verdict(Reason.NOT_SIGNED)
    found = _Found()
    try:
        _verify(data, trust, at, found)
    except Refusal as refusal:
        return Verdict(refusal.reason, found.email, found.subject, found.sha256)
    except (Exception, RecursionError):  # a parser met what it did not expect: an answer, not a fault
        return Verdict(Reason.SURPRISE, None, None, found.sha256)
    return Verdict(Reason.OK, found.email, found.subject, found.sha256)


def may_be_signed(data: bytes) -> bool:
    """One look: a signature's /ByteRange stands in clear, since offsets in the file are all it says."""
    return _MARK in data


def pdf_text_fr(reason: Reason) -> str:
    """One French sentence for the person who sees the document."""
    return _FRENCH.get(reason) or reason_text_fr(reason)


def is_signed_pdf(verdict: Verdict) -> bool:
    """Whether there is anything to show."""
    return verdict.signature is not Signature.NONE


def _verify(data: bytes, trust: Trust, at: dt.datetime, found: _Found) -> None:
    if len(data) > PDF_OCTETS:
        raise Refusal(Reason.TOO_LARGE)
    signatures = _signatures(data)
    *earlier, last = signatures
    for each in earlier:
        _check_one(each, trust, at, _Found(), last=False)
    _check_one(last, trust, at, found, last=True)


def _signatures(data: bytes) -> list[Any]:
    """In the order in which they were made. Raises Refusal."""
    from pyhanko.pdf_utils.misc import PdfReadError  # loads for most of a second: only where there is a signature
    from pyhanko.pdf_utils.reader import PdfFileReader

    try:
        reader = PdfFileReader(BytesIO(data), strict=True)
        if reader.encrypted:
            raise Refusal(Reason.UNSUPPORTED)
        found = list(reader.embedded_regular_signatures)
    except PdfReadError:
        raise Refusal(Reason.BAD_PDF) from None
    if not found:
        raise Refusal(Reason.NOT_SIGNED)
    if len(found) > MAX_SIGNATURES:
        raise Refusal(Reason.TOO_LARGE)
    return found


def _check_one(signature: Any, trust: Trust, at: dt.datetime, found: _Found, *, last: bool) -> None:
    if str(signature.sig_object.get("/SubFilter", "")) not in DETACHED:
        raise Refusal(Reason.UNSUPPORTED)
    signed = parse(_bare(signature.pkcs7_content), detached=True)
    leaf = read_certificate(signed.certificate)
    found.sha256 = leaf.sha256
    rest = _check_digest(signature, signed)
    check_certificate_hash(signed.signer, signed.certificate)
    check_signature(signed.signer, leaf.key, key_kind(signed.certificate))
    _check_coverage(signature, rest, last=last)
    path = trust.paths.find(leaf.certificate, at)
    check_signs_documents(leaf.certificate, path)
    found.email, found.subject = leaf.names
    trust.check_revocation(path, at)


def _check_digest(signature: Any, signed: SignedData) -> bytes:
    """Over the two runs of octets that /ByteRange names, reckoned by us. Out: what follows them in the file."""
    name = digest_name(signed.signer)
    signature.reader.stream.seek(0)
    data, (one, one_length, two, two_length) = signature.reader.stream.read(), map(int, signature.byte_range)
    if one != 0 or one_length < 0 or two < one_length or two_length < 0 or two + two_length > len(data):
        raise Refusal(Reason.BAD_PDF)
    covered = hashlib.new(name, data[:one_length] + data[two : two + two_length]).digest()
    if not hmac.compare_digest(covered, signed.signer.message_digest):
        raise Refusal(Reason.CONTENT_CHANGED)
    return bytes(data[two + two_length :])


def _check_coverage(signature: Any, rest: bytes, *, last: bool) -> None:
    """The last signature covers the file; what follows it is archival data only (DSS, document time stamps). Before it
    only signatures may have come after one another: pyHanko's difference policy decides (ISO 32000-2 §12.8.2.2)."""
    from pyhanko.sign.diff_analysis import ModificationLevel
    from pyhanko.sign.validation.status import SignatureCoverageLevel

    signature.compute_integrity_info()
    if signature.coverage is SignatureCoverageLevel.ENTIRE_FILE:
        return
    info = signature.summarise_integrity_info()
    level = getattr(info["diff_result"], "modification_level", ModificationLevel.OTHER)
    allowed = ModificationLevel.LTA_UPDATES if last else ModificationLevel.FORM_FILLING
    covered = signature.coverage is SignatureCoverageLevel.ENTIRE_REVISION
    if not covered or not info["docmdp_ok"] or level.value > allowed.value:
        raise Refusal(Reason.CONTENT_CHANGED)
    if rest.strip() and level is ModificationLevel.NONE:  # no update, yet octets: readers that repair files show them
        raise Refusal(Reason.CONTENT_CHANGED)
    if rest[rest.rfind(b"%%EOF") + 5 :].strip():
        raise Refusal(Reason.CONTENT_CHANGED)


def _bare(contents: bytes) -> bytes:
    """/Contents is padded with zeros (ISO 32000-2 §12.8.3.3.1): the CMS ends where its length says. Raises Refusal."""
    if len(contents) < 4 or contents[0] != 0x30 or not 0x82 <= contents[1] <= 0x84:
        return contents.rstrip(b"\0") if contents[:2] == b"\x30\x80" else contents[: MAX_CMS_OCTETS + 1]
    count = contents[1] & 0x7F
    end = 2 + count + int.from_bytes(contents[2 : 2 + count], "big")
    if end > len(contents) or contents[end:].strip(b"\0"):
        raise Refusal(Reason.BAD_CMS)
    return contents[:end]
