"""What case rooms need of the record: of whom a message speaks, who may know, the archive as PDF/A on its way."""

from collections.abc import Iterator

from sqlalchemy.orm import Session

from core.address import Address, NotAnAddress
from core.db import Db
from core.errors import NotFound, Refused
from core.ins import Ins, NotAnIns
from crypto.keyring import Keyring
from directory.mailboxes import address_of, find_mailbox, get_mailbox
from directory.patients import Patient, find_patient, get_patient, identity_of, patient_of_mailbox
from instant.cases import Subject
from instant.services import Asker, Submitter
from instant.transcript import Transcript
from mail.compose import Attachment
from mail.store import Store
from record import consent
from record.access import Reader, Records
from record.pack.pdfa import Block, Heading, Paragraph, pdfa

NOBODY = "ce message ne parle pas d'un seul patient suivi ici : donnez son matricule, !cas MATRICULE"


class ChatCases:
    """For threads."""

    def __init__(
        self, db: Db, keyring: Keyring, records: Records, store: Store, submitter: Submitter, oid: str
    ) -> None:
        self._db, self._keyring, self._records, self._store = db, keyring, records, store
        self._submitter, self._oid = submitter, oid

    def subject(self, asker: Asker, words: str) -> Subject:
        """Raises BadInput, Refused; the look into the record is in the trail."""
        try:
            ins = Ins.parse(words.replace(" ", ""), self._oid)
        except NotAnIns:
            raise Refused("donnez le matricule INS du patient : 15 caractères", "not an INS") from None
        patient = self._db.read(find_patient, self._keyring, ins)
        if patient is None:
            raise Refused("vous n'avez pas accès à ce dossier", "no such patient")  # the same words as without access
        self._records.list(Reader(asker.account_id, asker.mailbox_id), patient.id, "case.open")
        return self._db.read(self._subject, patient)

    def subject_of_patient(self, asker: Asker, patient_id: int) -> Subject:
        """Raises NotFound, Refused; the look into the record is in the trail."""
        self._records.about(Reader(asker.account_id, asker.mailbox_id), patient_id, "case.open")
        return self._db.read(lambda session: self._subject(session, get_patient(session, patient_id)))

    def subject_of_message(self, asker: Asker, message_id: int) -> Subject:
        """By the documents that it brought, else by the patient's own address. Raises NotFound, Refused."""
        shown = self._records.of_message(Reader(asker.account_id, asker.mailbox_id), message_id)
        patients = {one.row.patient_id for one in shown if one.row.patient_id}
        if len(patients) == 1:
            return self._db.read(lambda session: self._subject(session, get_patient(session, patients.pop())))
        found = None if patients else self._db.read(self._author, asker, message_id)
        if found is None:
            raise Refused(NOBODY, "a message of no one patient")
        return self._db.read(self._subject, found)

    def check_member(self, asker: Asker, patient_id: int, mailbox_id: int) -> None:  # noqa: ARG002
        """Raises Refused where the patient objects to this professional, or to all."""
        if self._db.read(self._objects, patient_id, mailbox_id):
            raise Refused("le patient s'oppose à ce que ce professionnel connaisse son dossier", "patient objects")

    def archive(self, asker: Asker, patient_id: int, script: Transcript, key: str) -> str:
        """A signed mail to the patient's own address, as any professional's document. Raises NotFound, MailError."""
        patient = self._db.read(get_patient, patient_id)
        if patient.mailbox_id is None:
            raise NotFound("ce patient n'a pas de messagerie ici", "patient without mailbox")
        title = title_of(script)
        document = Attachment("application/pdf", "echanges.pdf", archive_of(script))
        to = self._db.read(address_of, self._keyring, patient.mailbox_id)
        text = "Bonjour,\n\nveuillez trouver ci-joint le compte rendu des échanges entre vos professionnels de santé.\n"
        self._submitter.submit(asker.mailbox_id, (to,), title, text, "", key, (document,))
        return "L'archive (PDF/A) est partie, signée ; elle sera classée au dossier du patient après son accord."

    def _subject(self, session: Session, patient: Patient) -> Subject:
        who = identity_of(session, self._keyring, patient.id)
        born = "/".join(reversed(who.birth_date.split("-")))
        return Subject(patient.id, f"{who.family} {who.given}, né{'e' if who.sex == 'F' else ''} le {born}")

    def _author(self, session: Session, asker: Asker, message_id: int) -> Patient | None:
        holder = get_mailbox(session, asker.mailbox_id).holder_id
        try:
            author = Address.parse(self._store.open_message(message_id, holder).meta.from_)
        except NotAnAddress:
            return None
        mailbox = find_mailbox(session, self._keyring, author)
        return patient_of_mailbox(session, mailbox.id) if mailbox else None

    def _objects(self, session: Session, patient_id: int, mailbox_id: int) -> bool:
        grantees = (consent.EVERYBODY, mailbox_id)
        return any(consent.is_denied(session, patient_id, consent.ACCESS, one) for one in grantees)


def title_of(script: Transcript) -> str:
    """Of the mail and of the document in it: nothing of the patient."""
    return f"Échanges entre professionnels, dossier {script.ref[:6].upper()}"


def archive_of(script: Transcript) -> bytes:
    """The room's history as PDF/A-1b. Raises BadInput: too long."""
    title = title_of(script)
    return pdfa(title, _blocks(title, script), script.closed)


def _blocks(title: str, script: Transcript) -> Iterator[Block]:
    yield Heading(title, 1)
    yield Paragraph(f"Patient : {script.subject}\nSalon {script.ref}, clos le {script.closed:%d/%m/%Y à %H:%M} (UTC)")
    yield Heading("Participants")
    for stay in script.stays:
        until = f"au {stay.left:%d/%m/%Y %H:%M}" if stay.left else "à la clôture"
        yield Paragraph(f"{stay.name} – du {stay.came:%d/%m/%Y %H:%M} {until}\n{stay.user_id}")
    yield Heading("Échanges")
    for one in script.said:
        yield Heading(f"{one.at:%d/%m/%Y %H:%M:%S} – {one.name}", 3)
        yield Paragraph(one.text)
