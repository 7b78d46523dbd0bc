"""Opens and closes case rooms, and says who may come in. For threads; harmless twice."""

from collections.abc import Callable

from sqlalchemy.orm import Session

from core.address import Address
from core.audit import Event as Trace
from core.audit import Trail
from core.clock import Clock
from core.db import Db
from core.errors import Refused, Temporary
from crypto.keyring import Keyring
from directory.mailboxes import get_mailbox
from instant import cases, inbound
from instant.accounts import Account, account_of_mailbox, find_account, get_account, shown_name
from instant.cases import Subject
from instant.enrolment import Enrolment
from instant.mirror import promise
from instant.rooms import CASE, OPEN, Room
from instant.services import Asker, CaseFiles
from instant.transcript import Transcript, moment, transcribe
from mail.store import Store

OPENED = "Le salon du dossier est ouvert : l'invitation est dans votre messagerie instantanée."
MEMBER = "on n'invite dans un salon de dossier qu'un professionnel de l'annuaire qui s'est déjà connecté"


class CaseDesk:
    """`files` is what the record says: of whom a message speaks, who may know, where an archive goes."""

    def __init__(
        self, db: Db, keyring: Keyring, trail: Trail, clock: Clock, store: Store, files: CaseFiles, people: Enrolment
    ) -> None:
        self._db, self._keyring, self._trail, self._clock = db, keyring, trail, clock
        self._store, self._files, self._people = store, files, people

    def open_from_message(self, asker: Asker, message_id: int, key: str) -> str:
        """A room about the patient of a message, which is shown in it. Raises NotFound, Refused."""
        return self._open(asker, self._files.subject_of_message(asker, message_id), key, message_id)

    def open_from_words(self, asker: Asker, words: str, key: str) -> str:
        """A room about the patient with this matricule. Raises BadInput, Refused."""
        return self._open(asker, self._files.subject(asker, words), key, None)

    def open_from_page(self, account_id: int, address: Address, message_id: int, key: str) -> str:
        """From a page of the portal, by the holder of this address. Raises NotFound, Refused."""
        return self.open_from_message(self._asker(account_id, address), message_id, key)

    def open_about(self, account_id: int, address: Address, patient_id: int, key: str) -> str:
        """The same from a patient's page. Raises NotFound, Refused."""
        asker = self._asker(account_id, address)
        return self._open(asker, self._files.subject_of_patient(asker, patient_id), key, None)

    def _asker(self, account_id: int, address: Address) -> Asker:
        account = self._people.enrol(address)
        return Asker(account.user_id, account_id, account.mailbox_id)

    def check_member(self, asker: Asker, room: Room, user_id: str) -> None:
        """Raises Refused for whoever is no verified professional, or to whom the patient objects."""
        if room.kind != CASE:
            return
        account = self._db.read(find_account, user_id)
        if account is None or not account.verified:
            raise Refused(MEMBER, "no verified account for a case")
        subject = self._db.read(cases.subject_of, self._keyring, room)
        self._files.check_member(asker, subject.patient_id, account.mailbox_id)

    def close(self, event: inbound.Event, room: Room, asker: Asker, silence: Callable[[Room], None]) -> str:
        """Nobody writes any more; then, once what was said is here, the archive leaves. Raises Refused, Temporary."""
        if room.kind != CASE:
            raise Refused("ce n'est pas un salon de dossier", "no case room to close")
        if room.state == OPEN:
            silence(room)
            self._db.run(cases.closing, room.id)
            raise Temporary("le salon se ferme", "closing: what was said is taken in first")
        subject = self._db.read(cases.subject_of, self._keyring, room)
        script = self._db.read(self._transcript, room, subject, event.sent_at)
        told = self._files.archive(asker, subject.patient_id, script, f"case:{room.ref}")
        self._db.run(self._closed, room, asker)
        return f"Salon clos. {told}"

    def _open(self, asker: Asker, subject: Subject, key: str, message_id: int | None) -> str:
        account = self._db.read(account_of_mailbox, asker.mailbox_id)
        if account is None:
            raise Refused("cette boîte n'a pas de messagerie instantanée", "no chat account to open a case")
        self._db.run(self._want, asker, account, subject, key, message_id)
        return OPENED

    def _want(
        self, session: Session, asker: Asker, account: Account, subject: Subject, key: str, message_id: int | None
    ) -> None:
        now = self._clock.now()
        room, new = cases.open_case(session, self._keyring, account, subject, key, now)
        if not new:
            return
        if message_id is not None:
            holder = get_mailbox(session, account.mailbox_id).holder_id
            promise(session, self._keyring, room, message_id, self._store.open_message(message_id, holder))
        self._trail.record(session, Trace(str(asker.account_id), "case.open", "done", now, room.id))

    def _closed(self, session: Session, room: Room, asker: Asker) -> None:
        cases.closed(session, room.id)
        self._trail.record(session, Trace(str(asker.account_id), "case.close", "archived", self._clock.now(), room.id))

    def _transcript(self, session: Session, room: Room, subject: Subject, closed_ms: int) -> Transcript:
        names: dict[str, str] = {}

        def named(user_id: str) -> str:
            if user_id not in names:
                account = find_account(session, user_id)
                names[user_id] = shown_name(session, self._keyring, get_account(session, account.id)) if account else ""
            return names[user_id] or user_id

        events = inbound.history(session, self._keyring, room.id) + inbound.unread_in(session, room.id)
        in_order = sorted(events, key=lambda one: one.sent_at)
        return transcribe(room.ref, subject.words, moment(closed_ms), in_order, named)
