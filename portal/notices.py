"""Everyday e-mail that says that something came, and nothing else: to an address that its owner gave and confirmed.

One letter says it for all that comes within the quiet time; the address is sealed like everything personal.
"""

import secrets
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from core import outbox
from core.address import Address
from core.audit import Event
from core.clock import epoch_ms
from core.db import Db, signal
from core.errors import BadInput, Refused
from core.freight import Signal
from crypto.keyring import Keyring
from directory.mailboxes import get_mailbox
from mail.incoming import Incoming
from portal.sealing import open_json, seal_json
from portal.services import Services
from portal.session import Visitor
from portal.tables import web_notices

FIND_KIND, SEND_KIND = "notice.find", "notice.send"
TOPIC = "notices"
TRIES = 5
_KIND = "web-notice"


@dataclass(frozen=True, slots=True, repr=False)
class Notice:
    """What a mailbox wants. `code` proves that the address is its own; empty once that is done."""

    address: str = ""
    code: str = ""
    tries: int = 0

    @property
    def confirmed(self) -> bool:
        return bool(self.address) and not self.code


class NoticeBook:
    """One for each mailbox, set by whoever is signed in to it."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def of(self, visitor: Visitor) -> Notice:
        """Empty where nobody asked for notices."""
        return self._services.db.read(notice_of, self._services.keyring, visitor.mailbox_id) or Notice()

    def ask(self, visitor: Visitor, address: str) -> None:
        """A code is sent there. Raises BadInput; Refused where this instance sends no notices."""
        if not self._services.notices:
            raise Refused("Cette instance n'envoie pas d'avis.", "notices are off")
        wanted = Address.parse(address.strip())
        if wanted.is_patient:
            raise BadInput("Donnez une adresse e-mail ordinaire.", "notice to a trusted address")
        self._services.db.run(self._ask, visitor, Notice(wanted.text, f"{secrets.randbelow(1_000_000):06d}"))

    def confirm(self, visitor: Visitor, code: str) -> None:
        """Raises Refused for a wrong code; after TRIES of them the address is forgotten."""
        if not self._services.db.run(self._confirm, visitor, code.replace(" ", "")):
            raise Refused("Ce n'est pas le bon code.", "wrong notice code")

    def stop(self, visitor: Visitor) -> None:
        """No notice any more; the address is forgotten."""
        self._services.db.run(self._forget, visitor)

    def _ask(self, session: Session, visitor: Visitor, notice: Notice) -> None:
        """Unit of work. At most one code within a minute: nobody floods a stranger through us."""
        now = self._services.clock.now()
        sent = web_notices.c.mailbox_id == visitor.mailbox_id
        last = session.execute(select(web_notices.c.sent_at).where(sent)).scalar_one_or_none()
        if last is not None and epoch_ms(now) - last < 60_000:
            raise Refused("Attendez une minute avant de redemander un code.", "notice code asked again")
        session.execute(delete(web_notices).where(sent))
        keep(session, self._services.keyring, visitor.mailbox_id, notice, epoch_ms(now))
        outbox.put(session, SEND_KIND, visitor.mailbox_id, now=now)
        self._trace(session, visitor, "notice.ask", now)

    def _confirm(self, session: Session, visitor: Visitor, code: str) -> bool:
        """Unit of work."""
        keyring, now = self._services.keyring, self._services.clock.now()
        known = notice_of(session, keyring, visitor.mailbox_id)
        if known is None or known.confirmed:
            return known is not None
        session.execute(delete(web_notices).where(web_notices.c.mailbox_id == visitor.mailbox_id))
        if secrets.compare_digest(known.code.encode(), code.encode()):
            keep(session, keyring, visitor.mailbox_id, replace(known, code=""), 0)
            self._trace(session, visitor, "notice.confirm", now)
            signal(session, TOPIC, visitor.mailbox_id)
            return True
        if known.tries + 1 < TRIES:
            keep(session, keyring, visitor.mailbox_id, replace(known, tries=known.tries + 1), epoch_ms(now))
        return False

    def _forget(self, session: Session, visitor: Visitor) -> None:
        session.execute(delete(web_notices).where(web_notices.c.mailbox_id == visitor.mailbox_id))
        self._trace(session, visitor, "notice.stop", self._services.clock.now())
        signal(session, TOPIC, visitor.mailbox_id)

    def _trace(self, session: Session, visitor: Visitor, what: str, now: datetime) -> None:
        event = Event(visitor.actor, what, "allowed", now, visitor.mailbox_id, visitor.holder_id)
        self._services.trail.record(session, event)


class Noticed:
    """Which mailboxes are to be told: asked for each delivery, so kept at hand, and read again after a change."""

    def __init__(self, db: Db) -> None:
        self._db = db
        self._stale = threading.Event()
        self._stale.set()
        self._mailboxes: frozenset[int] = frozenset()
        db.on_commit(self._heard)

    def concerns(self, mail: Incoming) -> bool:
        """Whether a recipient of this mail asked for notices."""
        if self._stale.is_set():
            self._stale.clear()
            self._mailboxes = self._db.read(_confirmed)
        return any(to.mailbox_id in self._mailboxes for to in mail.recipients)

    def _heard(self, signals: Sequence[Signal]) -> None:
        if any(signal.topic == TOPIC for signal in signals):
            self._stale.set()


def notice_of(session: Session, keyring: Keyring, mailbox_id: int) -> Notice | None:
    """Unit of work."""
    query = select(web_notices.c.sealed).where(web_notices.c.mailbox_id == mailbox_id)
    sealed = session.execute(query).scalar_one_or_none()
    if sealed is None:
        return None
    holder_id = get_mailbox(session, mailbox_id).holder_id
    return Notice(**open_json(session, keyring, holder_id, sealed, _KIND, mailbox_id))


def keep(session: Session, keyring: Keyring, mailbox_id: int, notice: Notice, sent_at: int) -> None:
    """Unit of work: where there is none."""
    holder_id = get_mailbox(session, mailbox_id).holder_id
    sealed = seal_json(session, keyring, holder_id, asdict(notice), _KIND, mailbox_id)
    row = {"mailbox_id": mailbox_id, "sealed": sealed, "confirmed": notice.confirmed, "sent_at": sent_at}
    session.execute(insert(web_notices), row | {"pending": False})


def promise(session: Session, mailbox_id: int, now: datetime, quiet_s: float) -> bool:
    """Unit of work: one letter for all that comes before it leaves; False when one is promised already."""
    mine = (web_notices.c.mailbox_id == mailbox_id) & web_notices.c.confirmed & ~web_notices.c.pending
    won = session.execute(update(web_notices).where(mine).values(pending=True).returning(web_notices.c.sent_at))
    last = won.scalar_one_or_none()
    if last is None:
        return False
    outbox.put(session, SEND_KIND, mailbox_id, now=now, delay_s=max(0.0, last / 1000 + quiet_s - now.timestamp()))
    return True


def _confirmed(session: Session) -> frozenset[int]:
    return frozenset(session.execute(select(web_notices.c.mailbox_id).where(web_notices.c.confirmed)).scalars())
