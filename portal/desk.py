"""The pharmacy's orders as its pages show them: unsealed after the trail has been written, for this pharmacy alone."""

from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from core.errors import NotFound, Refused
from directory.mailboxes import address_of
from directory.patients import identity_of
from directory.resolve import find_entry
from portal import cards
from portal.cards import Card, Column, Known
from portal.openings import Openings, standing
from portal.reads import Reads
from portal.services import Services
from portal.session import Visitor
from record import order_thread
from record.access import Reader
from record.documents import DocumentMeta
from record.order_facts import Actor, Changing, Order, Step
from record.orders import Role


@dataclass(frozen=True, slots=True, repr=False)
class Paper:
    """One document of an order; `document_id` is where its content is, `meta` None when that is an earlier one's."""

    document_id: int
    meta: DocumentMeta | None


@dataclass(frozen=True, slots=True, repr=False)
class Sheet:
    """One order, whole."""

    card: Card
    alerts: tuple[str, ...]
    codes: tuple[str, ...]
    steps: tuple[Step, ...]
    papers: tuple[Paper, ...]


def actor(visitor: Visitor) -> Actor:
    """Who moves, for the order book."""
    return Actor(Role(visitor.role), visitor.account_id, visitor.mailbox_id)


def reader(visitor: Visitor) -> Reader:
    """Who reads, for the record."""
    return Reader(visitor.account_id, visitor.mailbox_id)


LOOKS = 5  # at orders that change while they are being looked at
Find = Callable[[Session], tuple[Order, ...]]


class Desk:
    """The counter of a pharmacy."""

    def __init__(self, services: Services, reads: Reads, openings: Openings) -> None:
        self._services = services
        self._reads = reads
        self._openings = openings

    def board(self, visitor: Visitor) -> tuple[Column, ...]:
        """What is under way."""
        book, mailbox_id = self._services.orders, visitor.mailbox_id
        return cards.columns(self._looked((visitor,), lambda session: book.of_pharmacy(session, mailbox_id)))

    def card(self, visitors: Collection[Visitor], order_id: int) -> Card | None:
        """One card, for the open boards of one pharmacy; None when there is nothing to show to it."""
        mailbox_id = next(visitor.mailbox_id for visitor in visitors)

        def find(session: Session) -> tuple[Order, ...]:
            order = self._services.orders.get(session, order_id)
            return (order,) if order.pharmacy_mailbox_id == mailbox_id else ()

        return next(iter(self._looked(visitors, find)), None)

    def _looked(self, visitors: Collection[Visitor], find: Find) -> tuple[Card, ...]:
        """Found, traced for each of these readers of one mailbox, opened. Raises Refused for what never holds still."""
        holder_id = next(visitor.holder_id for visitor in visitors)
        for _ in range(LOOKS):
            orders = self._services.db.read(find)
            self._reads.trace_for(visitors, orders)
            with suppress(Changing):
                return self._services.db.read(self._cards, holder_id, orders)
        raise Refused("la commande a changé entre-temps", "orders change too fast to be shown")

    def name_of(self, mailbox_id: int) -> str:
        """A pharmacy's public name."""
        return self._services.db.read(_public_name, self._services, mailbox_id)

    def order(self, visitor: Visitor, number: str) -> Order:
        """The row alone. Raises NotFound, also for another pharmacy's: the attempt is in the trail."""
        try:
            order = self._services.db.read(self._services.orders.by_number, number)
        except NotFound:
            self._reads.refused(visitor, "not_found")
            raise
        if order.pharmacy_mailbox_id != visitor.mailbox_id:
            self._reads.refused(visitor, "refused")
            raise NotFound("commande introuvable", "order of another pharmacy")
        return order

    def sheet(self, visitor: Visitor, number: str) -> Sheet:
        """One order with lines, documents and history. Raises NotFound."""
        order = self.order(visitor, number)
        found = self.cards_of(visitor, (order,))
        if not found:
            raise NotFound("Cette commande a été effacée.", "order shredded")
        card = found[0]
        steps = self._services.db.read(self._services.orders.steps, card.order)
        return Sheet(card, card.alerts, card.codes, steps, self._papers(visitor, card.order))

    def cards_of(self, visitor: Visitor, orders: tuple[Order, ...]) -> tuple[Card, ...]:
        """These orders of this pharmacy, traced, as they are now."""
        own = [order.id for order in orders if order.pharmacy_mailbox_id == visitor.mailbox_id]
        get = self._services.orders.get
        return self._looked((visitor,), lambda session: tuple(get(session, each) for each in own))

    def _papers(self, visitor: Visitor, order: Order) -> tuple[Paper, ...]:
        """By the record's own door, which writes the trail; nothing of a message that is gone. The newest last."""
        letters = self._services.db.read(order_thread.thread_of, order.id)
        messages = dict.fromkeys((order.message_id, *(letter.message_id for letter in letters if letter.inward)))
        found: dict[int, Paper] = {}
        for message_id in messages:
            with suppress(NotFound):
                for each in self._services.records.of_message(reader(visitor), message_id):
                    if each.meta or each.row.same_as:
                        document_id = each.row.same_as or each.row.id
                        found.setdefault(document_id, Paper(document_id, each.meta))
        return tuple(found.values())

    def _cards(self, session: Session, holder_id: int, orders: tuple[Order, ...]) -> tuple[Card, ...]:
        """Orders of a destroyed patient are left out. Raises Changing."""
        now, there = self._services.clock.now(), standing(session, orders, holder_id)
        if any(order.id in there.orders and there.orders[order.id][0] != order.version for order in orders):
            raise Changing
        here = [order for order in orders if order.id in there.orders]
        unseen = order_thread.unseen(session, [order.id for order in here])
        known = self._known(session, holder_id, here, {order.id: there.orders[order.id][1] for order in here})
        held = [each if each.order.message_id in there.messages else replace(each, meta=None) for each in known]
        return tuple(cards.card(each, unseen, now) for each in held)

    def _known(
        self, session: Session, holder_id: int, orders: list[Order], holders: dict[int, int]
    ) -> tuple[Known, ...]:
        """From memory; what is not there is opened, and kept. `holders`: whose key opens each order."""
        found = {order.id: self._openings.get(holder_id, order) for order in orders}
        new = [order for order in orders if found[order.id] is None]
        for known in self._opened(session, holder_id, new) if new else ():
            found[known.order.id] = known
            self._openings.put(holder_id, holders[known.order.id], known)
        return tuple(known for known in found.values() if known)

    def _opened(self, session: Session, holder_id: int, orders: list[Order]) -> tuple[Known, ...]:
        metas = self._services.store.metas(session, [order.message_id for order in orders], holder_id)
        details, keyring = self._services.orders.details(session, orders), self._services.keyring
        people = {order.patient_id for order in orders if order.id in details}
        who = {patient_id: identity_of(session, keyring, patient_id) for patient_id in people}
        return tuple(
            Known(order, who[order.patient_id], details[order.id], metas.get(order.message_id))
            for order in orders
            if order.id in details
        )


def _public_name(session: Session, services: Services, mailbox_id: int) -> str:
    entry = find_entry(session, address_of(session, services.keyring, mailbox_id))
    return entry.structure_name if entry and entry.structure_name else "Votre pharmacie"
