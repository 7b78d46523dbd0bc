"""Orders as kept: drafted once from a message, confirmed and moved by people, expired by the system.

Each move needs the version that its maker saw: whoever moves on old sight is refused and looks again.
"""

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, func, insert, select, union, update
from sqlalchemy.orm import Session

from core import outbox
from core.audit import Event, Trail
from core.clock import epoch_ms
from core.db import signal, tally
from core.errors import BadInput, NotFound, Refused
from core.ids import new_id
from crypto.keyring import Keyring
from crypto.sealed import new_key, seal, unseal, unwrap_key, wrap_key
from directory.holders import holder_key
from directory.patients import get_patient
from record.lines import Line
from record.order_detail import READING, Detail, aad, dump, key_aad, load, new_number, note_aad
from record.order_facts import (
    CHANGED,
    SYSTEM,
    WRITTEN,
    Actor,
    Changing,
    Hearer,
    Order,
    Step,
    Wish,
    patient_topic,
    pharmacy_topic,
)
from record.orders import FINAL, Role, State, check_move
from record.tables import order_letters, order_moves, orders

NOTIFY_KIND = "order.notify"
WAIT_KIND = "order.wait"
FIRST_LOOK_S = 60
NOTE_CHARACTERS = 1000
ITEMS = 40
DELEGATE_CHARACTERS = 80
_OPEN = frozenset({State.RECEIVED, State.TAKEN, State.QUESTION})  # nothing was confirmed yet
UNDER_WAY = [state.value for state in State if state not in FINAL]  # asked so, the index finds them among the ended
NO_WISH = Wish()
_NEEDS_NOTE = frozenset({State.QUESTION, State.NOT_DISPENSABLE})


_FACTS = tuple(orders.c[name] for name in Order.__slots__)


