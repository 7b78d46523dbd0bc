"""Calls to a pharmacy's software when one of its orders changes: who wants them, and each one promised with the change.

What is sent names the order and its version, nothing of its content: the software then asks `/api` with its key.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, delete, func, insert, select
from sqlalchemy.orm import Session

from core import outbox
from core.audit import Event
from core.clock import Clock, epoch_ms
from core.errors import BadInput, NotFound
from core.ids import new_id
from crypto.keyring import Keyring
from portal import hook_target
from portal.hook_signature import new_secret
from portal.sealing import open_json, seal_json
from portal.services import Services
from portal.session import Visitor
from portal.tables import web_hook_calls, web_hooks
from record.order_facts import Order

KIND = "web-hook"
CALL_KIND = "order.hook"
MOST = 5  # of one pharmacy
SHOWN = 20
PING = "ping"
WAITING, SENT, FAILED, STOPPED = "waiting", "sent", "failed", "stopped"


@dataclass(frozen=True, slots=True, repr=False)
class Hook:
    """Where to call. `secret` is shown once, at its making, and otherwise only signs."""

    id: int
    mailbox_id: int
    url: str
    secret: str
    created_at: int
    stopped: bool
    software_id: int | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """One call as the page lists it: `status` is HTTP's, 0 while nobody answered."""

    id: int
    hook_id: int
    order_id: int
    number: str
    version: int
    what: str
    at: int
    state: str
    status: int
    attempts: int


class HookBook:
    """A pharmacy's own."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def of(self, visitor: Visitor) -> tuple[Hook, ...]:
        """Oldest first."""
        known = self._services.db.read(hooks_of, self._services.keyring, visitor.mailbox_id, visitor.holder_id)
        return tuple(hook for hook in known if hook.software_id is None)

    def calls(self, visitor: Visitor) -> tuple[Call, ...]:
        """The newest ones first."""
        return self._services.db.read(_calls_of, visitor.mailbox_id)

    def make(self, visitor: Visitor, url: str) -> Hook:
        """From now on. Raises BadInput."""
        return self._services.db.run(self._make, visitor, hook_target.checked(url, inside=self._services.hooks_inside))

    def remove(self, visitor: Visitor, hook_id: int) -> None:
        """Nothing is called there any more; what waits is dropped. Raises NotFound."""
        self._services.db.run(self._remove, visitor, hook_id)

    def ping(self, visitor: Visitor, hook_id: int) -> None:
        """A call that says nothing, to try it out. Raises NotFound."""
        self._services.db.run(self._ping, visitor, hook_id)

    def _make(self, session: Session, visitor: Visitor, url: str) -> Hook:
        now = self._services.clock.now()
        hook = make_hook(session, self._services.keyring, visitor.mailbox_id, visitor.holder_id, None, url, now)
        self._trace(session, visitor, "hook.make", hook.id, now)
        return hook

    def _remove(self, session: Session, visitor: Visitor, hook_id: int) -> None:
        remove_hook(session, visitor.mailbox_id, None, hook_id)
        self._trace(session, visitor, "hook.end", hook_id, self._services.clock.now())

    def _ping(self, session: Session, visitor: Visitor, hook_id: int) -> None:
        check_own(session, visitor.mailbox_id, None, hook_id)
        promise_call(session, hook_id, None, PING, self._services.clock.now())

    def _trace(self, session: Session, visitor: Visitor, what: str, hook_id: int, now: datetime) -> None:
        event = Event(visitor.actor, what, "allowed", now, hook_id, visitor.holder_id)
        self._services.trail.record(session, event)


class HookPromises:
    """Hears of each change of an order, in its transaction: give it to the order book."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def __call__(self, session: Session, order: Order, what: str) -> None:
        """Unit of work. One look by index where nobody wants to be called."""
        wanted = (web_hooks.c.mailbox_id == order.pharmacy_mailbox_id) & web_hooks.c.stopped.is_(False)
        wanted &= web_hooks.c.software_id.is_(None)
        for hook_id in session.execute(select(web_hooks.c.id).where(wanted)).scalars().all():
            promise_call(session, hook_id, order, what, self._clock.now())


