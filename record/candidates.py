"""From a letter to documents that are ready to be filed: unpacked, judged, sealed. Slow, outside transactions."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace

from core.ids import new_id
from crypto.keyring import Keyring
from crypto.verdict import Reason, Signature, Verdict
from mail.blobs import Blobs
from record.documents import DocumentMeta, Sealed, content_blind, seal_document
from record.from_message import attachments
from record.judgement import Judgement, confidentiality_of, judge, may_be_prescription, refuse
from record.letters import Letter
from record.subject import Piece, Subject
from record.unpack import Taken, unpack
from record.unpack.facts import PDF, CdaFacts, Document, Unpacked

PdfJudge = Callable[[bytes], Verdict]  # a PDF's octets → what its own signature is worth (crypto.pdf_signature)
FORGED = frozenset({Reason.CONTENT_CHANGED, Reason.BAD_SIGNATURE, Reason.REVOKED})  # a person looks before it is filed


def unsigned(_data: bytes) -> Verdict:
    """Where nobody judges PDFs."""
    return Verdict(Reason.NOT_SIGNED)


@dataclass(frozen=True, slots=True, repr=False)
class Candidate:
    """A row to be: consent and repeats are decided in the transaction."""

    id: int
    part: str
    judgement: Judgement
    blind: bytes | None
    sealed: Sealed | None
    orderable: bool
    meta: DocumentMeta | None = None


def open_pieces(letter: Letter, taken: Taken) -> tuple[Piece, ...]:
    """Every attachment of the letter, opened. Raises MimeBounds never: the letter was walked at delivery."""
    found = []
    for file in attachments(letter.raw, letter.tree, taken.most_wrapped):
        opened = (
            Unpacked(problems=(file.problem,)) if file.problem else unpack(file.data, file.declared, file.name, taken)
        )
        found.append(Piece(file.part, file.name, opened))
    return tuple(found)


def prepare(
    pieces: tuple[Piece, ...],
    verdict: str,
    subject: Subject,
    keyring: Keyring,
    oids: frozenset[str],
    blobs: Blobs,
    pdf_judge: PdfJudge = unsigned,
) -> tuple[Candidate, ...]:
    """Judged and sealed. Raises StorageFull, StoreBroken."""
    found: list[Candidate] = []
    for piece in pieces:
        if piece.unpacked.refused:
            found.append(Candidate(new_id(), piece.part, refuse(piece.unpacked.problems[0]), None, None, False))
        for rejected in piece.unpacked.rejected if not piece.unpacked.refused else ():
            part = f"{piece.part}/{rejected.part}"
            found.append(Candidate(new_id(), part, refuse(rejected.problem), None, None, False))
        for document in piece.unpacked.documents:
            pdf = pdf_judge(document.data) if document.media_type == PDF else unsigned(b"")
            found.append(_candidate(piece, document, verdict, pdf, subject, keyring, oids, blobs))
    return tuple(found)


def _candidate(
    piece: Piece,
    document: Document,
    verdict: str,
    pdf: Verdict,
    subject: Subject,
    keyring: Keyring,
    oids: frozenset[str],
    blobs: Blobs,
) -> Candidate:
    document_id = new_id()
    judgement = judge(document, Signature.FAIL.value if pdf.reason in FORGED else verdict, subject.identity, oids)
    meta = _with_signature(_meta(document, judgement, verdict), pdf)
    content = document.data if document.is_copied else None
    sealed = seal_document(document_id, content, meta, subject.key, blobs, document.text)
    blind = content_blind(keyring, subject.patient.id, document.data)
    part = f"{piece.part}/{document.part}" if document.part else piece.part
    return Candidate(document_id, part, judgement, blind, sealed, may_be_prescription(document), meta)


def _with_signature(meta: DocumentMeta, pdf: Verdict) -> DocumentMeta:
    if pdf.signature is Signature.NONE:
        return meta
    return replace(meta, pdf_signature=pdf.reason.value, pdf_signer=pdf.signer_subject or "")


def _meta(document: Document, judgement: Judgement, verdict: str) -> DocumentMeta:
    cda = document.cda
    return DocumentMeta(
        title=document.title,
        media_type=document.media_type,
        size=len(document.data),
        sha256=hashlib.sha256(document.data).hexdigest(),
        pages=document.pages,
        width=document.width,
        height=document.height,
        type_code=document.type_code,
        document_id=_first(cda.document_id if cda else "", *(entry.document_id for entry in document.entries)),
        effective_time=cda.effective_time if cda else "",
        authors=_authors(cda) if cda else (),
        replaces=_all(cda.replaces if cda else (), *(entry.replaces for entry in document.entries)),
        agreement=judgement.finding.agreement.value,
        reasons=tuple(reason.value for reason in judgement.finding.reasons),
        remarks=tuple(remark.value for remark in document.remarks),
        verdict=verdict,
        picture_only=document.is_picture_only,
        confidentiality=confidentiality_of(document),
        links=_all(*(entry.links for entry in document.entries)),
        author_ids=_author_ids(cda) if cda else (),
        organisations=_all(*((a.organisation,) for a in cda.authors if a.organisation)) if cda else (),
        name=document.name,
    )


def _first(*said: str) -> str:
    return next((text for text in said if text), "")


def _all(*lists: tuple[str, ...]) -> tuple[str, ...]:
    """Every value once, in order."""
    return tuple(dict.fromkeys(value for values in lists for value in values))


def _authors(cda: CdaFacts) -> tuple[str, ...]:
    named = (" ".join(part for part in (a.given, a.family, a.organisation) if part) for a in cda.authors)
    return tuple(name for name in named if name)


def _author_ids(cda: CdaFacts) -> tuple[str, ...]:
    return tuple(f"{extension}^{root}" for author in cda.authors for extension, root in author.ids)