class OrderBook:
    """Units of work on orders: `db.run(book.move, …)`."""

    def __init__(self, keyring: Keyring, trail: Trail, hearers: Sequence[Hearer] = ()) -> None:
        """`hearers` are told of each change, in its transaction."""
        self._keyring, self._trail, self._hearers = keyring, trail, tuple(hearers)

    def draft(
        self,
        session: Session,
        message_id: int,
        pharmacy_mailbox_id: int,
        patient_id: int,
        detail: Detail,
        now: datetime,
    ) -> Order | None:
        """A received order; None when this message already has one at this pharmacy."""
        if self.of_message(session, message_id, pharmacy_mailbox_id):
            return None
        at = epoch_ms(now)
        facts = (new_id(), new_number(), patient_id, pharmacy_mailbox_id, message_id, State.RECEIVED, 1, at, at)
        order, key = Order(*facts), new_key()
        row = {name: getattr(order, name) for name in Order.__slots__} | {"state": order.state.value}
        row["sealed_detail"] = seal(key, dump(detail), aad(order.id, 1))
        row["wrapped_key"] = wrap_key(self._patient_key(session, patient_id), key, key_aad(order.id))
        session.execute(insert(orders), row)
        tally(session, "orders", 1)
        self._record(session, order, SYSTEM, "order.draft", State.RECEIVED.value, now)
        outbox.put(session, WAIT_KIND, order.id, now=now, delay_s=FIRST_LOOK_S)
        self._announce(session, order, CHANGED)
        return order

    def get(self, session: Session, order_id: int) -> Order:
        """Raises NotFound."""
        return _one(session.execute(select(*_FACTS).where(orders.c.id == order_id)).one_or_none())

    def by_number(self, session: Session, number: str) -> Order:
        """Raises NotFound."""
        query = select(*_FACTS).where(orders.c.number == number.strip().upper())
        return _one(session.execute(query).one_or_none())

    def of_message(self, session: Session, message_id: int, pharmacy_mailbox_id: int) -> Order | None:
        query = select(*_FACTS).where(
            orders.c.message_id == message_id, orders.c.pharmacy_mailbox_id == pharmacy_mailbox_id
        )
        row = session.execute(query).one_or_none()
        return _order(row) if row else None

    def of_pharmacy(self, session: Session, mailbox_id: int, *, done: bool = False) -> tuple[Order, ...]:
        """The board of a pharmacy, oldest first; with `done`, the ended ones as well."""
        query = select(*_FACTS).where(orders.c.pharmacy_mailbox_id == mailbox_id)
        if not done:
            query = query.where(orders.c.state.in_(UNDER_WAY))
        found = [_order(row) for row in session.execute(query)]  # sorted here: SQLite would rather walk all, by time
        return tuple(sorted(found, key=lambda order: (order.created_at, order.id)))

    def of_patient(self, session: Session, patient_id: int) -> tuple[Order, ...]:
        """All orders of a patient, newest first."""
        query = select(*_FACTS).where(orders.c.patient_id == patient_id)
        return tuple(_order(row) for row in session.execute(query.order_by(orders.c.created_at.desc())))

    def detail(self, session: Session, order: Order) -> Detail:
        """Lines, alerts and promises, unsealed. Raises NotFound when the patient's key was destroyed, SealBroken."""
        sealed = session.execute(select(orders.c.sealed_detail).where(orders.c.id == order.id)).scalar_one()
        return load(unseal(self._key(session, order), sealed, aad(order.id, order.version)))

    def opened(self, session: Session, order_id: int) -> tuple[Order, Detail]:
        """An order as it stands, with what is sealed in it. Raises NotFound, SealBroken."""
        order = self.get(session, order_id)
        return order, self.detail(session, order)

    def details(self, session: Session, found: Collection[Order]) -> dict[int, Detail]:
        """Of several, by order; those of a destroyed patient are left out. Raises Changing, SealBroken."""
        columns = (orders.c.id, orders.c.version, orders.c.wrapped_key, orders.c.sealed_detail)
        query = select(*columns).where(orders.c.id.in_([order.id for order in found]))
        rows, keys = {row.id: row for row in session.execute(query)}, self._patient_keys(session, found)
        here = [order for order in found if order.id in rows and order.patient_id in keys]
        if any(rows[order.id].version != order.version for order in here):
            raise Changing
        return {order.id: _opened(order, keys[order.patient_id], rows[order.id]) for order in here}

    def last_notes(self, session: Session, found: Collection[Order]) -> dict[int, str]:
        """What was written with the last move of each, by order; only where something was."""
        ids = [order.id for order in found]
        last = (
            select(func.max(order_moves.c.id)).where(order_moves.c.order_id.in_(ids)).group_by(order_moves.c.order_id)
        )
        query = select(order_moves.c.order_id, order_moves.c.id, order_moves.c.sealed_note)
        noted = session.execute(query.where(order_moves.c.id.in_(last), order_moves.c.sealed_note.is_not(None))).all()
        by_id = {order.id: order for order in found}
        return {
            row.order_id: unseal(self._key(session, by_id[row.order_id]), row.sealed_note, note_aad(row.id)).decode()
            for row in noted
        }

    def steps(self, session: Session, order: Order) -> tuple[Step, ...]:
        """The moves, in their order, with their notes."""
        key = self._key(session, order)
        found = session.execute(
            select(order_moves).where(order_moves.c.order_id == order.id).order_by(order_moves.c.id)
        ).mappings()
        return tuple(_step(dict(row), key) for row in found)

    def step(self, session: Session, step_id: int) -> tuple[Order, Step]:
        """One move and its order. Raises NotFound."""
        order_id = session.execute(
            select(order_moves.c.order_id).where(order_moves.c.id == step_id)
        ).scalar_one_or_none()
        if order_id is None:
            raise NotFound("commande introuvable", "no such move")
        order = self.get(session, order_id)
        return order, next(step for step in self.steps(session, order) if step.id == step_id)

    def confirm_lines(
        self, session: Session, order_id: int, lines: tuple[Line, ...], actor: Actor, now: datetime, *, version: int
    ) -> Order:
        """The pharmacist's own reading replaces the proposal; each of these lines now counts. Raises as `move`."""
        order = self._seen(session, order_id, version)
        self._check_owner(session, order, actor)
        if actor.role is not Role.PHARMACIST or order.state in FINAL:
            raise Refused("ce changement ne vous appartient pas", "only the pharmacist confirms lines")
        if len(lines) > ITEMS:
            raise BadInput("trop de lignes", "too many lines")
        if any("?" in line.strength for line in lines):
            raise Refused("un dosage porte encore un « ? » : lisez-le sur le document", "a doubtful strength")
        confirmed = tuple(replace(line, confirmed=True, to_confirm=()) for line in lines)
        detail = replace(self.detail(session, order), lines=confirmed)
        changed = self._keep(session, order, order.state, detail, now)
        self._record(session, order, actor, "order.confirm", "confirmed", now)
        return changed

    def complete(self, session: Session, order_id: int, more: Detail, now: datetime) -> bool:
        """Another document for an order that is still open; False when there is nothing new in it, or it is too late.

        What people have confirmed stays; proposed lines join in, each medicine once.
        """
        order = self.get(session, order_id)
        detail = self.detail(session, order)
        documents = tuple(dict.fromkeys((*detail.documents, *more.documents)))
        if order.state not in _OPEN or documents == detail.documents:
            return False
        known = {(line.name.casefold(), line.strength.casefold()) for line in detail.lines}
        lines = (line for line in more.lines if (line.name.casefold(), line.strength.casefold()) not in known)
        alerts = tuple(dict.fromkeys((*detail.alerts, *more.alerts, "completed")))
        detail = replace(detail, documents=documents, alerts=alerts, lines=(*detail.lines, *lines)[:ITEMS])
        self._keep(session, order, order.state, detail, now)
        self._record(session, order, SYSTEM, "order.complete", order.state.value, now)
        return True

    def name_delegate(
        self, session: Session, order_id: int, name: str, actor: Actor, now: datetime, *, version: int
    ) -> Order:
        """Who may collect in the patient's place; an empty name takes it back. Raises as `move`."""
        order = self._seen(session, order_id, version)
        self._check_owner(session, order, actor)
        if actor.role is not Role.PATIENT or order.state in FINAL:
            raise Refused("ce changement ne vous appartient pas", "only the patient names a delegate")
        if len(name) > DELEGATE_CHARACTERS or not name.isprintable():
            raise BadInput("ce nom est trop long", "malformed delegate name")
        detail = replace(self.detail(session, order), delegate=name.strip())
        changed = self._keep(session, order, order.state, detail, now)
        self._record(session, order, actor, "order.delegate", order.state.value, now)
        return changed

    def propose(self, session: Session, order_id: int, read: Detail, now: datetime) -> bool:
        """What the machine has read since the draft; False when people were faster, or it is there already.

        The version moves on: who looked before it came has to look again before they confirm.
        """
        if not self.awaits_reading(session, order_id):
            return False
        order = self.get(session, order_id)
        detail = replace(self.detail(session, order), lines=read.lines, alerts=read.alerts, codes=read.codes)
        self._keep(session, order, order.state, replace(detail, provenance=read.provenance), now)
        return True

    def awaits_reading(self, session: Session, order_id: int) -> bool:
        """Whether the machine still has to read, and people have not begun."""
        order = self.get(session, order_id)
        detail = self.detail(session, order)
        return order.state in _OPEN and READING in detail.alerts and not any(line.confirmed for line in detail.lines)

    def ids_of_message(self, session: Session, message_id: int) -> tuple[int, ...]:
        """The orders that one message made or completed."""
        made = select(orders.c.id).where(orders.c.message_id == message_id)
        completed = select(order_letters.c.order_id).where(order_letters.c.message_id == message_id)
        return tuple(session.execute(union(made, completed)).scalars())

    def move(
        self,
        session: Session,
        order_id: int,
        to: State,
        actor: Actor,
        now: datetime,
        *,
        version: int,
        wish: Wish = NO_WISH,
    ) -> Order:
        """Make one move of the table; the patient is told by mail where the table says so.

        Raises NotFound; Refused for a move that is not in the table or not the actor's, for unconfirmed lines and for
        an old version; BadInput for a missing note or promise.
        """
        order = self._seen(session, order_id, version)
        self._check_owner(session, order, actor)
        detail = self.detail(session, order)
        rule = check_move(order.state, to, actor.role, unconfirmed_lines=detail.unconfirmed)
        _check_wish(to, wish, now)
        if to is State.PARTLY_READY:
            detail = replace(detail, owed=wish.owes)
        changed = self._keep(session, order, to, detail, now)
        step_id = self._note(session, order, to, actor, now, wish.note)
        self._record(session, order, actor, "order.move", to.value, now)
        if to is State.PARTLY_READY:
            outbox.put(session, WAIT_KIND, order.id, now=now, delay_s=FIRST_LOOK_S)
        if rule.notify and wish.tells:
            outbox.put(session, NOTIFY_KIND, step_id, now=now)
        return changed

    def expire_due(self, session: Session, now: datetime, days: int, limit: int = 200) -> tuple[int, ...]:
        """The system ends orders that nobody moved for `days`; returns their ids. Run again until it returns none."""
        before = epoch_ms(now - timedelta(days=days))
        query = select(*_FACTS).where(orders.c.updated_at < before, orders.c.state.in_(UNDER_WAY))
        found = [_order(row) for row in session.execute(query.limit(limit))]
        moved = []
        for order in found:
            with suppress(NotFound):  # the patient's key was destroyed: nobody can be told
                self.move(session, order.id, State.EXPIRED, SYSTEM, now, version=order.version)
                moved.append(order.id)
        return tuple(moved)

    def written(self, session: Session, order: Order, now: datetime) -> None:
        """The patient has written in its thread: somebody has to read it."""
        outbox.put(session, WAIT_KIND, order.id, now=now, delay_s=FIRST_LOOK_S)
        self._announce(session, order, WRITTEN)

    def told(self, session: Session, step_id: int, message_id: int) -> None:
        """Keep which message told the patient of a move."""
        values = {"notified_message_id": message_id}
        session.execute(update(order_moves).where(order_moves.c.id == step_id).values(values))

    def _seen(self, session: Session, order_id: int, version: int) -> Order:
        order = self.get(session, order_id)
        if order.version != version:
            raise Refused("la commande a changé entre-temps", "stale version")
        return order

    def _check_owner(self, session: Session, order: Order, actor: Actor) -> None:
        """The order of another pharmacy or patient does not exist for the actor."""
        if actor.role is Role.SYSTEM:
            return
        of_patient = actor.role is Role.PATIENT
        owner = get_patient(session, order.patient_id).mailbox_id if of_patient else order.pharmacy_mailbox_id
        if owner is None or owner != actor.mailbox_id:
            raise NotFound("commande introuvable", "order of somebody else")

    def _keep(self, session: Session, order: Order, state: State, detail: Detail, now: datetime) -> Order:
        """One conditional UPDATE: of two who saw the same version, one wins."""
        changed = replace(order, state=state, version=order.version + 1, updated_at=epoch_ms(now))
        sealed = seal(self._key(session, order), dump(detail), aad(order.id, changed.version))
        values = {"state": state.value, "version": changed.version, "updated_at": changed.updated_at}
        won = session.execute(
            update(orders)
            .where(orders.c.id == order.id, orders.c.version == order.version)
            .values(values | {"sealed_detail": sealed})
            .returning(orders.c.id)
        ).one_or_none()
        if won is None:
            raise Refused("la commande a changé entre-temps", "stale version")
        self._announce(session, changed, CHANGED)
        return changed

    def _note(self, session: Session, order: Order, to: State, actor: Actor, now: datetime, note: str) -> int:
        step_id = new_id()
        sealed = seal(self._key(session, order), note.strip().encode(), note_aad(step_id)) if note.strip() else None
        states = {"from_state": order.state.value, "to_state": to.value, "sealed_note": sealed}
        who = {"role": actor.role.value, "actor_account_id": actor.account_id, "at": epoch_ms(now)}
        session.execute(insert(order_moves), {"id": step_id, "order_id": order.id} | states | who)
        return step_id

    def _record(self, session: Session, order: Order, actor: Actor, action: str, outcome: str, now: datetime) -> None:
        holder_id = get_patient(session, order.patient_id).holder_id
        self._trail.record(session, Event(actor.name, action, outcome, now, order.id, holder_id, actor.role.value))

    def _announce(self, session: Session, order: Order, what: str) -> None:
        """After the commit, whoever has this order on a screen looks again."""
        signal(session, pharmacy_topic(order.pharmacy_mailbox_id), order.id)
        signal(session, patient_topic(order.patient_id), order.id)
        for hear in self._hearers:
            hear(session, order, what)

    def _patient_key(self, session: Session, patient_id: int) -> bytes:
        return holder_key(session, self._keyring, get_patient(session, patient_id).holder_id)

    def _patient_keys(self, session: Session, found: Collection[Order]) -> dict[int, bytes]:
        """Each patient's, once; without those that are destroyed."""
        keys: dict[int, bytes] = {}
        for patient_id in {order.patient_id for order in found}:
            with suppress(NotFound):
                keys[patient_id] = self._patient_key(session, patient_id)
        return keys

    def _key(self, session: Session, order: Order) -> bytes:
        wrapped = session.execute(select(orders.c.wrapped_key).where(orders.c.id == order.id)).scalar_one()
        return unwrap_key(self._patient_key(session, order.patient_id), wrapped, key_aad(order.id))


