"""A patient as a clinician meets them: identity, documents, what is new since the last visit, who may be written to."""

from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy.orm import Session

from core.errors import NotFound, Refused
from directory.mailboxes import address_of, get_mailbox
from directory.patients import Identity, get_patient, identity_of
from portal.desk import reader
from portal.services import Services
from portal.session import Visitor
from record.access import Shown
from record.documents import FILED
from record.looks import FIRST, last_looks, look
from record.unpack.facts import CDA

NEWS = 50  # patients of the latest visits whose news stand on the first page


@dataclass(frozen=True, slots=True, repr=False)
class Paper:
    """A document of the page. `is_cda`: it can travel in an XDM archive."""

    shown: Shown
    is_new: bool
    is_cda: bool


@dataclass(frozen=True, slots=True, repr=False)
class PatientPage:
    """`since`: end of the visit before (epoch, ms), 0 in the first one. `reachable`: has an open mailbox here."""

    patient_id: int
    who: Identity
    since: int
    papers: tuple[Paper, ...]
    reachable: bool

    @property
    def new(self) -> tuple[Paper, ...]:
        return tuple(paper for paper in self.papers if paper.is_new)


@dataclass(frozen=True, slots=True, repr=False)
class News:
    """How many documents came since this clinician's last visit."""

    patient_id: int
    who: Identity
    count: int


class PatientDesk:
    """By the record's own door alone, which writes the trail first."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def page(self, visitor: Visitor, patient_id: int) -> PatientPage:
        """Newest first; the look is written down. Raises NotFound, also for a patient who is none of theirs."""
        shown = self.documents(visitor, patient_id, "record.list")
        who, reachable = self._services.db.read(self._who, patient_id)
        now = self._services.clock.now()
        since = self._services.db.run(look, visitor.account_id, patient_id, now)
        papers = sorted((_paper(each, since) for each in shown), key=lambda paper: -paper.shown.row.filed_at)
        return PatientPage(patient_id, who, since, tuple(papers), reachable)

    def documents(self, visitor: Visitor, patient_id: int, action: str) -> tuple[Shown, ...]:
        """What they may see of this patient; `action` is the word for the trail. Raises NotFound."""
        try:
            return self._services.records.about(reader(visitor), patient_id, action)
        except Refused:  # the same words as for somebody who does not exist
            raise NotFound("Ce patient n'est pas parmi les vôtres.", "no access to this patient") from None

    def news(self, visitor: Visitor) -> tuple[News, ...]:
        """Of the patients whom they visited, those with most news first."""
        now = self._services.clock.now()
        since = self._services.db.read(last_looks, visitor.account_id, now, NEWS)
        visited = {one: at for one, at in since.items() if at != FIRST}
        counts = self._services.records.news(reader(visitor), visited) if visited else {}
        found = []
        for patient_id, count in counts.items():
            with suppress(NotFound):  # erased meanwhile
                found.append(News(patient_id, self._services.db.read(self._who, patient_id)[0], count))
        return tuple(sorted(found, key=lambda each: -each.count))

    def open_case(self, visitor: Visitor, patient_id: int, key: str) -> str:
        """A chat room about this patient; the same key opens one. Raises NotFound, Refused."""
        services = self._services
        if services.cases is None:
            raise NotFound("la messagerie instantanée n'est pas activée", "no chat for a case")
        address = services.db.read(address_of, services.keyring, visitor.mailbox_id)
        return services.cases.open_about(visitor.account_id, address, patient_id, f"page:{visitor.account_id}:{key}")

    def _who(self, session: Session, patient_id: int) -> tuple[Identity, bool]:
        patient = get_patient(session, patient_id)
        reachable = patient.mailbox_id is not None and get_mailbox(session, patient.mailbox_id).is_open
        return identity_of(session, self._services.keyring, patient_id), reachable


def _paper(shown: Shown, since: int) -> Paper:
    is_cda = shown.row.state == FILED and shown.meta is not None and shown.meta.media_type == CDA
    return Paper(shown, since != FIRST and shown.row.filed_at > since, is_cda)
