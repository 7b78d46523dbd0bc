"""IHE_XDM.zip written strictly, and the mail that goes with it: subject, PDF names, private headers.

IHE ITI-32; DOMAIN.md §5 (rules 2.1.1 to 2.1.6, X-MSS headers) and §7. One patient a mail: anything else is refused.
"""

import io
import re
import unicodedata
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from html import escape
from uuid import uuid4, uuid5

from core.errors import BadInput, Refused
from core.ins import Ins
from directory.patients import Identity
from record.pack.codes import CONTENT_TYPES, FORMATS, PDF_FORMAT, Code
from record.pack.facts import DocumentFacts, facts_of
from record.pack.xdm_metadata import File, Submission, metadata
from record.unpack.cda import read_cda
from record.unpack.facts import PDF
from record.unpack.limits import ENTRIES
from record.unpack.sniff import sniff

PREFIX = "XDM/1.0/DDM+"
OWN_OID = "2.25.222045071390285735437016281963712063345"  # under which this system numbers what it sends
FOLDER = "IHE_XDM/SUBSET01"
NAME, MEDIA_TYPE = "IHE_XDM.zip", "application/zip"
AMBULATORY = Code("07", CONTENT_TYPES, "Ambulatoire")
_LABEL = 40  # characters of a document's label, in subject and PDF names
_UNSAFE = re.compile(r"[^A-Za-z0-9]+")


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends: name of the structure or person, the product and its reference at convergence.esante.gouv.fr, and the
    OID under which this system numbers what it sends."""

    name: str
    product: str
    reference: str
    oid: str


@dataclass(frozen=True, slots=True, repr=False)
class Leaf:
    """One CDA to be sent. `pdf`: its page, PDF/A-1, where it does not carry one itself (level 3)."""

    cda: bytes
    pdf: bytes = b""
    class_code: str = ""  # where `codes.class_of` does not know it
    visibility: tuple[Code, ...] = ()
    remove: bool = False  # sent to have it removed where it was filed


@dataclass(frozen=True, slots=True, repr=False)
class Attached:
    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True, repr=False)
class Parcel:
    """Ready to be mailed: subject, private headers, the archive and then the PDFs."""

    subject: str
    headers: tuple[tuple[str, str], ...]
    attached: tuple[Attached, ...] = field(default=())


def pack(
    leaves: tuple[Leaf, ...],
    patient: Identity,
    sender: Sender,
    at: datetime,
    *,
    content_type: Code = AMBULATORY,
    no_answer: bool = False,
    pdf_inside: bool = False,
) -> Parcel:
    """The parcel. `at` is aware. `pdf_inside` puts the PDFs into the archive, too, as other forms of their documents.

    Raises BadInput: no document, too many, a required field missing, a level 3 without its PDF. Refused: a document
    that does not name this patient.
    """
    if not 0 < len(leaves) <= ENTRIES // 2:
        raise BadInput("il faut au moins un document, et pas plus de cinquante", "number of documents")
    sheets = [_sheet(leaf, patient.ins) for leaf in leaves]
    archive = _archive(sheets, sender, at.astimezone(UTC), content_type, pdf_inside)
    names = pdf_names([(sheet.facts.service_start, sheet.facts.type.name) for sheet in sheets], patient)
    pages = [Attached(name, PDF, sheet.pdf) for name, sheet in zip(names, sheets, strict=True)]
    return Parcel(
        subject(tuple(sheet.facts.type.name for sheet in sheets), patient),
        _headers(sheets, no_answer),
        (Attached(NAME, MEDIA_TYPE, archive), *pages),
    )


def subject(labels: tuple[str, ...], patient: Identity, prefix: str = PREFIX) -> str:
    """`XDM/1.0/DDM+<label> <NOM> <prénom> <JJ/MM/AAAA>`, rule 2.1.3; without an archive the prefix is empty."""
    label = labels[0][:_LABEL].strip() if len(labels) == 1 else f"{len(labels)} documents"
    year, month, day = patient.birth_date.split("-")
    return f"{prefix}{label} {_bare(patient.family).upper()} {patient.given} {day}/{month}/{year}"


@dataclass(frozen=True, slots=True, repr=False)
class _Sheet:
    leaf: Leaf
    facts: DocumentFacts
    pdf: bytes


def _sheet(leaf: Leaf, ins: Ins) -> _Sheet:
    facts = facts_of(leaf.cda, leaf.class_code)
    said = facts.subject.ins
    if (said.number.upper(), said.oid) != (ins.canonical, ins.oid):
        raise Refused("un document ne porte pas l'INS de ce patient", "document names another patient")
    _document, carried = read_cda(leaf.cda)
    pdf = carried if carried and sniff(carried) == PDF else leaf.pdf
    if not pdf or sniff(pdf) != PDF:
        raise BadInput("il manque la copie PDF d'un document", "no PDF copy")
    return _Sheet(leaf, facts, pdf)


def _headers(sheets: list[_Sheet], no_answer: bool) -> tuple[tuple[str, str], ...]:
    """X-MSS-INS is always O: an `Identity` is a qualified one, and nothing leaves for anybody else."""
    codes = ",".join(dict.fromkeys(sheet.facts.type.code for sheet in sheets))
    said = (("X-MSS-CODECDA", codes), ("X-MSS-INS", "O"))
    return (*said, ("X-MSS-MES", "FIN")) if no_answer else said


def _archive(sheets: list[_Sheet], sender: Sender, at: datetime, content_type: Code, pdf_inside: bool) -> bytes:
    files = [file for number, sheet in enumerate(sheets, 1) for file in _files(number, sheet, pdf_inside)]
    first = sheets[0].facts
    submission = Submission(
        uuid4(), f"2.25.{uuid4().int}", sender.oid, content_type, at, first.authors[0], first.subject, "Envoi"
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        _put(archive, "INDEX.HTM", _index(sender), at)
        _put(archive, "README.TXT", _readme(sender, files), at)
        _put(archive, f"{FOLDER}/METADATA.XML", metadata(submission, files), at)
        for file in files:
            _put(archive, f"{FOLDER}/{file.name}", file.content, at)
    return out.getvalue()


def _files(number: int, sheet: _Sheet, pdf_inside: bool) -> list[File]:
    stem, entry, facts, leaf = f"DOC{number:05}", uuid4(), sheet.facts, sheet.leaf
    action = "D" if leaf.remove else "C" if facts.replaces else ""
    codes = (*facts.confidentiality, *leaf.visibility)
    found = [File(f"{stem}.XML", "text/xml", leaf.cda, facts, entry, facts.unique_id, codes, None, action)]
    if pdf_inside:
        name = f"2.25.{uuid5(entry, 'pdf').int}"
        found.append(File(f"{stem}.PDF", PDF, sheet.pdf, _as_pdf(facts), uuid4(), name, codes, entry, action))
    return found


def _as_pdf(facts: DocumentFacts) -> DocumentFacts:
    return replace(facts, format=Code(PDF_FORMAT, FORMATS, "PDF/A-1"))


def _put(archive: zipfile.ZipFile, name: str, content: bytes, at: datetime) -> None:
    """Upper-case 8.3 names, regular files, nothing of this machine in them."""
    info = zipfile.ZipInfo(name, (max(at.year, 1980), at.month, at.day, at.hour, at.minute, at.second))
    info.compress_type, info.create_system, info.external_attr = zipfile.ZIP_DEFLATED, 0, 0
    archive.writestr(info, content)


def _index(sender: Sender) -> bytes:
    """A short XHTML page that names the sender and leads to the readme."""
    name = escape(sender.name)
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<html xmlns="http://www.w3.org/1999/xhtml" lang="fr" xml:lang="fr"><head><title>{name}</title></head>
<body><h1>{name}</h1><p>Documents de santé transmis par {name}.</p>
<p><a href="README.TXT">Lisez-moi</a></p></body></html>
""".encode()