def _check_wish(to: State, wish: Wish, now: datetime) -> None:
    items = [*wish.promised, *(owed.item for owed in wish.owed)]
    if len(wish.note) > NOTE_CHARACTERS or len(items) > ITEMS or any(len(item) > 200 for item in items):
        raise BadInput("texte trop long", "note or items too long")
    if to in _NEEDS_NOTE and not wish.note.strip():
        raise BadInput("dites au patient pourquoi", "note missing")
    if to is State.PARTLY_READY and not wish.owes:
        raise BadInput("indiquez ce qui est promis, et pour quel jour", "promise missing")
    if any(owed.on < now.date() for owed in wish.owes):
        raise BadInput("la date promise est passée", "promise in the past")


def _one(row: Row[Any] | None) -> Order:
    if row is None:
        raise NotFound("commande introuvable", "no such order")
    return _order(row)


def _order(row: Row[Any]) -> Order:
    return Order(**(dict(row._mapping) | {"state": State(row.state)}))


def _opened(order: Order, patient_key: bytes, row: Any) -> Detail:
    key = unwrap_key(patient_key, row.wrapped_key, key_aad(order.id))
    return load(unseal(key, row.sealed_detail, aad(order.id, order.version)))


def _step(row: dict[str, Any], key: bytes) -> Step:
    sealed = row.pop("sealed_note")
    row.pop("notified_message_id")
    note = unseal(key, sealed, note_aad(row["id"])).decode() if sealed else ""
    states = {"from_state": State(row["from_state"]), "to_state": State(row["to_state"]), "role": Role(row["role"])}
    return Step(**(row | states), note=note)
