"""A clinician writes about a patient: to the patient, to colleagues, each with XDM archive and PDFs, or PDFs alone.

One patient a mail (rule 2.1.1). What is written becomes a document, PDF/A-1 and CDA level 1; documents of the record
may go with it. The patient gets a mail of their own; colleagues who want the same form share one.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from datetime import datetime
from uuid import UUID, uuid5

from sqlalchemy.orm import Session

from core.address import Address
from core.errors import BadInput, NotFound, Refused
from directory.extracts.entry import Entry
from directory.mailboxes import address_of, find_mailbox, get_mailbox
from directory.patients import Identity, get_patient, identity_of
from directory.resolve import find_entry
from mail.compose import Attachment
from mail.submit import shown_name
from portal.correspondence import ANSWER_CHARACTERS, SUBJECT_CHARACTERS
from portal.desk import reader
from portal.patient_page import PatientDesk
from portal.sending import OCTETS
from portal.services import Services
from portal.session import Visitor
from record import consent
from record.access import ReadDocument, Shown
from record.documents import FILED
from record.pack.codes import VISIBILITY, Code
from record.pack.level1 import LETTERS, Writer, level1
from record.pack.papers import paper
from record.pack.pdfa import Block, Heading, Paragraph, pdfa
from record.pack.xdm import OWN_OID, Attached, Leaf, Parcel, Sender, pack, pdf_names, subject
from record.unpack.cda import read_cda
from record.unpack.facts import CDA, PDF
from record.unpack.sniff import sniff
from record.visibility import Mask, codes_of

XDM, PDF_ALONE = "xdm", "pdf"
FORMS = (XDM, PDF_ALONE)
COLLEAGUES, DOCUMENTS = 3, 10
RECEIPT = "Disposition-Notification-To"
_SPACE = UUID("7c5e1b8e-2f0b-4a53-9a0c-5d0f3e9d7a61")


@dataclass(frozen=True, slots=True, repr=False)
class Wanted:
    """One recipient and the form they are to get; an empty address is the patient's own."""

    address: str
    form: str


@dataclass(frozen=True, slots=True, repr=False)
class Sheet:
    """What was filled in. `documents` of the record go along; `no_answer` closes the patient's side (X-MSS-MES)."""

    to: tuple[Wanted, ...]
    kind: str
    title: str
    text: str
    documents: tuple[int, ...] = ()
    no_answer: bool = False
    receipt: bool = False


@dataclass(frozen=True, slots=True, repr=False)
class _Mail:
    """One mail to be sent."""

    to: tuple[Address, ...]
    form: str
    is_patient: bool


@dataclass(frozen=True, slots=True, repr=False)
class _Letter:
    """What was written, checked: ready to become a document."""

    kind: Code
    title: str
    text: str
    at: datetime
    number: UUID


