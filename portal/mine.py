"""A patient's own orders as the page shows them; the trail is written first, for the patient's own eyes too."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from core.errors import NotFound, Refused
from directory.mailboxes import address_of, get_mailbox
from directory.patients import patient_of_mailbox
from directory.resolve import find_entry
from portal import pickup, preferences, words
from portal.offers import Offer, offers
from portal.reads import Reads
from portal.services import Services
from portal.session import Visitor
from portal.threads import Said, Threads
from record.order_detail import Detail
from record.order_facts import Changing, Order, Owed
from record.orders import FINAL, Role, State

FOLLOWED = 8  # orders whose mails are opened with the page; those of the others when they are asked for
LOOKS = 5  # at orders that change while they are being looked at
NOTHING = Detail()
_URGENCY = {"act": 0, "good": 1, "calm": 2, "bad": 3}


@dataclass(frozen=True, slots=True, repr=False)
class Pickup:
    """With what an order is collected: the QR as SVG, and six digits."""

    picture: str
    digits: str


@dataclass(frozen=True, slots=True)
class Shop:
    """A pharmacy as its patients know it."""

    name: str
    hours: str


@dataclass(frozen=True, slots=True, repr=False)
class Parcel:
    """One order. `note` is what was written with its last move: a question, a reason; `thread` None: not opened."""

    order: Order
    pharmacy: str
    hours: str
    standing: words.Standing
    age: words.Age
    owed: tuple[Owed, ...]
    note: str
    wished: str
    delegate: str
    pickup: Pickup | None
    thread: tuple[Said, ...] | None
    offers: tuple[Offer, ...]
    may_encrypt: bool = False

    @property
    def is_over(self) -> bool:
        return self.order.state in FINAL


class Mine:
    """What belongs to the patient who is signed in."""

    def __init__(self, services: Services, reads: Reads, threads: Threads) -> None:
        self._services = services
        self._reads = reads
        self._threads = threads

    def orders(self, visitor: Visitor, asked: str = "") -> tuple[Parcel, ...]:
        """What asks for an act first, then what is ready, then the rest; newest first among equals. The mails of the
        first FOLLOWED come along, and of the order whose number is `asked`."""
        parcels = sorted(self._looked(visitor), key=lambda parcel: _URGENCY[parcel.standing.kind])
        running = [parcel.order for parcel in parcels if not parcel.is_over]
        followed = [*running[:FOLLOWED], *(order for order in running[FOLLOWED:] if order.number == asked)]
        threads = self._threads.of_many(visitor, followed)
        return tuple(self._opened(visitor, each, threads.get(each.order.id)) for each in parcels)

    def _opened(self, visitor: Visitor, parcel: Parcel, thread: tuple[Said, ...] | None) -> Parcel:
        known = thread is not None and self._threads.may_encrypt(visitor, parcel.order)
        standing = words.ANSWERED if _is_answered(parcel.order, thread or ()) else parcel.standing
        return replace(parcel, thread=thread, may_encrypt=known, standing=standing)

    def _looked(self, visitor: Visitor) -> tuple[Parcel, ...]:
        for _ in range(LOOKS):
            rows = self._services.db.read(self._rows, visitor)
            self._reads.trace(visitor, rows)
            with suppress(Changing):
                return self._services.db.read(self._parcels, rows)
        raise Refused("la commande a changé entre-temps", "orders change too fast to be shown")

    def order(self, visitor: Visitor, number: str) -> Order:
        """Raises NotFound, also for somebody else's: the attempt is in the trail."""
        for row in self._services.db.read(self._rows, visitor):
            if row.number == number.strip().upper():
                return row
        self._reads.refused(visitor, "not_found")
        raise NotFound("commande introuvable", "no such order of this patient")

    def _rows(self, session: Session, visitor: Visitor) -> tuple[Order, ...]:
        patient = patient_of_mailbox(session, visitor.mailbox_id)
        return self._services.orders.of_patient(session, patient.id) if patient else ()

    def _parcels(self, session: Session, rows: tuple[Order, ...]) -> tuple[Parcel, ...]:
        """Of those that are over only what the list of them says is opened. Raises Changing."""
        details = self._services.orders.details(session, [row for row in rows if row.state not in FINAL])
        notes = self._services.orders.last_notes(session, rows)
        shops = {each: self._shop(session, each) for each in {row.pharmacy_mailbox_id for row in rows}}
        return tuple(
            self._parcel(row, details.get(row.id, NOTHING), notes.get(row.id, ""), shops[row.pharmacy_mailbox_id])
            for row in rows
            if row.id in details or row.state in FINAL
        )

    def _parcel(self, order: Order, detail: Detail, note: str, shop: Shop) -> Parcel:
        is_promised = order.state is State.PARTLY_READY
        return Parcel(
            order=order,
            pharmacy=shop.name,
            hours=shop.hours,
            standing=words.standing(order.state),
            age=words.age(order.updated_at, self._services.clock.now()),
            owed=detail.owed if is_promised else (),
            note=note,
            wished=detail.wished,
            delegate=detail.delegate,
            pickup=self._pickup(order, detail),
            thread=None,
            offers=offers(order.state, Role.PATIENT, detail.unconfirmed),
        )

    def _pickup(self, order: Order, detail: Detail) -> Pickup | None:
        if order.state not in pickup.COLLECTABLE:
            return None
        keyring = self._services.keyring
        picture = pickup.picture(pickup.token(keyring, order, detail.delegate), "Code de retrait à présenter")
        return Pickup(picture, pickup.digits(keyring, order, detail.delegate))

    def _shop(self, session: Session, mailbox_id: int) -> Shop:
        """Its public name, and the hours that it tells its patients."""
        keyring = self._services.keyring
        try:
            entry = find_entry(session, address_of(session, keyring, mailbox_id))
            kept = preferences.load(session, keyring, mailbox_id, get_mailbox(session, mailbox_id).holder_id)
        except NotFound:
            return Shop("votre pharmacie", "")
        return Shop(entry.structure_name if entry and entry.structure_name else "votre pharmacie", kept.hours)


def _is_answered(order: Order, thread: Sequence[Said]) -> bool:
    """Whether the patient has written since the pharmacy's question; its letter comes a moment after the move."""
    if order.state is not State.QUESTION or not thread or not thread[-1].inward:
        return False
    return thread[-1].at > order.updated_at or any(not each.inward for each in thread)
