"""A patient sends a prescription: to which pharmacies, with which files, signed by whom."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.address import Address
from core.clock import epoch_ms
from core.errors import BadInput, NotFound, Refused
from core.ids import new_id
from crypto.sign import assemble
from directory.mailboxes import address_of, get_mailbox
from directory.patients import patient_of_mailbox
from directory.resolve import find_entry, is_pharmacy
from mail.compose import Attachment
from mail.tables import dispensations
from portal.drafts import DraftFile, Drafts, Parcel
from portal.language import N_
from portal.services import Services
from portal.session import Visitor
from portal.signing import Signing
from record.access import Reader
from record.documents import FILED
from record.reading.picture import Unopened, open_pages
from record.reading.words import REFUSALS
from record.tables import orders
from record.unpack import Taken, unpack
from record.unpack.facts import IMAGES, PDF, Problem

FILES = 4
OCTETS = 16 * 1024 * 1024  # of all files together: base64 makes a third more of it, and a message takes 25 MB
SUBJECT = "Ordonnance à préparer"
NOTE_CHARACTERS = 1000
WISHED_HEADER = "X-Pli-Souhait"
OTHER_KIND = N_("Envoyez une photo (JPEG, PNG) ou un PDF.")
_OTHER_KINDS = (Problem.UNKNOWN_TYPE, Problem.TYPE_NOT_TAKEN)
_ENDINGS = {"application/pdf": "pdf", "image/jpeg": "jpg", "image/png": "png", "image/tiff": "tif"}
_HELLO = "Bonjour,\n\nvoici mon ordonnance."


@dataclass(frozen=True, slots=True, repr=False)
class Choice:
    """A pharmacy to which this patient may write."""

    mailbox_id: int
    name: str
    address: Address
    place: str


@dataclass(frozen=True, slots=True, repr=False)
class Filed:
    """A document of the patient's record that may be sent."""

    id: int
    title: str
    media: str
    at: int