class PatientMail:
    """Checks all before anything leaves."""

    def __init__(self, services: Services, desk: PatientDesk) -> None:
        self._services, self._desk = services, desk

    def send(self, visitor: Visitor, patient_id: int, sheet: Sheet, key: str) -> int:
        """How many mails left; the same sheet under the same key leaves once.

        Raises NotFound (a patient of others), BadInput, Refused (somebody who must not get this), MailError.
        """
        letter = self._letter(visitor, sheet, key)
        chosen = self._chosen(visitor, patient_id, sheet.documents)
        mails = self._services.db.read(self._mails, patient_id, sheet.to)
        self._services.db.read(self._check, patient_id, mails, chosen)
        who = self._services.db.read(identity_of, self._services.keyring, patient_id)
        files = [self._services.records.read(reader(visitor), shown.row.id) for shown in chosen]
        made = {form: self._parcel(visitor, who, letter, files, form) for form in {mail.form for mail in mails}}
        for mail in mails:
            self._submit(visitor, mail, made[mail.form], letter, sheet)
        return len(mails)

    def _letter(self, visitor: Visitor, sheet: Sheet, key: str) -> _Letter:
        kind = next((code for code in LETTERS if code.code == sheet.kind), None)
        title = " ".join(sheet.title.split())[:SUBJECT_CHARACTERS]
        text = sheet.text.replace("\r\n", "\n").strip()
        if kind is None or not title:
            raise BadInput("Choisissez le type de document et donnez-lui un titre.", "no kind or title")
        if not text or len(text) > ANSWER_CHARACTERS:
            raise BadInput("Écrivez votre message avant de l'envoyer.", "empty or too long a letter")
        mark = hashlib.sha256(repr(astuple(sheet)).encode()).hexdigest()
        number = uuid5(_SPACE, f"{visitor.mailbox_id}:{key}:{mark}")
        return _Letter(kind, title, text, self._services.clock.now(), number)

    def _chosen(self, visitor: Visitor, patient_id: int, wanted: tuple[int, ...]) -> list[Shown]:
        shown = {each.row.id: each for each in self._desk.documents(visitor, patient_id, "record.send")}
        ids = list(dict.fromkeys(wanted))
        if len(ids) > DOCUMENTS:
            raise BadInput(f"Joignez au plus {DOCUMENTS} documents.", "too many documents")
        found = [shown[one] for one in ids if one in shown and shown[one].meta and shown[one].row.state == FILED]
        if len(found) != len(ids):
            raise NotFound("Ce document n'est pas dans le dossier de ce patient.", "document of somebody else")
        return found

    def _mails(self, session: Session, patient_id: int, wanted: tuple[Wanted, ...]) -> tuple[_Mail, ...]:
        """Unit of work: the patient's mail, then one for each form."""
        patients = {one.form for one in wanted if not one.address.strip()}
        colleagues = {Address.parse(one.address.strip()): one.form for one in wanted if one.address.strip()}
        if not wanted or len(colleagues) > COLLEAGUES or {one.form for one in wanted} - set(FORMS):
            raise BadInput(f"Choisissez le patient, ou jusqu'à {COLLEAGUES} confrères.", "recipients of a sheet")
        found = [_Mail((self._patient(session, patient_id),), form, True) for form in sorted(patients)[:1]]
        for form in FORMS:
            if to := tuple(address for address, theirs in colleagues.items() if theirs == form):
                found.append(_Mail(to, form, False))
        return tuple(found)

    def _patient(self, session: Session, patient_id: int) -> Address:
        patient = get_patient(session, patient_id)
        if patient.mailbox_id is None or not get_mailbox(session, patient.mailbox_id).is_open:
            raise Refused("Ce patient n'a pas de boîte ouverte ici.", "patient without mailbox")
        return address_of(session, self._services.keyring, patient.mailbox_id)

    def _check(self, session: Session, patient_id: int, mails: tuple[_Mail, ...], chosen: list[Shown]) -> None:
        """Unit of work: nobody gets what they must not see, and no patient another one's documents."""
        masks = {mail.is_patient: Mask.PATIENT if mail.is_patient else Mask.PROFESSIONALS for mail in mails}
        if any(shown.row.mask & mask for shown in chosen for mask in masks.values()):
            raise Refused("Un document choisi est caché à l'un des destinataires.", "masked for a recipient")
        for address in (address for mail in mails if not mail.is_patient for address in mail.to):
            mailbox = find_mailbox(session, self._services.keyring, address)
            if address.is_patient or (mailbox and mailbox.kind == "PAT"):
                raise Refused(
                    "Un autre patient ne reçoit rien de ce dossier : écrivez à l'adresse du patient lui-même.",
                    "another patient's address",
                )
            grantees = (consent.EVERYBODY, mailbox.id) if mailbox else (consent.EVERYBODY,)
            if any(consent.is_denied(session, patient_id, consent.ACCESS, one) for one in grantees):
                raise Refused("Le patient s'oppose à ce que ce professionnel connaisse son dossier.", "patient objects")

    def _parcel(self, visitor: Visitor, who: Identity, letter: _Letter, files: list[ReadDocument], form: str) -> Parcel:
        entry, name = self._services.db.read(self._entry, visitor.mailbox_id)
        sender = Sender(name or "Pli", "Pli", self._services.product_reference, OWN_OID)
        page = pdfa(letter.title, _blocks(letter, who, name), letter.at)
        if form == XDM:
            if any(file.meta.media_type != CDA for file in files):
                raise BadInput("Un document choisi n'est pas un CDA : il ne part qu'en « PDF seul ».", "no CDA for XDM")
            first = Leaf(level1(page, who, Writer.of(entry), letter.kind, letter.title, letter.at, letter.number))
            made = pack((first, *(_leaf(file, letter.at) for file in files)), who, sender, letter.at)
        else:
            made = _pdfs_alone(page, who, letter, files)
        if sum(len(each.content) for each in made.attached) > OCTETS:
            raise BadInput("Ces documents sont trop lourds ensemble : joignez-en moins.", "parcel too large")
        return made

    def _entry(self, session: Session, mailbox_id: int) -> tuple[Entry | None, str]:
        entry = find_entry(session, address_of(session, self._services.keyring, mailbox_id))
        return entry, shown_name(entry)

    def _submit(self, visitor: Visitor, mail: _Mail, parcel: Parcel, letter: _Letter, sheet: Sheet) -> None:
        extra = parcel.headers
        if mail.is_patient and sheet.no_answer:
            extra = (*extra, ("X-MSS-MES", "FIN"))
        if sheet.receipt:
            own = self._services.db.read(address_of, self._services.keyring, visitor.mailbox_id)
            extra = (*extra, (RECEIPT, f"<{own.text}>"))
        self._services.post.submit(
            visitor.mailbox_id,
            mail.to,
            parcel.subject,
            letter.text + "\n",
            "",
            f"about:{letter.number}:{mail.form}:{mail.is_patient}",
            attachments=tuple(Attachment(each.media_type, each.name, each.content) for each in parcel.attached),
            extra=extra,
        )


