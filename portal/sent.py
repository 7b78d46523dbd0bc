"""What a mailbox sent, and what became of each message: accepted, relayed, delivered, read, failed. Traced first."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from core.audit import Event
from core.clock import epoch_ms
from mail.timeline import ACCEPTED, Timeline, latest_sent, timeline_of
from portal.language import N_
from portal.services import Services
from portal.session import Visitor
from record.pack.xdm import PREFIX

LISTED = 50
STEPS = {
    ACCEPTED: (N_("Accepté"), "check"),
    "relayed": (N_("Transmis à l'opérateur du destinataire"), "send"),
    "delivered": (N_("Remis"), "letter"),
    "delayed": (N_("Retardé"), "clock"),
    "failed": (N_("Non distribué"), "cross"),
    "read": (N_("Lu"), "eye"),
    "answered": (N_("Répondu"), "pen"),
}
_OTHER = (N_("Nouvelle"), "question")


@dataclass(frozen=True, slots=True, repr=False)
class Step:
    """One point of the timeline. `kind`: bad or good, for its colour; `text`: what the other side said."""

    label: str
    icon: str
    kind: str
    at: int
    recipient: str
    text: str


@dataclass(frozen=True, slots=True, repr=False)
class SentLetter:
    """`last` is where it stands."""

    message_id: int
    at: int
    to: tuple[str, ...]
    steps: tuple[Step, ...]
    subject: str

    @property
    def last(self) -> Step:
        return self.steps[-1]


class SentBook:
    """The visitor's own mailbox alone."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def latest(self, visitor: Visitor) -> tuple[SentLetter, ...]:
        """Newest first."""
        return self._services.db.run(self._latest, visitor)

    def letter(self, visitor: Visitor, message_id: int) -> SentLetter:
        """Raises NotFound, also for another mailbox's."""
        return self._services.db.run(self._letter, visitor, message_id)

    def _latest(self, session: Session, visitor: Visitor) -> tuple[SentLetter, ...]:
        found = latest_sent(session, self._services.keyring, visitor.mailbox_id, LISTED)
        self._trace(session, visitor, None)
        return tuple(_letter(each) for each in found)

    def _letter(self, session: Session, visitor: Visitor, message_id: int) -> SentLetter:
        found = timeline_of(session, self._services.keyring, visitor.mailbox_id, message_id)
        self._trace(session, visitor, message_id)
        return _letter(found)

    def _trace(self, session: Session, visitor: Visitor, ref: int | None) -> None:
        now = self._services.clock.now()
        event = Event(visitor.actor, "mail.timeline", "allowed", now, ref, visitor.holder_id)
        self._services.trail.record(session, event)


def _letter(found: Timeline) -> SentLetter:
    steps = []
    for event in found.events:
        label, icon = STEPS.get(event.kind, _OTHER)
        kind = "bad" if event.kind == "failed" else "unsure" if event.kind == "delayed" else "good"
        said = " ".join(part for part in (event.code, event.text) if part)
        steps.append(Step(label, icon, kind, epoch_ms(event.at), event.recipient, said))
    to = tuple(each.address for each in found.to)
    return SentLetter(found.message_id, epoch_ms(found.sent_at), to, tuple(steps), found.subject.removeprefix(PREFIX))