def _readme(sender: Sender, files: list[File]) -> bytes:
    lines = (
        ("Émetteur", sender.name),
        ("Application", f"{sender.product} ({sender.reference})" if sender.reference else sender.product),
        ("Instructions", "Ouvrir avec un logiciel qui lit IHE XDM, ou ouvrir les PDF joints au message."),
        ("Arborescence", "INDEX.HTM", "README.TXT", f"{FOLDER}/METADATA.XML", *(f"{FOLDER}/{f.name}" for f in files)),
    )
    return "\r\n\r\n".join("\r\n  ".join(part) for part in lines).encode() + b"\r\n"


def pdf_names(documents: Sequence[tuple[str, str]], patient: Identity) -> list[str]:
    """`<AAAAMMJJ>_<type>_<NOM>_<prénom>[_<file no.>].pdf`, rule 2.1.6; a document is its day and its label."""
    person = f"{_word(patient.family).upper()}_{_word(patient.given)}"
    stems = [f"{day[:8]}_{_word(label)[:_LABEL]}_{person}" for day, label in documents]
    several = len(documents) > 1
    return [f"{stem}_{number}.pdf" if several else f"{stem}.pdf" for number, stem in enumerate(stems, 1)]


def _bare(text: str) -> str:
    """Without accents."""
    wide = text.replace("œ", "oe").replace("Œ", "OE").replace("æ", "ae").replace("Æ", "AE")
    return "".join(c for c in unicodedata.normalize("NFKD", wide) if not unicodedata.combining(c))


def _word(text: str) -> str:
    return _UNSAFE.sub("_", _bare(text)).strip("_")
