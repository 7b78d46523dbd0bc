"""What unpacking finds: documents, what they and their wrapping say of their patient, problems from a closed list."""

import enum
from dataclasses import dataclass, field

PDF, JPEG, PNG, TIFF = "application/pdf", "image/jpeg", "image/png", "image/tiff"
TEXT, RTF, CDA, OPAQUE = "text/plain", "application/rtf", "text/xml", "application/octet-stream"
DICOM, FHIR, ZIP = "application/dicom", "application/fhir+json", "application/zip"
HL7 = "x-application/hl7-v2+er7"
IMAGES = frozenset({JPEG, PNG, TIFF})
WRAPPERS = frozenset({ZIP, FHIR, HL7})  # opened for what they hold; a FHIR document is one itself
PICTURE_CODE = "52040-3"  # LOINC: wrapper of a picture that is no DICOM, as the phone photo of a prescription


class Problem(enum.StrEnum):
    """Why a file is refused, or what is to be known of it. The words are kept in rows: never rename one."""

    EMPTY = "empty"
    TOO_LARGE = "too_large"
    UNKNOWN_TYPE = "unknown_type"
    TYPE_NOT_TAKEN = "type_not_taken"
    POLYGLOT = "polyglot"  # reads as two types at once
    BROKEN = "broken"
    ENCRYPTED = "encrypted"
    ACTIVE = "active"  # carries a program
    TOO_MANY_PAGES = "too_many_pages"
    TOO_MANY_PIXELS = "too_many_pixels"
    TOO_SLOW = "too_slow"  # the parser was stopped, or died
    DOCTYPE = "doctype"
    ENCODING = "encoding"
    NOT_CDA = "not_cda"  # XML, but no clinical document: kept closed
    OUTSIDE_BODY = "outside_body"  # the body is a reference to elsewhere
    TYPE_LIES = "type_lies"  # declared as something else: a remark, the bytes decide
    SMALL_IMAGE = "small_image"  # hard to read: a remark
    CUT_IMAGE = "cut_image"  # the file ends before the picture does: a remark
    FILES_INSIDE = "files_inside"  # a PDF that carries other files, which nobody opened: a remark
    # Wrappings: zip, XDM, FHIR
    TRAVERSAL = "path_traversal"  # a name that leads out of the archive
    SYMLINK = "symlink"
    OVERLAP = "overlap"  # two entries share bytes
    BOMB = "bomb"  # expands too far
    TOO_MANY_FILES = "too_many_files"
    NESTED = "nested_archive"
    AMBIGUOUS = "ambiguous_archive"  # two readers would find two different contents
    NOT_XDM = "not_xdm"  # an archive without METADATA.XML
    TOO_DEEP = "too_deep"
    DUPLICATE_KEY = "duplicate_key"
    NO_DOCUMENT = "no_document"  # well-formed, but there is nothing to file in it
    MISSING_FILE = "missing_file"  # spoken of, not there
    UNDECLARED_FILE = "undeclared_file"  # there, not spoken of
    REPAIRED = "repaired"  # a remark, and so are those below
    HASH_DIFFERS = "hash_differs"
    SIZE_DIFFERS = "size_differs"
    PATIENT_DIFFERS = "patient_differs"  # the wrapping names another patient than the document
    DELETION = "deletion"  # not sent to be filed: its earlier delivery is to be removed
    NOT_COPIED = "not_copied"  # a picture that is opened at its source


REMARKS = frozenset(
    {
        Problem.TYPE_LIES,
        Problem.SMALL_IMAGE,
        Problem.CUT_IMAGE,
        Problem.FILES_INSIDE,
        Problem.NOT_CDA,
        Problem.REPAIRED,
        Problem.HASH_DIFFERS,
        Problem.SIZE_DIFFERS,
        Problem.PATIENT_DIFFERS,
        Problem.DELETION,
        Problem.NOT_COPIED,
    }
)


@dataclass(frozen=True, slots=True, repr=False)
class InsClaim:
    """A patient number as the document writes it, key right or wrong."""

    text: str
    oid: str

    def __repr__(self) -> str:
        return f"InsClaim(…{self.text[-4:]})"


