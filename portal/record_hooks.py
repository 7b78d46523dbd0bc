"""Calls to registered software when something happens in a record: a document filed or to be reconciled, a consent
asked, a record opened in an emergency. A call names a row and nothing of its content.

A program hears of what its scopes, the patient's consent and its mailbox's rights let it read; all three are looked at
when the call is promised, and again when it leaves.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from core import outbox
from core.audit import Event, Trail
from core.clock import Clock
from core.db import Db
from core.errors import BadInput, NotFound
from crypto.keyring import Keyring
from directory.mailboxes import get_mailbox
from directory.patients import get_patient
from directory.tables import mailboxes
from mail.tables import message_keys
from portal import hook_target
from portal.hooks import PING, Hook, check_own, hooks_of, make_hook, promise_call, remove_hook
from portal.tables import web_hook_calls, web_hooks
from record import consent, software
from record.documents import FILED, RECONCILE, get_row, rows_of
from record.rights import Reader, Rights, holds
from record.software import DOCUMENTS, PATIENTS, READERS, Software
from record.tables import break_glass, consents, documents

DOCUMENT_FILED, TO_RECONCILE = "document.filed", "document.reconcile"
CONSENT_ASKED, EMERGENCY = "consent.asked", "record.emergency"
SCOPE_OF = {DOCUMENT_FILED: DOCUMENTS, TO_RECONCILE: DOCUMENTS, CONSENT_ASKED: PATIENTS, EMERGENCY: READERS}
_NAMED = {DOCUMENT_FILED: "document", TO_RECONCILE: "document", CONSENT_ASKED: "consent", EMERGENCY: "opening"}


def named(what: str, ref: int) -> dict[str, str]:
    """The data of a call's body: a row's number, which only the interface turns into more."""
    return {_NAMED[what]: str(ref)} if what in _NAMED else {}


class SoftwareHooks:
    """Where a registered program wants to be called."""

    def __init__(self, db: Db, keyring: Keyring, trail: Trail, clock: Clock, *, inside: bool) -> None:
        self._db, self._keyring, self._trail, self._clock, self._inside = db, keyring, trail, clock, inside

    def of(self, caller: Software) -> tuple[Hook, ...]:
        """Oldest first."""
        return self._db.read(self._of, caller)

    def make(self, caller: Software, url: str) -> Hook:
        """From now on. Raises BadInput: a bad address, too many, or no scope of which anything is told."""
        if not caller.scopes & set(SCOPE_OF.values()):
            raise BadInput("les droits de ce logiciel ne couvrent aucun événement", "no scope with events")
        return self._db.run(self._make, caller, hook_target.checked(url, inside=self._inside))

    def remove(self, caller: Software, hook_id: int) -> None:
        """Raises NotFound."""
        self._db.run(self._remove, caller, hook_id)

    def ping(self, caller: Software, hook_id: int) -> None:
        """A call that says nothing. Raises NotFound."""
        self._db.run(self._ping, caller, hook_id)

    def _of(self, session: Session, caller: Software) -> tuple[Hook, ...]:
        holder_id = get_mailbox(session, caller.mailbox_id).holder_id
        known = hooks_of(session, self._keyring, caller.mailbox_id, holder_id)
        return tuple(hook for hook in known if hook.software_id == caller.id)

    def _make(self, session: Session, caller: Software, url: str) -> Hook:
        holder_id, now = get_mailbox(session, caller.mailbox_id).holder_id, self._clock.now()
        hook = make_hook(session, self._keyring, caller.mailbox_id, holder_id, caller.id, url, now)
        self._trace(session, caller, "hook.make", hook.id, now)
        return hook

    def _remove(self, session: Session, caller: Software, hook_id: int) -> None:
        remove_hook(session, caller.mailbox_id, caller.id, hook_id)
        self._trace(session, caller, "hook.end", hook_id, self._clock.now())

    def _ping(self, session: Session, caller: Software, hook_id: int) -> None:
        check_own(session, caller.mailbox_id, caller.id, hook_id)
        promise_call(session, hook_id, None, PING, self._clock.now())

    def _trace(self, session: Session, caller: Software, what: str, hook_id: int, now: datetime) -> None:
        holder_id = get_mailbox(session, caller.mailbox_id).holder_id
        self._trail.record(session, Event(f"software:{caller.id}", what, "allowed", now, hook_id, holder_id))


class RecordHooks:
    """Promises the calls. Each function is harmless twice: a hook is called once for what happened to a row."""

    def __init__(self, db: Db, keyring: Keyring, clock: Clock) -> None:
        self._db, self._keyring, self._clock = db, keyring, clock

    def filed(self, *message_ids: int) -> None:
        """After the attachments of messages were filed, or not."""
        if self._db.read(_anybody):
            for message_id in message_ids:
                self._db.run(self._filed, message_id)

    def moved(self, consent_id: int) -> None:
        """After what waited for this consent was filed."""
        if self._db.read(_anybody):
            self._db.run(self._moved, consent_id)

    def asked(self, consent_id: int) -> None:
        """After a patient was asked."""
        if self._db.read(_anybody):
            self._db.run(self._asked, consent_id)

    def emergency(self, glass_id: int) -> None:
        """After a record was opened in an emergency."""
        if self._db.read(_anybody):
            self._db.run(self._emergency, glass_id)

    def _filed(self, session: Session, message_id: int) -> None:
        for row in rows_of(session, documents.c.message_id == message_id):
            if row.state == FILED and row.patient_id is not None:
                self._promise(session, _of_patient(session, row.patient_id), DOCUMENT_FILED, row.id)
            elif row.state == RECONCILE:
                self._promise(session, _holding(session, message_id), TO_RECONCILE, row.id)

    def _moved(self, session: Session, consent_id: int) -> None:
        row = session.execute(select(consents).where(consents.c.id == consent_id)).one_or_none()
        if row is None:
            return
        mine = (documents.c.patient_id == row.patient_id) & (documents.c.filed_at == row.at)
        for document in rows_of(session, mine, documents.c.state == FILED):
            self._promise(session, _of_patient(session, row.patient_id), DOCUMENT_FILED, document.id)

    def _asked(self, session: Session, consent_id: int) -> None:
        row = session.execute(select(consents).where(consents.c.id == consent_id)).one_or_none()
        if row is None or row.purpose not in (consent.ACCESS, consent.SOFTWARE):
            return
        asker = web_hooks.c.mailbox_id if row.purpose == consent.ACCESS else web_hooks.c.software_id
        found = session.execute(_LISTENING.where(asker == row.grantee_id)).scalars().all()
        self._promise(session, found, CONSENT_ASKED, consent_id)

    def _emergency(self, session: Session, glass_id: int) -> None:
        patient_id = _opened(session, glass_id)
        if patient_id is not None:
            self._promise(session, _of_patient(session, patient_id), EMERGENCY, glass_id)

    def _promise(self, session: Session, hook_ids: Iterable[int], what: str, ref: int) -> None:
        now = self._clock.now()
        for hook_id in hook_ids:
            row = session.execute(select(web_hooks).where(web_hooks.c.id == hook_id)).one()
            hook = Hook(row.id, row.mailbox_id, "", "", row.created_at, row.stopped, row.software_id)
            known = (web_hook_calls.c.hook_id == hook_id) & (web_hook_calls.c.order_id == ref)
            told = session.execute(select(exists().where(known, web_hook_calls.c.what == what))).scalar_one()
            if not told and may_hear(session, self._keyring, hook, what, ref, now):
                promise_call(session, hook_id, None, what, now, ref)


class Then:
    """A handler, and what is told once it has done its work; where telling fails both are done again."""

    def __init__(self, first: Callable[[int], object], then: Callable[[int], None]) -> None:
        self._first, self._then = first, then

    def __call__(self, ref: int) -> None:
        self._first(ref)
        self._then(ref)


class ThenSeveral:
    """The same for a handler of several at once."""

    def __init__(self, first: outbox.Several, then: Callable[..., None]) -> None:
        self._first, self._then = first, then

    def __call__(self, ref: int) -> None:
        self.many([ref])

    def many(self, refs: Sequence[int]) -> None:
        """As `outbox.Several` says."""
        self._first.many(refs)
        self._then(*refs)


def may_hear(session: Session, keyring: Keyring, hook: Hook, what: str, ref: int, now: datetime) -> bool:
    """Unit of work: whether this hook's program may know of it now. Nothing is read, so nothing is traced."""
    try:
        program = software.get(session, hook.software_id or 0)
        if program.is_revoked or not get_mailbox(session, hook.mailbox_id).is_open:
            return False
        return SCOPE_OF.get(what) in program.scopes and _reaches(session, keyring, program, what, ref, now)
    except NotFound:  # the program, or what is told of, is gone
        return False