def _blocks(letter: _Letter, who: Identity, author: str) -> Iterator[Block]:
    day, born = letter.at.strftime("%d/%m/%Y"), "/".join(reversed(who.birth_date.split("-")))
    yield Heading(letter.title, 1)
    yield Paragraph(f"{letter.kind.name}, le {day}\n{author}".strip())
    yield Paragraph(f"Patient : {who.family} {who.given}, né{'e' if who.sex == 'F' else ''} le {born}")
    yield Paragraph(letter.text)


def _leaf(file: ReadDocument, at: datetime) -> Leaf:
    marks = tuple(Code(code, VISIBILITY, code) for code in codes_of(file.row.mask))
    return Leaf(file.content, paper(file.meta, file.content, at) or b"", visibility=marks)


def _pdfs_alone(page: bytes, who: Identity, letter: _Letter, files: list[ReadDocument]) -> Parcel:
    """The same documents without an archive: no CDA attached, so neither prefix nor codes."""
    labels = (letter.kind.name, *(file.meta.title or "Document" for file in files))
    days = (f"{letter.at:%Y%m%d}", *(file.meta.effective_time[:8] or f"{letter.at:%Y%m%d}" for file in files))
    pages = [page, *(_pdf_of(file, letter.at) for file in files)]
    names = pdf_names(list(zip(days, labels, strict=True)), who)
    attached = tuple(Attached(name, PDF, each) for name, each in zip(names, pages, strict=True))
    return Parcel(subject(labels, who, prefix=""), (), attached)


def _pdf_of(file: ReadDocument, at: datetime) -> bytes:
    """Itself, what a CDA carries, or the page that shows it."""
    if file.meta.media_type == PDF:
        return file.content
    carried = read_cda(file.content)[1] if file.meta.media_type == CDA else None
    made = carried if carried and sniff(carried) == PDF else paper(file.meta, file.content, at)
    if not made:
        raise BadInput("Un document choisi n'a pas de page à envoyer en PDF.", "no page of a document")
    return made
