"""What becomes of a document: the rules, in one place, pure. They decide before consent has a say."""

from dataclasses import dataclass

from core.errors import BadInput
from directory.patients import Identity
from record.documents import RECONCILE, REFUSED
from record.identity import Agreement, Finding, compare
from record.unpack.facts import DICOM, OPAQUE, Document, Problem
from record.visibility import mask_of

SIGNATURE_BROKEN = frozenset({"fail", "permerror"})  # words of crypto.verify
SIGNATURE_OPEN = "temperror"

# CDA type codes of what a pharmacy dispenses: prescriptions of products, others, of care; renewals; a wrapped photo.
_PRESCRIPTIONS = frozenset({"57833-6", "57828-6", "57832-8", "75468-9", "52040-3"})


@dataclass(frozen=True, slots=True)
class Judgement:
    """`state` is empty when nothing stands against filing; consent then decides."""

    state: str
    reason: str
    finding: Finding


def judge(document: Document, verdict: str, patient: Identity, oids: frozenset[str]) -> Judgement:
    """One opened document against the signature's verdict and the patient's identity."""
    finding = compare(document, patient, oids)
    if verdict in SIGNATURE_BROKEN:
        return Judgement(RECONCILE, "signature", finding)
    if verdict == SIGNATURE_OPEN:
        return Judgement(RECONCILE, "signature_undecided", finding)
    if finding.agreement is Agreement.DISAGREE:
        return Judgement(RECONCILE, "identity", finding)
    if document.media_type == OPAQUE:
        return Judgement(RECONCILE, "form", finding)
    if not _may_be_seen(document):
        return Judgement(RECONCILE, "visibility", finding)
    if Problem.DELETION in document.remarks:
        return Judgement(RECONCILE, "deletion", finding)  # a person removes, nothing vanishes by itself
    return Judgement("", "", finding)


def _may_be_seen(document: Document) -> bool:
    """Hidden from the patient and from professionals at once is an error (IG-CDA, DOMAIN.md §9)."""
    try:
        mask_of(confidentiality_of(document))
    except BadInput:
        return False
    return True


def confidentiality_of(document: Document) -> tuple[str, ...]:
    """The codes of the document and of what stands beside it, each once."""
    said = [document.cda.confidentiality] if document.cda and document.cda.confidentiality else []
    said += [code for entry in document.entries for code in entry.confidentiality]
    return tuple(dict.fromkeys(said))


def refuse(problem: Problem) -> Judgement:
    """For an attachment that could not be opened."""
    return Judgement(REFUSED, problem.value, Finding(Agreement.ABSENT))


def may_be_prescription(document: Document) -> bool:
    """Whether an order may be drafted from it: by its type code; a page that has none may be one."""
    if document.media_type in {OPAQUE, DICOM} or Problem.DELETION in document.remarks:
        return False
    code = document.type_code
    if not code and document.cda is None:
        return True
    return code in _PRESCRIPTIONS or code.startswith("PRESC-")
