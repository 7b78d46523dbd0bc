"""The patient's own record as the pages show it: documents, who read, who may, and whom the patient acts for."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from core.errors import NotFound, Refused
from directory.patients import Patient, get_patient, identity_of, patient_of_mailbox
from portal.actors import actor_name, mailbox_label
from portal.language import N_
from portal.services import Services
from portal.session import Visitor
from record import consent, representatives, software
from record.access import Shown, Trace
from record.consent import Consent
from record.documents import AWAITING
from record.extracts import Synthesis, synthesis
from record.finding import Hit, search
from record.interface import content_of
from record.masking import Masking
from record.rights import Reader
from record.visibility import Ground, Mask

ACTS = {
    "document.read": N_("a ouvert un document"),
    "document.show": N_("a vu un document à rapprocher"),
    "document.file": N_("a classé un document"),
    "document.mask": N_("a caché un document"),
    "document.unmask": N_("a remontré un document"),
    "document.remove": N_("a retiré un document"),
    "document.reconcile": N_("a décidé d'un document à rapprocher"),
    "record.list": N_("a vu la liste des documents"),
    "record.news": N_("a vu combien de documents sont nouveaux"),
    "record.send": N_("a préparé un envoi de documents"),
    "case.open": N_("a ouvert un salon entre professionnels"),
    "record.search": N_("a cherché dans les documents"),
    "record.summary": N_("a ouvert la synthèse"),
    "record.patient": N_("a vu l'identité"),
    "record.readers": N_("a vu qui a lu"),
    "order.draft": N_("a préparé une commande à partir d'un message"),
    "order.complete": N_("a joint à une commande ce qui y manquait"),
    "order.read": N_("a vu une commande"),
    "order.letter": N_("a lu un message d'une commande"),
    "order.confirm": N_("a confirmé les lignes d'une commande"),
    "order.move": N_("a changé l'état d'une commande"),
    "order.delegate": N_("a désigné qui retire une commande"),
    "order.export": N_("a exporté une commande"),
    "glass.open": N_("a ouvert le dossier en urgence, sans accord préalable"),
    "glass.close": N_("a terminé son accès d'urgence"),
    "glass.review": N_("a contrôlé un accès d'urgence"),
    "glass.show": N_("a vu les motifs d'accès d'urgence"),
    "consent.answer": N_("a répondu à une demande d'accord"),
    "representative.appoint": N_("a inscrit un représentant légal"),
    "representative.dismiss": N_("a retiré un représentant légal"),
}
OTHER_ACT = N_("a agi sur le dossier")
WHY = {
    Ground.OWN: N_("c'est votre dossier"),
    Ground.REPRESENTATIVE: N_("comme représentant légal"),
    Ground.CONSENT: N_("avec votre accord"),
    Ground.MESSAGE: N_("l'a reçu par messagerie"),
    Ground.EMERGENCY: N_("en urgence, sans votre accord"),
}


@dataclass(frozen=True, slots=True, repr=False)
class Owner:
    """Whose record the page shows: the visitor's own, or that of somebody for whom they act."""

    patient: Patient
    name: str
    is_own: bool


@dataclass(frozen=True, slots=True, repr=False)
class Read:
    """One line of « qui a lu »."""

    at: int
    who: str
    act: str
    why: str
    is_refused: bool
    is_emergency: bool = False


@dataclass(frozen=True, slots=True, repr=False)
class Agreement:
    """A consent or opposition with the public name of whom it is about."""

    consent: Consent
    name: str


@dataclass(frozen=True, slots=True, repr=False)
class Rights:
    """Everything on « mes droits »."""

    filing: str
    is_opposed: bool
    emergency_refused: bool
    reminders_refused: bool
    asked: tuple[Agreement, ...]
    professionals: tuple[Agreement, ...]
    programs: tuple[Agreement, ...]
    representatives: tuple[tuple[int, str, str], ...]  # mailbox, name, kind


