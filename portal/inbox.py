"""A person's INBOX as a page lists it: sealed meta-data, one bundle a patient, what nobody has opened first."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.audit import Event
from core.errors import NotFound
from directory.patients import Identity, identity_of
from mail.folder_rows import SEEN
from mail.folders import find_inbox
from mail.meta import MessageMeta
from mail.tables import folder_messages
from portal import words
from portal.services import Services
from portal.session import Visitor
from record.tables import documents

LISTED = 200  # letters on a page: what a person looks through; older ones are in the mail client


@dataclass(frozen=True, slots=True, repr=False)
class Letter:
    """One message of the list; `files`: how many documents it brought."""

    message_id: int
    at: int
    sender: str
    subject: str
    badge: words.Badge
    is_new: bool
    files: int


@dataclass(frozen=True, slots=True, repr=False)
class Bundle:
    """The letters about one patient, newest first; without a patient: all the others."""

    patient: Identity | None
    letters: tuple[Letter, ...]
    patient_id: int | None = None

    @property
    def new(self) -> int:
        return sum(letter.is_new for letter in self.letters)


@dataclass(frozen=True, slots=True)
class _Row:
    message_id: int
    uid: int
    is_new: bool


class Inbox:
    """Lists; opening a letter is `portal.correspondence`."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def bundles(self, visitor: Visitor) -> tuple[Bundle, ...]:
        """Patients with something new first, then by their newest letter. The look is in the trail before."""
        self._services.db.run(_trace, self._services, visitor)
        return self._services.db.read(self._bundles, visitor)

    def _bundles(self, session: Session, visitor: Visitor) -> tuple[Bundle, ...]:
        rows = _rows(session, find_inbox(session, visitor.mailbox_id).id)
        ids = [row.message_id for row in rows]
        metas = self._services.store.metas(session, ids, visitor.holder_id)
        about = _patients(session, ids)
        letters: dict[int | None, list[Letter]] = {}
        for row in rows:
            if meta := metas.get(row.message_id):
                patient, files = about.get(row.message_id, (None, 0))
                letters.setdefault(patient, []).append(_letter(row, meta, files))
        bundles = [Bundle(self._identity(session, who), tuple(found), who) for who, found in letters.items()]
        return tuple(sorted(bundles, key=lambda each: (not each.new, each.patient is None, -each.letters[0].at)))

    def _identity(self, session: Session, patient_id: int | None) -> Identity | None:
        """None too for a patient whose key is destroyed."""
        try:
            return identity_of(session, self._services.keyring, patient_id) if patient_id else None
        except NotFound:
            return None


def latest_heard(session: Session, services: Services, visitor: Visitor) -> list[MessageMeta]:
    """Unit of work: of the messages that a page lists, and the look in the trail."""
    _trace(session, services, visitor)
    ids = [row.message_id for row in _rows(session, find_inbox(session, visitor.mailbox_id).id)]
    return list(services.store.metas(session, ids, visitor.holder_id).values())


def _trace(session: Session, services: Services, visitor: Visitor) -> None:
    event = Event(visitor.actor, "mail.list", "allowed", services.clock.now(), None, visitor.holder_id)
    services.trail.record(session, event)


def _rows(session: Session, folder_id: int) -> list[_Row]:
    query = (
        select(folder_messages.c.message_id, folder_messages.c.uid, folder_messages.c.flags)
        .where(folder_messages.c.folder_id == folder_id)
        .order_by(folder_messages.c.uid.desc())
        .limit(LISTED)
    )
    return [_Row(row.message_id, row.uid, SEEN not in row.flags.split()) for row in session.execute(query)]


def _patients(session: Session, message_ids: Iterable[int]) -> Mapping[int, tuple[int | None, int]]:
    """Of whom the documents of each message speak, and how many they are; None where they speak of several."""
    patient = documents.c.patient_id
    query = (
        select(documents.c.message_id, func.min(patient), func.max(patient), func.count())
        .where(documents.c.message_id.in_(list(message_ids)))
        .group_by(documents.c.message_id)
    )
    return {row[0]: (row[1] if row[1] == row[2] else None, row[3]) for row in session.execute(query)}


def _letter(row: _Row, meta: MessageMeta, files: int) -> Letter:
    return Letter(
        row.message_id,
        meta.received_at,
        meta.from_name or meta.from_ or "expéditeur inconnu",
        meta.subject or "(sans objet)",
        words.badge(meta.verdict, meta.reason),
        row.is_new,
        files,
    )