def make_hook(
    session: Session,
    keyring: Keyring,
    mailbox_id: int,
    holder_id: int,
    software_id: int | None,
    url: str,
    now: datetime,
) -> Hook:
    """Unit of work: a new one, its secret sealed for the mailbox. Raises BadInput: too many."""
    mine = select(func.count()).select_from(web_hooks).where(_of(mailbox_id, software_id))
    if session.execute(mine).scalar_one() >= MOST:
        raise BadInput(f"{MOST} adresses au plus : retirez-en une.", "too many hooks")
    hook = Hook(new_id(), mailbox_id, url, new_secret(), epoch_ms(now), False, software_id)
    sealed = seal_json(session, keyring, holder_id, {"url": url, "secret": hook.secret}, KIND, hook.id)
    row = {"id": hook.id, "mailbox_id": mailbox_id, "software_id": software_id, "created_at": hook.created_at}
    session.execute(insert(web_hooks), row | {"sealed": sealed, "stopped": False})
    return hook


def remove_hook(session: Session, mailbox_id: int, software_id: int | None, hook_id: int) -> None:
    """Unit of work: with the calls that wait. Raises NotFound."""
    check_own(session, mailbox_id, software_id, hook_id)
    session.execute(delete(web_hook_calls).where(web_hook_calls.c.hook_id == hook_id))
    session.execute(delete(web_hooks).where(web_hooks.c.id == hook_id))


def promise_call(session: Session, hook_id: int, order: Order | None, what: str, now: datetime, ref: int = 0) -> int:
    """Unit of work: the call and its promise live and die with the change. `ref`: a row that is no order."""
    call = Call(
        id=new_id(),
        hook_id=hook_id,
        order_id=order.id if order else ref,
        number=order.number if order else "",
        version=order.version if order else 0,
        what=what,
        at=epoch_ms(now),
        state=WAITING,
        status=0,
        attempts=0,
    )
    session.execute(insert(web_hook_calls), {name: getattr(call, name) for name in Call.__slots__})
    outbox.put(session, CALL_KIND, call.id, now=now)
    return call.id


def hooks_of(session: Session, keyring: Keyring, mailbox_id: int, holder_id: int) -> tuple[Hook, ...]:
    """Unit of work."""
    query = select(web_hooks).where(web_hooks.c.mailbox_id == mailbox_id).order_by(web_hooks.c.id)
    found = []
    for row in session.execute(query):
        kept = open_json(session, keyring, holder_id, row.sealed, KIND, row.id)
        facts = (kept["url"], kept["secret"], row.created_at, row.stopped, row.software_id)
        found.append(Hook(row.id, row.mailbox_id, *facts))
    return tuple(found)


def _calls_of(session: Session, mailbox_id: int) -> tuple[Call, ...]:
    query = (
        select(*(web_hook_calls.c[name] for name in Call.__slots__))
        .join(web_hooks, web_hooks.c.id == web_hook_calls.c.hook_id)
        .where(_of(mailbox_id, None))
        .order_by(web_hook_calls.c.id.desc())
    )
    return tuple(Call(*row) for row in session.execute(query.limit(SHOWN)))


def check_own(session: Session, mailbox_id: int, software_id: int | None, hook_id: int) -> None:
    """Raises NotFound for somebody else's."""
    query = select(web_hooks.c.id).where(web_hooks.c.id == hook_id, _of(mailbox_id, software_id))
    if session.execute(query).one_or_none() is None:
        raise NotFound("adresse introuvable", "hook of somebody else")


def _of(mailbox_id: int, software_id: int | None) -> ColumnElement[bool]:
    """Those of a registered program, or those of the mailbox itself."""
    return (web_hooks.c.mailbox_id == mailbox_id) & web_hooks.c.software_id.is_not_distinct_from(software_id)