class MyRecord:
    """For the patient who is signed in."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def owner(self, visitor: Visitor, patient_id: int = 0) -> Owner:
        """Raises NotFound: nobody of theirs, whoever it is."""
        return self._services.db.read(self._owner, visitor, patient_id)

    def wards(self, visitor: Visitor) -> tuple[Owner, ...]:
        """For whom the visitor acts."""
        return self._services.db.read(self._wards, visitor)

    def everyone(self, visitor: Visitor) -> tuple[Owner, ...]:
        """The visitor's own record, where there is one, and those for whom they act."""
        own = self._services.db.read(patient_of_mailbox, visitor.mailbox_id)
        return ((Owner(own, "", True),) if own else ()) + self.wards(visitor)

    def documents(self, visitor: Visitor, owner: Owner) -> tuple[Shown, ...]:
        """Newest first."""
        found = self._services.records.list(reader(visitor), owner.patient.id)
        return tuple(sorted((each for each in found if each.meta), key=lambda each: -each.row.filed_at))

    def found(self, visitor: Visitor, owner: Owner, words: str) -> tuple[Hit, ...]:
        return search(words, self._services.records.texts(reader(visitor), owner.patient.id))

    def synthesis(self, visitor: Visitor, owner: Owner) -> Synthesis:
        """Every document that is quoted is traced."""
        who, records = reader(visitor), self._services.records
        found = records.list(who, owner.patient.id, "record.summary")
        return synthesis(tuple((each, content_of(records, who, each)) for each in found))

    def readers(self, visitor: Visitor, owner: Owner) -> tuple[Read, ...]:
        """Who read or changed what, and why, newest first."""
        found = self._services.records.traces(reader(visitor), owner.patient.id)
        return self._services.db.read(self._told, visitor, found)

    def rights(self, owner: Owner) -> Rights:
        return self._services.db.read(self._rights, owner)

    def mask(self, visitor: Visitor, document_id: int, mark: Mask, is_set: bool) -> None:
        """Raises NotFound, Refused."""
        now = self._services.clock.now()
        self._services.db.run(self._masking.mask, reader(visitor), document_id, mark, is_set, now)

    def remove(self, visitor: Visitor, document_id: int) -> None:
        """For good. Raises NotFound, Refused."""
        now = self._services.clock.now()
        for file in self._services.db.run(self._masking.remove, reader(visitor), document_id, now):
            self._services.blobs.discard(file)

    def settle(self, visitor: Visitor, owner: Owner, purpose: str, grantee: int, granted: bool) -> None:
        """One decision of the patient's. Raises Refused for a purpose that is none of theirs."""
        if purpose not in (consent.FILING, consent.ACCESS, consent.SOFTWARE, consent.EMERGENCY, consent.REMINDERS):
            raise Refused("cet accord n'existe pas", "unknown purpose")
        services = self._services
        args = (owner.patient.id, purpose, granted, visitor.actor, services.clock.now(), grantee)
        for file in services.db.run(consent.settle, services.trail, *args).files:
            services.blobs.discard(file)

    def dismiss(self, visitor: Visitor, owner: Owner, mailbox_id: int) -> None:
        """A representative acts no longer; somebody of age decides that themselves. Raises NotFound, Refused."""
        services, now = self._services, self._services.clock.now()
        if not owner.is_own or services.db.read(representatives.is_minor, services.keyring, owner.patient.id, now):
            raise Refused("demandez-le à l'établissement qui a inscrit ce représentant", "minor or not own")
        services.db.run(representatives.dismiss, services.trail, owner.patient.id, mailbox_id, visitor.actor, now)

    @property
    def _masking(self) -> Masking:
        return Masking(self._services.keyring, self._services.trail)

    def _owner(self, session: Session, visitor: Visitor, patient_id: int) -> Owner:
        own = patient_of_mailbox(session, visitor.mailbox_id)
        if own and patient_id in (0, own.id):
            return Owner(own, "", True)
        for ward in self._wards(session, visitor):
            if ward.patient.id == patient_id:
                return ward
        raise NotFound("dossier introuvable", "record of somebody else")

    def _wards(self, session: Session, visitor: Visitor) -> tuple[Owner, ...]:
        keyring, now = self._services.keyring, self._services.clock.now()
        found = representatives.wards(session, keyring, visitor.mailbox_id, now)
        return tuple(self._named(session, each.patient_id) for each in found)

    def _named(self, session: Session, patient_id: int) -> Owner:
        who = identity_of(session, self._services.keyring, patient_id)
        return Owner(get_patient(session, patient_id), f"{who.given} {who.family}", False)

    def _told(self, session: Session, visitor: Visitor, found: tuple[Trace, ...]) -> tuple[Read, ...]:
        names: dict[str, str] = {visitor.actor: N_("Votre compte")}
        told = []
        for each in found:
            if each.actor not in names:
                names[each.actor] = actor_name(session, self._services.keyring, each.actor)
            why = WHY[Ground(each.detail)] if each.detail in set(Ground) else ""
            refused = each.outcome in ("refused", "not_found")
            urgent = each.action == "glass.open" or each.detail == Ground.EMERGENCY
            act = ACTS.get(each.action, OTHER_ACT)
            told.append(Read(each.at, names[each.actor], act, why, refused, urgent))
        return tuple(told)

    def _rights(self, session: Session, owner: Owner) -> Rights:
        now = self._services.clock.now()
        every = consent.all_of(session, owner.patient.id)
        state = {(each.purpose, each.grantee_id): each.state for each in every}
        named = tuple(Agreement(each, self._grantee(session, each)) for each in every if each.grantee_id)
        standing = representatives.standing(session, self._services.keyring, owner.patient.id, now)
        people = tuple((each.mailbox_id, self._person(session, each.mailbox_id), each.kind.value) for each in standing)
        return Rights(
            filing=state.get((consent.FILING, 0), ""),
            is_opposed=state.get((consent.ACCESS, 0)) == consent.DENIED,
            emergency_refused=state.get((consent.EMERGENCY, 0)) == consent.DENIED,
            reminders_refused=state.get((consent.REMINDERS, 0)) == consent.DENIED,
            asked=tuple(each for each in named if each.consent.state == consent.ASKED),
            professionals=tuple(each for each in named if each.consent.purpose == consent.ACCESS),
            programs=tuple(each for each in named if each.consent.purpose == consent.SOFTWARE),
            representatives=people,
        )

    def _grantee(self, session: Session, each: Consent) -> str:
        try:
            if each.purpose == consent.SOFTWARE:
                program = software.get(session, each.grantee_id)
                return f"{program.name} – {mailbox_label(session, self._services.keyring, program.mailbox_id)}".strip(
                    " –"
                )
            return mailbox_label(session, self._services.keyring, each.grantee_id) or "Un professionnel"
        except NotFound:
            return "Un professionnel"

    def _person(self, session: Session, mailbox_id: int) -> str:
        found = patient_of_mailbox(session, mailbox_id)
        return self._named(session, found.id).name if found else "Une personne"


def reader(visitor: Visitor) -> Reader:
    """Who reads, for the trail."""
    return Reader(visitor.account_id, visitor.mailbox_id)


def waits(shown: Shown) -> bool:
    """Whether the document waits for the patient's consent."""
    return shown.row.state == AWAITING