def _reaches(session: Session, keyring: Keyring, program: Software, what: str, ref: int, now: datetime) -> bool:
    reader, rights = Reader(0, program.mailbox_id, program.id), Rights(keyring)
    if what == CONSENT_ASKED:
        asked = consent.get(session, ref)
        mine = {consent.ACCESS: program.mailbox_id, consent.SOFTWARE: program.id}.get(asked.purpose)
        return asked.grantee_id == mine
    if what == EMERGENCY:
        patient_id = _opened(session, ref)
        return patient_id is not None and bool(rights.of_record(session, reader, get_patient(session, patient_id), now))
    row = get_row(session, ref)
    if row is None:
        return False
    if what == TO_RECONCILE:
        return row.state == RECONCILE and holds(session, Reader(0, program.mailbox_id), row.message_id)
    return rights.of_document(session, reader, row, now) is not None


_LISTENING = select(web_hooks.c.id).where(web_hooks.c.software_id.is_not(None), web_hooks.c.stopped.is_(False))


def _anybody(session: Session) -> bool:
    """One look by index where no program wants to be called."""
    return session.execute(_LISTENING.limit(1)).one_or_none() is not None


def _of_patient(session: Session, patient_id: int) -> list[int]:
    """Hooks of the programs to which this patient agreed."""
    agreed = select(consents.c.grantee_id).where(
        consents.c.patient_id == patient_id,
        consents.c.purpose == consent.SOFTWARE,
        consents.c.state == consent.GRANTED,
    )
    return list(session.execute(_LISTENING.where(web_hooks.c.software_id.in_(agreed))).scalars())


def _holding(session: Session, message_id: int) -> list[int]:
    """Hooks of the mailboxes that have a message."""
    held = (
        select(mailboxes.c.id)
        .join(message_keys, message_keys.c.holder_id == mailboxes.c.holder_id)
        .where(message_keys.c.message_id == message_id)
    )
    return list(session.execute(_LISTENING.where(web_hooks.c.mailbox_id.in_(held))).scalars())


def _opened(session: Session, glass_id: int) -> int | None:
    query = select(break_glass.c.patient_id).where(break_glass.c.id == glass_id)
    found: int | None = session.execute(query).scalar_one_or_none()
    return found