class Sending:
    """The three steps."""

    def __init__(self, services: Services, drafts: Drafts, signing: Signing) -> None:
        self._services = services
        self._signing = signing
        self._drafts = drafts
        self._taken = Taken(most_bytes=services.document_octets)

    def pharmacies(self, visitor: Visitor) -> tuple[Choice, ...]:
        """Theirs: those that dispensed within the year, or with which an order is known (FAQ-MES, 22/05/2023)."""
        return self._services.db.read(self._pharmacies, visitor)

    def pharmacy(self, visitor: Visitor, mailbox_id: int) -> Choice:
        """Raises BadInput for one that is not theirs."""
        for choice in self.pharmacies(visitor):
            if choice.mailbox_id == mailbox_id:
                return choice
        raise BadInput("Choisissez l'une de vos pharmacies.", "pharmacy is not one of this patient's")

    def record(self, visitor: Visitor) -> tuple[Filed, ...]:
        """The pictures and PDFs of the patient's record, newest first; by the record's own door."""
        patient = self._services.db.read(patient_of_mailbox, visitor.mailbox_id)
        if patient is None:
            return ()
        shown = self._services.records.list(Reader(visitor.account_id, visitor.mailbox_id), patient.id)
        found = [
            Filed(each.row.id, each.meta.title or "Document", each.meta.media_type, each.row.filed_at)
            for each in shown
            if each.meta and each.row.state == FILED and each.meta.media_type in _ENDINGS
        ]
        return tuple(sorted(found, key=lambda one: -one.at)[:30])

    def take(self, visitor: Visitor, pharmacy_id: int, files: Sequence[bytes], documents: Sequence[int]) -> int:
        """Opens what was chosen and keeps it as a draft; returns its id. Raises BadInput with what to do."""
        self.pharmacy(visitor, pharmacy_id)
        reader = Reader(visitor.account_id, visitor.mailbox_id)
        data = [*files, *(self._services.records.read(reader, document_id).content for document_id in documents)]
        if not data:
            raise BadInput("Choisissez une photo, un fichier ou un document de votre dossier.", "nothing chosen")
        if len(data) > FILES:
            raise BadInput(f"Envoyez au plus {FILES} fichiers à la fois.", "too many files")
        if sum(map(len, data)) > OCTETS:
            raise BadInput("Ces fichiers sont trop lourds ensemble : envoyez-en moins.", "files too large together")
        return self._drafts.start(visitor, pharmacy_id, list(zip(self.opened(data), data, strict=True)))

    def opened(self, files: Sequence[bytes]) -> list[DraftFile]:
        """What each file is. Raises BadInput for one that nobody could read."""
        return [self._opened(each, number) for number, each in enumerate(files, 1)]

    def address_of(self, mailbox_id: int) -> Address:
        """Of a mailbox of ours."""
        return self._services.db.read(address_of, self._services.keyring, mailbox_id)

    def send(self, visitor: Visitor, parcel: Parcel) -> int:
        """Signed with the seal of the patient's mailbox; the message's id. Raises BadInput, Refused, MailError."""
        choice = self.pharmacy(visitor, parcel.pharmacy_id)
        self._signing.ensure_seal(visitor.mailbox_id)
        message_id = self._services.post.submit(
            visitor.mailbox_id,
            (choice.address,),
            SUBJECT,
            _text(parcel),
            "",
            _key(parcel),
            attachments=self._attachments(visitor, parcel),
            extra=_extra(parcel),
        )
        self._drafts.drop(visitor, parcel.id)
        return message_id

    def compose(self, visitor: Visitor, parcel: Parcel) -> bytes:
        """The MIME entity that the patient's browser signs; kept, so that the very same octets are sent."""
        choice = self.pharmacy(visitor, parcel.pharmacy_id)
        head, entity = self._services.post.compose(
            visitor.mailbox_id,
            (choice.address,),
            SUBJECT,
            _text(parcel),
            "",
            _key(parcel),
            attachments=self._attachments(visitor, parcel),
            extra=_extra(parcel),
        )
        kept = tuple(self._drafts.add_file(visitor, parcel.id, each) for each in (head, entity))
        self._drafts.put(visitor, replace(parcel, composed=kept))
        return entity

    def send_signed(self, visitor: Visitor, parcel: Parcel, signature: bytes) -> int:
        """With the signature that the browser made over what `compose` gave. Raises Refused when it does not hold."""
        if len(parcel.composed) != 2:
            raise BadInput("Recommencez l'envoi : le message n'est plus là.", "nothing composed")
        head, entity = (self._drafts.file(visitor, parcel.id, each) for each in parcel.composed)
        choice = self.pharmacy(visitor, parcel.pharmacy_id)
        raw = assemble(head, entity, signature)
        sender = self._services.db.read(address_of, self._services.keyring, visitor.mailbox_id)
        if not self._signing.holds(raw, sender):
            raise Refused("La signature faite par ce navigateur n'est pas valable.", "browser signature does not hold")
        message_id = self._services.post.send_signed(visitor.mailbox_id, (choice.address,), raw, _key(parcel))
        self._drafts.drop(visitor, parcel.id)
        return message_id

    def _attachments(self, visitor: Visitor, parcel: Parcel) -> tuple[Attachment, ...]:
        return tuple(
            Attachment(file.media, file.name, self._drafts.file(visitor, parcel.id, file.id)) for file in parcel.files
        )

    def _opened(self, data: bytes, number: int) -> DraftFile:
        """What the octets are, whatever was declared. Raises BadInput when nobody could read it."""
        found = unpack(data, "", "", self._taken)
        if found.refused:
            problem = found.problems[0] if found.problems else ""
            raise BadInput(OTHER_KIND if problem in _OTHER_KINDS else REFUSALS.get(problem, OTHER_KIND), "file refused")
        media = found.documents[0].media_type if found.documents else ""
        if media not in _ENDINGS:
            raise BadInput(OTHER_KIND, "media type not sent by patients")
        fault = _fault(data, media, bool(found.documents[0].text.strip()))
        return DraftFile(new_id(), media, f"ordonnance-{number}.{_ENDINGS[media]}", len(data), fault)

    def _pharmacies(self, session: Session, visitor: Visitor) -> tuple[Choice, ...]:
        since = epoch_ms(self._services.clock.now() - timedelta(days=self._services.dispensed_within_days))
        served = select(dispensations.c.pharmacy_mailbox_id).where(
            dispensations.c.patient_mailbox_id == visitor.mailbox_id, dispensations.c.dispensed_at >= since
        )
        ids = list(session.execute(served.order_by(dispensations.c.dispensed_at.desc())).scalars())
        patient = patient_of_mailbox(session, visitor.mailbox_id)
        if patient:
            known = select(orders.c.pharmacy_mailbox_id).where(orders.c.patient_id == patient.id).distinct()
            ids += list(session.execute(known).scalars())
        found = (self._choice(session, mailbox_id) for mailbox_id in dict.fromkeys(ids))
        return tuple(choice for choice in found if choice)

    def _choice(self, session: Session, mailbox_id: int) -> Choice | None:
        try:
            mailbox = get_mailbox(session, mailbox_id)
            address = address_of(session, self._services.keyring, mailbox_id)
        except NotFound:
            return None
        entry = find_entry(session, address)
        if entry is None or not mailbox.is_open or not is_pharmacy(session, self._services.keyring, mailbox):
            return None
        place = " ".join(part for part in (entry.postcode, entry.city) if part)
        return Choice(mailbox_id, entry.structure_name or "Pharmacie", address, place)


def _fault(data: bytes, media: str, has_text: bool) -> str:
    """What makes a picture hard to read, and to take again; decoded in a process of its own."""
    if media not in IMAGES and (media != PDF or has_text):
        return ""
    try:
        return next((page.refused for page in open_pages(data, media) if page.refused), "")
    except Unopened as fault:
        return fault.said


def _text(parcel: Parcel) -> str:
    parts = [_HELLO]
    if parcel.wished:
        parts.append(f"Je souhaite passer : {parcel.wished}.")
    if parcel.note:
        parts.append(parcel.note)
    return "\n\n".join((*parts, "Merci.")) + "\n"


def _extra(parcel: Parcel) -> tuple[tuple[str, str], ...]:
    return ((WISHED_HEADER, parcel.wished),) if parcel.wished else ()


def _key(parcel: Parcel) -> str:
    return f"portal:{parcel.id}"
