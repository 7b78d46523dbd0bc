"""What a file is, from its bytes alone: neither the name nor the declared type has a say.

A file that could be read as a second thing (zip, page, program) is refused: what we check must be what others open.
"""

import re
import struct

from record.unpack.dicom import MAGIC, MAGIC_AT
from record.unpack.facts import CDA, DICOM, FHIR, HL7, IMAGES, JPEG, PDF, PNG, RTF, TEXT, TIFF, ZIP, Problem, Unreadable

_MAGIC = (
    (b"%PDF-", PDF),
    (b"\xff\xd8\xff", JPEG),
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"II*\0", TIFF),
    (b"MM\0*", TIFF),
    (b"PK\x03\x04", ZIP),
    (b"{\\rtf", RTF),
    (b"MSH|", HL7),
    (b"\x0bMSH|", HL7),
)
_PROGRAM = (b"MZ", b"\x7fELF", b"#!", b"<", b"\xca\xfe\xba\xbe")  # the free bytes before a DICOM header may hide one
_JSON = re.compile(rb"\A(?:\xef\xbb\xbf)?\s*(?:\{\s*[\"}]|\[\s*[\[{\"\]])")
_XML = re.compile(rb"\A(?:\xef\xbb\xbf)?\s*<(?:\?xml\s|[A-Za-z_!?])")
_HTML = re.compile(rb"<(?:!doctype\s+html|html|script|body|iframe|svg|\?php)\b", re.IGNORECASE)
_PROGRAM_IN_IMAGE = re.compile(rb"<(?:script|html|\?php|iframe)[\s>]|%PDF-[12]\.", re.IGNORECASE)
_NOT_TEXT = re.compile(rb"\A(?:#!|MZ.{0,64}(?:PE|DOS)|%!PS|From )", re.DOTALL)
_WIDE = (b"\xff\xfe", b"\xfe\xff")  # UTF-16 and 32: what they hold is hidden from the checks on the bytes
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\ufffe\uffff]")
_CP1252_HOLES = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
_ZIP_TAIL = 65_557  # end-of-central-directory record and the longest comment
_PDF_AFTER_END = 1024  # bytes some writers leave after the last %%EOF


def sniff(data: bytes) -> str:
    """The media type. Raises Unreadable: EMPTY, ENCODING, UNKNOWN_TYPE or POLYGLOT."""
    if not data.strip(b"\x00\t\r\n "):
        raise Unreadable(Problem.EMPTY)
    media_type = _by_magic(data) or _by_text(data)
    if _is_polyglot(data, media_type):
        raise Unreadable(Problem.POLYGLOT)
    return media_type


def may_wrap(data: bytes) -> bool:
    """Whether it begins like an archive, a message or JSON: what may be larger than a document."""
    return data.startswith((b"PK\x03\x04", b"MSH|", b"\x0bMSH|")) or bool(_JSON.match(data))


def decode_text(data: bytes) -> str | None:
    """UTF-8, else the Western code page that French systems write; None when it holds control characters."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        if _CP1252_HOLES.search(data):
            return None
        text = data.decode("cp1252")
    return None if _CONTROLS.search(text) else text


def _by_magic(data: bytes) -> str | None:
    found = next((media_type for magic, media_type in _MAGIC if data.startswith(magic)), None)
    if data[MAGIC_AT : MAGIC_AT + 4] != MAGIC:
        return found
    if found or data.startswith(_PROGRAM):
        raise Unreadable(Problem.POLYGLOT)
    return DICOM


def _by_text(data: bytes) -> str:
    """XML is offered to the CDA reader, JSON to that of FHIR, any other text without controls is plain."""
    if data.startswith(_WIDE):
        raise Unreadable(Problem.ENCODING)
    if _XML.match(data) and not _HTML.match(data.lstrip(b"\xef\xbb\xbf\t\r\n ")):
        return CDA
    if _JSON.match(data):
        return FHIR
    if _NOT_TEXT.match(data) or _HTML.search(data[:4096]) or b"%PDF-" in data[:4096]:
        raise Unreadable(Problem.UNKNOWN_TYPE)
    if decode_text(data) is None:
        raise Unreadable(Problem.UNKNOWN_TYPE)
    return TEXT


def _is_polyglot(data: bytes, media_type: str) -> bool:
    if media_type == ZIP:
        return False  # `zip_bounds` lets nothing stand before, between or behind
    if _ends_in_zip(data):
        return True
    if media_type in IMAGES:
        return bool(_PROGRAM_IN_IMAGE.search(data)) or (media_type == PNG and _after_png(data))
    if media_type == PDF:
        return bool(_HTML.search(data[:1024])) or _after_pdf(data)
    return False


def _ends_in_zip(data: bytes) -> bool:
    """A zip is found from its end: the record there must point back at a central directory that is there."""
    start = max(0, len(data) - _ZIP_TAIL)
    at = data.rfind(b"PK\x05\x06", start)
    while at >= 0:
        record = data[at + 4 : at + 22]
        if len(record) == 18:
            size = int.from_bytes(record[8:12], "little")
            if size <= at and (size == 0 or data.startswith(b"PK\x01\x02", at - size)):
                return True
        at = data.rfind(b"PK\x05\x06", start, at)
    return False


def _after_png(data: bytes) -> bool:
    """Anything behind the IEND chunk, or no such chunk at its place. PNG §5.3."""
    at = 8
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        at += 12 + int(length)
        if kind == b"IEND":
            return bool(at < len(data))
    return False


def _after_pdf(data: bytes) -> bool:
    end = data.rfind(b"%%EOF")
    return end >= 0 and len(data[end + 5 :].strip(b"\x00\t\r\n ")) > _PDF_AFTER_END
