"""Documents that a person has to look at before anything is filed or ordered from them: shown, then decided."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from crypto.verdict import Reason
from mail.meta import MessageMeta
from portal import words
from portal.desk import reader
from portal.services import Services
from portal.session import Visitor
from record import reconcile
from record.access import Shown
from record.documents import FILED

# Why a document waits: the reasons of `record.judgement` and `record.filing`.
WHY = {
    "signature": "La signature du message ne correspond pas : ne vous fiez pas à ce document.",
    "signature_undecided": "La signature n'a pas pu être vérifiée.",
    "identity": "L'identité écrite sur le document n'est pas celle du patient.",
    "form": "Le document ne peut pas être lu par la machine.",
    "several_patients": "Plusieurs patients peuvent être concernés.",
}


@dataclass(frozen=True, slots=True, repr=False)
class Doubt:
    """One document that waits. `can_file`: whether a person may file it after all."""

    shown: Shown
    why: str
    badge: words.Badge
    sender: str
    can_file: bool


@dataclass(frozen=True, slots=True, repr=False)
class Decision:
    """One that can be taken back. Nothing of the document itself is told: only of the message that brought it."""

    document_id: int
    is_filed: bool
    sender: str
    filed_at: int  # epoch, in milliseconds


class Checking:
    """What waits in the messages of one pharmacy."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def count(self, visitor: Visitor) -> int:
        """How many: no content, so nothing to trace."""
        return len(self._services.db.read(reconcile.waiting_for, visitor.holder_id))

    def doubts(self, visitor: Visitor) -> tuple[Doubt, ...]:
        """By the record's own door, which writes the trail first."""
        waiting = self._services.records.to_reconcile(reader(visitor))
        ids = [shown.row.message_id for shown in waiting]
        metas = self._services.db.read(self._services.store.metas, ids, visitor.holder_id)
        return tuple(_doubt(shown, metas.get(shown.row.message_id)) for shown in waiting)

    def decide(self, visitor: Visitor, document_id: int, accept: bool) -> None:
        """File it after all, or put it aside. Raises NotFound, Refused."""
        _row, files = self._services.db.run(self._decide, visitor, document_id, accept)
        for file_id in files:
            self._services.blobs.discard(file_id)

    def decisions(self, visitor: Visitor) -> tuple[Decision, ...]:
        """The latest that can be taken back, newest first."""
        rows = self._services.db.read(reconcile.decided_for, visitor.holder_id)
        ids = [row.message_id for row in rows]
        metas = self._services.db.read(self._services.store.metas, ids, visitor.holder_id)
        return tuple(
            Decision(row.id, row.state == FILED, _sender(metas.get(row.message_id)), row.filed_at) for row in rows
        )

    def undo(self, visitor: Visitor, document_id: int) -> None:
        """The document waits again. Raises NotFound, Refused."""
        now, trail = self._services.clock.now(), self._services.trail
        self._services.db.run(reconcile.undo, trail, document_id, visitor.actor, visitor.holder_id, now)

    def _decide(
        self, session: Session, visitor: Visitor, document_id: int, accept: bool
    ) -> tuple[object, tuple[int, ...]]:
        now = self._services.clock.now()
        trail, holder_id = self._services.trail, visitor.holder_id
        return reconcile.decide(
            session, trail, self._services.keyring, document_id, accept, visitor.actor, holder_id, now
        )


def _doubt(shown: Shown, meta: MessageMeta | None) -> Doubt:
    badge = words.badge(meta.verdict, meta.reason) if meta else words.badge("none", Reason.NOT_SIGNED.value)
    can_file = shown.meta is not None and shown.row.patient_id is not None
    can_file = can_file and not shown.row.reason.startswith("signature")
    why = WHY.get(shown.row.reason, "Ce document doit être vérifié.")
    return Doubt(shown, why, badge, _sender(meta), can_file)


def _sender(meta: MessageMeta | None) -> str:
    return (meta.from_name or meta.from_) if meta else ""