@dataclass(frozen=True, slots=True, repr=False)
class Author:
    """Who wrote it, as the header says: ids under their OIDs, name, organisation."""

    ids: tuple[tuple[str, str], ...]  # (extension, root)
    family: str
    given: str
    organisation: str


@dataclass(frozen=True, slots=True, repr=False)
class Traits:
    """The patient as the header names them."""

    birth_family: str  # qualifier BR
    other_families: tuple[str, ...]  # SP, CL or no qualifier
    birth_given: str
    other_given: tuple[str, ...]
    birth_date: str  # HL7 TS
    sex: str


NO_TRAITS = Traits("", (), "", (), "", "")


@dataclass(frozen=True, slots=True, repr=False)
class CdaFacts:
    """The header of a CDA R2 document; absent text is empty, dates as written (HL7 TS)."""

    document_id: str
    type_code: str
    type_system: str
    title: str
    effective_time: str
    language: str
    confidentiality: str
    ins: tuple[InsClaim, ...]
    traits: Traits
    authors: tuple[Author, ...]
    service_start: str
    replaces: tuple[str, ...]  # parentDocument ids of relatedDocument RPLC


@dataclass(frozen=True, slots=True, repr=False)
class Entry:
    """What stands beside a document: its line in METADATA.XML, its DocumentReference, its DICOM header."""

    form: str  # xdm | fhir | dicom | hl7
    document_id: str = ""
    type_code: str = ""
    title: str = ""
    media_type: str = ""
    size: int | None = None
    sha1: str = ""  # hexadecimal
    ins: tuple[InsClaim, ...] = ()
    traits: Traits = NO_TRAITS
    confidentiality: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()
    action: str = ""  # C replaces an earlier one, D asks that it be removed (DOMAIN.md §7)
    links: tuple[str, ...] = ()  # where pictures are opened


@dataclass(frozen=True, slots=True, repr=False)
class Document:
    """One document of an attachment. `part` is "" for the attachment itself, "body" for what a CDA carries inside,
    and a number before it ("2", "2/body") for the documents of an archive."""

    part: str
    media_type: str
    data: bytes
    title: str = ""
    text: str = ""  # text layer, or the text itself
    pages: int = 0
    width: int = 0
    height: int = 0
    cda: CdaFacts | None = None
    remarks: tuple[Problem, ...] = ()
    entries: tuple[Entry, ...] = ()
    name: str = ""  # the file's own, where it came out of an archive

    @property
    def is_picture_only(self) -> bool:
        """Nothing a machine can read: a photo, a scan."""
        return not self.text.strip() and self.cda is None and self.media_type != DICOM

    @property
    def is_copied(self) -> bool:
        """DICOM pictures are linked and opened at their source, never copied into the record."""
        return Problem.NOT_COPIED not in self.remarks

    @property
    def type_code(self) -> str:
        """By the document itself, by what stands beside it, by its nature."""
        said = (self.cda.type_code if self.cda else "", *(entry.type_code for entry in self.entries))
        return next((code for code in said if code), PICTURE_CODE if self.media_type in IMAGES else "")

    @property
    def claims(self) -> tuple[InsClaim, ...]:
        """Every patient number that it or its wrapping names."""
        return (self.cda.ins if self.cda else ()) + tuple(claim for entry in self.entries for claim in entry.ins)


@dataclass(frozen=True, slots=True, repr=False)
class Rejected:
    """One file of an archive that could not be opened, while the rest could."""

    part: str
    name: str
    problem: Problem
    entry: Entry | None = None
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class Unpacked:
    """The documents found, and why there are not more. A fatal problem comes with no document."""

    documents: tuple[Document, ...] = field(default=(), repr=False)
    problems: tuple[Problem, ...] = ()
    rejected: tuple[Rejected, ...] = field(default=(), repr=False)

    @property
    def refused(self) -> bool:
        return not self.documents


class Unreadable(Exception):
    """Raised inside this room only: the file is refused for this reason."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.value)
        self.problem = problem
