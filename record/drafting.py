"""From the opened documents of a message to the draft of an order: proposes, decides nothing; a photo takes seconds."""

from dataclasses import dataclass

from core.ins import Ins
from record.documents import DUPLICATE, RECONCILE, DocumentRow
from record.identity import Agreement, Finding
from record.judgement import may_be_prescription
from record.lines import STRENGTH
from record.medicines.medicine import NARCOTIC, SECURED, SHORTAGE
from record.order_detail import READING, Detail
from record.reading.read import Reader, Reading, is_picture, together
from record.unpack.facts import Document, Problem


@dataclass(frozen=True, slots=True, repr=False)
class Usable:
    """A document of the message, with its row of the record and what it says of the patient. `signed`: it is a PDF
    whose own signature holds."""

    row: DocumentRow
    document: Document
    finding: Finding
    signed: bool = False


def draft_detail(
    usable: tuple[Usable, ...],
    rows: tuple[DocumentRow, ...],
    verdict: str,
    reader: Reader,
    ins: Ins,
    *,
    signed: bool = False,
    pictures: bool = True,
) -> Detail | None:
    """The draft, or None when no document may be a prescription. `rows` are all rows of the message, `ins` is the
    patient's.

    `signed`: a professional wrote it, and the signature holds. Without `pictures` it takes no time, and the alert
    `reading` says that more is to come. Raises DatabaseDown.
    """
    chosen = tuple(one for one in usable if may_be_prescription(one.document))
    if not chosen:
        return None
    read = together(
        tuple(reader.read_document(one.document, signed=signed or one.signed, pictures=pictures) for one in chosen)
    )
    told = (*_of_identity(chosen, read, ins), *_of_reading(chosen, read), *_of_message(chosen, rows, verdict))
    alerts = tuple(name for name, holds in told if holds)
    documents = tuple(dict.fromkeys(one.row.same_as or one.row.id for one in chosen))
    codes = tuple(f"{code.kind} {code.number}" for code in read.codes)
    return Detail(read.lines, alerts, read.origin, documents, codes=codes)


def _of_identity(chosen: tuple[Usable, ...], read: Reading, ins: Ins) -> tuple[tuple[str, bool], ...]:
    """Whose prescription it is, so far as a machine can say. What stands on a picture is only known once it is read."""
    absent = any(one.finding.agreement is Agreement.ABSENT for one in chosen)
    named = ins.canonical in read.matricules
    return (
        ("other_identity", bool(read.matricules) and not named),
        ("no_identity", absent and not (named and len(chosen) == 1)),
    )


def _of_reading(chosen: tuple[Usable, ...], read: Reading) -> tuple[tuple[str, bool], ...]:
    """What the lines, or their absence, ask of the pharmacist."""
    pictures = [is_picture(one.document) for one in chosen]
    said = {warning for line in read.lines for warning in line.warnings}
    return (
        ("picture", any(pictures) and not read.lines),
        (READING, read.unread),
        ("retake", bool(read.refused)),
        ("no_reader", bool(read.missing)),
        ("no_lines", not read.lines and not all(pictures)),
        ("by_machine", any(line.origin == "photo" for line in read.lines)),
        ("doubt", any(STRENGTH in line.to_confirm for line in read.lines)),
        ("original", bool(said & {NARCOTIC, SECURED})),
        ("shortage", SHORTAGE in said),
        ("code", bool(read.codes)),
    )


def _of_message(
    chosen: tuple[Usable, ...], rows: tuple[DocumentRow, ...], verdict: str
) -> tuple[tuple[str, bool], ...]:
    """What is known of the documents and of the mail that brought them."""
    return (
        ("already_seen", any(one.row.state == DUPLICATE for one in chosen)),
        ("set_aside", any(row.state == RECONCILE for row in rows)),
        ("cut_image", any(Problem.CUT_IMAGE in one.document.remarks for one in chosen)),
        ("small_image", any(Problem.SMALL_IMAGE in one.document.remarks for one in chosen)),
        ("unsigned", verdict == "none"),
    )
