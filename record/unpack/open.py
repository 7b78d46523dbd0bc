"""The entry point: the bytes of one attachment → its documents and its problems. Never raises on hostile bytes."""

from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from record.unpack.cda import read_cda
from record.unpack.dicom import read_dicom
from record.unpack.facts import (
    CDA,
    DICOM,
    FHIR,
    HL7,
    IMAGES,
    JPEG,
    OPAQUE,
    PDF,
    PNG,
    RTF,
    TEXT,
    TIFF,
    WRAPPERS,
    ZIP,
    Document,
    Problem,
    Unpacked,
    Unreadable,
)
from record.unpack.fhir import read_fhir
from record.unpack.hl7 import read_hl7
from record.unpack.image import read_image
from record.unpack.limits import ARCHIVE_BYTES, ATTACHMENT_BYTES, FIELD_CHARACTERS, JSON_BYTES
from record.unpack.pdf import reader
from record.unpack.rtf import read_rtf
from record.unpack.sniff import may_wrap, sniff
from record.unpack.text import read_text
from record.unpack.xdm import read_xdm

# What senders write for the types that we take; anything else declared beside these bytes is a lie worth a remark.
_ALSO = {
    PDF: {"application/pdf", "application/x-pdf"},
    JPEG: {"image/jpeg", "image/jpg", "image/pjpeg"},
    PNG: {"image/png", "image/x-png"},
    TIFF: {"image/tiff", "image/tif", "image/x-tiff"},
    TEXT: {"text/plain"},
    CDA: {"text/xml", "application/xml", "application/cda+xml", "application/hl7-cda+xml"},
    RTF: {"application/rtf", "text/rtf", "application/x-rtf"},
    DICOM: {"application/dicom"},
}
_SUFFIXES = {
    PDF: {".pdf"},
    JPEG: {".jpg", ".jpeg", ".jpe", ".jfif"},
    PNG: {".png"},
    TIFF: {".tif", ".tiff"},
    TEXT: {".txt"},
    CDA: {".xml", ".cda"},
    RTF: {".rtf"},
    DICOM: {".dcm", ".dicom"},
}
_SILENT = frozenset({"", "application/octet-stream"})


@dataclass(frozen=True, slots=True)
class Taken:
    """The operator's choice: which types are taken, and how large a file may be, in bytes."""

    types: frozenset[str] = frozenset({PDF, JPEG, PNG, TIFF, TEXT, RTF, CDA, DICOM, FHIR})
    most_bytes: int = ATTACHMENT_BYTES

    @property
    def most_wrapped(self) -> int:
        """A mail's archive may be larger than each of its documents."""
        return max(self.most_bytes, ARCHIVE_BYTES)


def unpack(data: bytes, declared: str = "", name: str = "", taken: Taken = Taken()) -> Unpacked:
    """Open one attachment. `declared` and `name` decide nothing: they may earn a remark.

    A refused file has no document and one fatal problem. Raises Temporary when the machine is too busy to open a PDF.
    """
    try:
        media_type = _sniffed(data, taken)
        if media_type in WRAPPERS:
            return _wrapped(data, media_type, taken)
        return _with_remarks(_open(data, media_type, taken), declared, name)
    except Unreadable as refusal:
        return Unpacked(problems=(refusal.problem,))


def _sniffed(data: bytes, taken: Taken) -> str:
    """The type; its size is within what is taken of this type."""
    if len(data) > max(taken.most_wrapped, JSON_BYTES):
        raise Unreadable(Problem.TOO_LARGE)
    if len(data) > taken.most_bytes and not may_wrap(data):
        raise Unreadable(Problem.TOO_LARGE)
    media_type = sniff(data)
    if media_type not in WRAPPERS and len(data) > taken.most_bytes:
        raise Unreadable(Problem.TOO_LARGE)
    return media_type


def _wrapped(data: bytes, media_type: str, taken: Taken) -> Unpacked:
    def inside(content: bytes, declared: str, name: str) -> tuple[Document, ...]:
        return _inside(content, declared, name, taken)

    if media_type == ZIP:
        return read_xdm(data, inside, taken.most_bytes)
    if media_type == HL7:
        return read_hl7(data, inside, taken.most_bytes)
    found = read_fhir(data, inside, taken.most_bytes)
    if any(document.media_type not in taken.types for document in found.documents if not document.part):
        raise Unreadable(Problem.TYPE_NOT_TAKEN)
    return found


def _inside(data: bytes, declared: str, name: str, taken: Taken) -> tuple[Document, ...]:
    """A file of an archive or bundle. Raises Unreadable; what would have to be opened again is not."""
    media_type = sniff(data)
    if media_type in (ZIP, HL7):
        raise Unreadable(Problem.NESTED)
    if media_type == FHIR:
        raise Unreadable(Problem.TYPE_NOT_TAKEN)
    return _with_remarks(_open(data, media_type, taken), declared, name).documents


def _open(data: bytes, media_type: str, taken: Taken) -> list[Document]:
    if media_type not in taken.types:
        raise Unreadable(Problem.TYPE_NOT_TAKEN)
    if media_type == CDA:
        return _clinical(data, taken)
    return [_plain(data, media_type)]


def _plain(data: bytes, media_type: str) -> Document:
    if media_type in IMAGES:
        return read_image(data, media_type)
    return _READERS[media_type](data)


def _clinical(data: bytes, taken: Taken) -> list[Document]:
    """A CDA and what it carries inside; the inner file shares the header's facts, and never is a CDA itself."""
    try:
        outer, inner = read_cda(data)
    except Unreadable as refusal:
        if refusal.problem is Problem.NOT_CDA:
            return [Document("", OPAQUE, data, remarks=(Problem.NOT_CDA,))]
        raise
    if inner is None:
        return [outer]
    media_type = sniff(inner)
    if media_type in {CDA, *WRAPPERS} or media_type not in taken.types:
        raise Unreadable(Problem.TYPE_NOT_TAKEN)
    return [outer, replace(_plain(inner, media_type), part="body", cda=outer.cda, title=outer.title)]


def _with_remarks(documents: list[Document], declared: str, name: str) -> Unpacked:
    head = documents[0]
    lies = _lies(head.media_type, declared, name)
    title = head.title or PurePosixPath(name.replace("\\", "/")).name[:FIELD_CHARACTERS]
    head = replace(head, title=title, remarks=head.remarks + ((Problem.TYPE_LIES,) if lies else ()))
    remarks = tuple(remark for document in (head, *documents[1:]) for remark in document.remarks)
    return Unpacked((head, *documents[1:]), remarks)


def _lies(media_type: str, declared: str, name: str) -> bool:
    if media_type == OPAQUE:
        return False
    declared, suffix = declared.strip().lower(), PurePosixPath(name.lower()).suffix
    wrong_type = declared not in _SILENT and declared not in _ALSO[media_type]
    known_suffix = any(suffix in suffixes for suffixes in _SUFFIXES.values())
    return wrong_type or (known_suffix and suffix not in _SUFFIXES[media_type])


_READERS = {PDF: reader.read, TEXT: read_text, RTF: read_rtf, DICOM: read_dicom}
