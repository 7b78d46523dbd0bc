"""Break-glass afterwards: the operator reviews it, the patient is shown who opened the record, when and why."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from core.audit import Event
from core.clock import epoch_ms
from core.errors import BadInput
from directory.patients import get_patient
from portal.actors import actor_name
from portal.language import N_
from portal.my_record import ACTS, OTHER_ACT, Owner
from portal.reads import Reads
from portal.services import Services
from portal.session import Visitor
from record import break_glass
from record.break_glass import JUSTIFIED, UNJUSTIFIED, Glass
from record.glass_reads import reads_of

FRESH = timedelta(days=30)  # how long the patient's first page shows an opening; « qui a lu » has them all
VERDICTS = {"vu": JUSTIFIED, "a-contester": UNJUSTIFIED}
SAID = {
    "": N_("pas encore contrôlé"),
    JUSTIFIED: N_("contrôlé : vu"),
    UNJUSTIFIED: N_("contrôlé : à contester"),
}


@dataclass(frozen=True, slots=True, repr=False)
class Act:
    """One reading: what was done, and the document's number where it is one."""

    at: int
    act: str
    ref: int | None


@dataclass(frozen=True, slots=True, repr=False)
class Case:
    """One opening for whoever may see it; times in milliseconds. `reason` is empty in a list, `acts` for patients."""

    id: int
    patient_id: int
    at: int
    until: int
    is_open: bool
    who: str
    reason: str
    review: str
    is_reviewed: bool
    acts: tuple[Act, ...] = ()
    whose: str = ""


class Reviews:
    """For operators and patients."""

    def __init__(self, services: Services, reads: Reads) -> None:
        self._services, self._reads = services, reads

    def waiting(self) -> tuple[Case, ...]:
        """What nobody has reviewed, oldest first: without reasons, which are opened one by one and traced."""
        return self._services.db.read(self._waiting, self._services.clock.now())

    def case(self, visitor: Visitor, glass_id: int) -> Case:
        """Reason and readings; that they were seen stands in the trail first. Whose record it is is not told: what is
        to be judged is the reason and what was read. Raises NotFound."""
        services = self._services
        glass = services.db.run(self._seen, visitor, glass_id)
        return services.db.read(self._case, glass, services.clock.now())

    def decide(self, visitor: Visitor, glass_id: int, word: str) -> None:
        """`vu` or `a-contester`, once. Raises BadInput, NotFound, Refused."""
        if word not in VERDICTS:
            raise BadInput("Choisissez « Vu » ou « À contester ».", "unknown verdict")
        services = self._services
        now = services.clock.now()
        services.db.run(break_glass.review, services.trail, glass_id, visitor.account_id, VERDICTS[word], now)

    def of_patient(self, visitor: Visitor, owner: Owner, *, fresh: bool = False) -> tuple[Case, ...]:
        """Who opened this record in an emergency, newest first; traced once a session for each opening and review."""
        services, now = self._services, self._services.clock.now()
        found = services.db.read(break_glass.of_patient, services.keyring, owner.patient.id)
        shown = [each for each in found if not fresh or each.opened_at > now - FRESH]
        self._reads.glasses(visitor, shown)
        return services.db.read(self._told, shown, now, owner.name)

    def _waiting(self, session: Session, now: datetime) -> tuple[Case, ...]:
        found = break_glass.to_review(session, self._services.keyring)
        return tuple(self._made(session, each, now, "", self._acts(session, each)) for each in found)

    def _seen(self, session: Session, visitor: Visitor, glass_id: int) -> Glass:
        services = self._services
        glass = break_glass.get_glass(session, services.keyring, glass_id)
        holder_id = get_patient(session, glass.patient_id).holder_id
        event = Event(visitor.actor, "glass.show", "allowed", services.clock.now(), glass.id, holder_id)
        services.trail.record(session, event)
        return glass

    def _case(self, session: Session, glass: Glass, now: datetime) -> Case:
        return self._made(session, glass, now, glass.reason, self._acts(session, glass))

    def _told(self, session: Session, found: list[Glass], now: datetime, whose: str) -> tuple[Case, ...]:
        return tuple(self._made(session, each, now, each.reason, (), whose) for each in found)

    def _acts(self, session: Session, glass: Glass) -> tuple[Act, ...]:
        found = reads_of(session, glass)
        return tuple(
            Act(each.at, ACTS.get(each.action, OTHER_ACT), each.ref if each.action == "document.read" else None)
            for each in found
        )

    def _made(
        self, session: Session, glass: Glass, now: datetime, reason: str, acts: tuple[Act, ...], whose: str = ""
    ) -> Case:
        return Case(
            id=glass.id,
            patient_id=glass.patient_id,
            at=epoch_ms(glass.opened_at),
            until=epoch_ms(glass.until),
            is_open=glass.until > now,
            who=actor_name(session, self._services.keyring, str(glass.account_id)),
            reason=reason,
            review=SAID[glass.reviewed],
            is_reviewed=bool(glass.reviewed),
            acts=acts,
            whose=whose,
        )
