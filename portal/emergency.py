"""Break-glass as a clinician meets it: whose record, why, what is in it, and how long it stays open."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from core.audit import Event
from core.clock import epoch_ms
from core.errors import NotFound
from core.ins import Ins, NotAnIns
from directory.patients import Identity, find_patient, identity_of
from portal.desk import reader
from portal.language import N_
from portal.services import Services
from portal.session import Visitor
from record import break_glass
from record.access import Shown
from record.break_glass import Glass

NOBODY = N_("Aucun patient suivi ici n'a ce matricule et cette date de naissance. Vérifiez les deux.")
_GONE = "Cet accès d'urgence n'existe pas ou n'est pas à vous."


@dataclass(frozen=True, slots=True, repr=False)
class Opening:
    """One of the visitor's own. `who` and `documents` are empty once it is over; times in milliseconds."""

    id: int
    until: int
    seconds: int
    reason: str
    who: Identity | None
    documents: tuple[Shown, ...] = ()

    @property
    def minutes(self) -> int:
        """What is left, rounded up: the last minute is one, and 0 is over."""
        return -(-self.seconds // 60)


class Emergencies:
    """For the clinician who is signed in."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def open(self, visitor: Visitor, matricule: str, born: str, reason: str) -> int:
        """Returns the opening's number; the same patient again is the same opening, with the time that it has left.

        Both traits must fit: one mistyped matricule opens nobody else's record. Raises BadInput, NotFound, Refused.
        """
        services = self._services
        patient_id = services.db.run(self._whose, visitor, matricule, born)
        if patient_id is None:
            raise NotFound(NOBODY, "break-glass for nobody we know")
        return services.db.run(self._open, visitor, patient_id, reason).id

    def lasting(self, visitor: Visitor) -> tuple[Opening, ...]:
        """What the visitor has open now."""
        return self._services.db.read(self._lasting, visitor, self._services.clock.now())

    def look(self, visitor: Visitor, glass_id: int) -> Opening:
        """The record as the emergency opens it, newest first; nothing of it once the time is over. Raises NotFound."""
        services = self._services
        glass = self._own(visitor, glass_id)
        if glass.until <= services.clock.now():
            return _opening(glass, services.clock.now(), None)
        found = services.records.list(reader(visitor), glass.patient_id)  # in the trail before the name is opened
        shown = tuple(sorted((each for each in found if each.meta), key=lambda each: -each.row.filed_at))
        who = services.db.read(identity_of, services.keyring, glass.patient_id)
        return _opening(glass, services.clock.now(), who, shown)

    def close(self, visitor: Visitor, glass_id: int) -> None:
        """Before its time. Raises NotFound."""
        services = self._services
        glass = self._own(visitor, glass_id)
        services.db.run(break_glass.close_glass, services.trail, glass.id, visitor.account_id, services.clock.now())

    def _own(self, visitor: Visitor, glass_id: int) -> Glass:
        glass = self._services.db.read(break_glass.get_glass, self._services.keyring, glass_id)
        if glass.account_id != visitor.account_id:
            raise NotFound(_GONE, "break-glass of another account")
        return glass

    def _whose(self, session: Session, visitor: Visitor, matricule: str, born: str) -> int | None:
        """Unit of work; it never raises, or the trace of a wrong guess would be undone."""
        keyring = self._services.keyring
        try:
            patient = find_patient(session, keyring, Ins.parse(matricule, self._services.ins_oid))
            if patient and identity_of(session, keyring, patient.id).birth_date == born:
                return patient.id
        except (NotAnIns, NotFound):
            pass
        event = Event(visitor.actor, "glass.open", "not_found", self._services.clock.now())
        self._services.trail.record(session, event)
        return None

    def _open(self, session: Session, visitor: Visitor, patient_id: int, reason: str) -> Glass:
        return break_glass.open_glass(
            session,
            self._services.keyring,
            self._services.trail,
            account_id=visitor.account_id,
            mailbox_id=visitor.mailbox_id,
            patient_id=patient_id,
            reason=reason,
            now=self._services.clock.now(),
        )

    def _lasting(self, session: Session, visitor: Visitor, now: datetime) -> tuple[Opening, ...]:
        keyring = self._services.keyring
        found = break_glass.lasting_of(session, keyring, visitor.account_id, now)
        return tuple(_opening(each, now, None) for each in found)


def _opening(glass: Glass, now: datetime, who: Identity | None, shown: tuple[Shown, ...] = ()) -> Opening:
    left = max(0, int((glass.until - now).total_seconds()))
    return Opening(glass.id, epoch_ms(glass.until), left, glass.reason, who, shown)
