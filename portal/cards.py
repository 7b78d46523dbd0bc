"""An order as its pharmacy's board shows it: one card, and in which column it stands."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from directory.patients import Identity
from mail.meta import MessageMeta
from portal import words
from portal.language import N_
from portal.offers import Offer, offers
from record.lines import Line
from record.order_detail import ALERTS, OF_THE_LINES, PROVENANCE, Detail
from record.order_facts import Order, Owed
from record.orders import Role, State

COLUMNS = (
    ("recues", N_("Reçues"), (State.RECEIVED,)),
    ("a-preciser", N_("À préciser"), (State.QUESTION,)),
    ("preparation", N_("En préparation"), (State.TAKEN, State.PREPARING)),
    ("pretes", N_("Prêtes"), (State.READY,)),
    ("promis", N_("Promis"), (State.PARTLY_READY,)),
)
Drawn = dict[str, tuple[object, str]]  # language → what the drawing depends on, and the drawing
_PLACE = {state: key for key, _title, states in COLUMNS for state in states}


@dataclass(frozen=True, slots=True, repr=False)
class Known:
    """What a card is made of: as read, before anything is said of it. `drawn`: its pictures, by language."""

    order: Order
    patient: Identity
    detail: Detail
    meta: MessageMeta | None
    drawn: Drawn = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True, repr=False)
class Card:
    """One order on the board. `unseen`: mails of the patient that nobody has read yet; `drawn` is for `Pages.card`."""

    order: Order
    patient: Identity
    age: words.Age
    badge: words.Badge
    provenance: str
    lines: tuple[Line, ...]
    unconfirmed: int
    owed: tuple[Owed, ...]
    is_overdue: bool
    is_due: bool
    wished: str
    delegate: str
    unseen: int
    offers: tuple[Offer, ...]
    alerts: tuple[str, ...]
    codes: tuple[str, ...]
    drawn: Drawn

    @property
    def column(self) -> str:
        """The key of its column; empty when it is over and stands nowhere."""
        return _PLACE.get(self.order.state, "")

    @property
    def is_new(self) -> bool:
        """Nobody has touched it yet."""
        return self.order.state is State.RECEIVED

    @property
    def promised(self) -> tuple[str, ...]:
        return tuple(owed.item for owed in self.owed)

    @property
    def promised_on(self) -> date | None:
        return min((owed.on for owed in self.owed), default=None)

    @property
    def quick(self) -> tuple[Offer, ...]:
        return tuple(offer for offer in self.offers if offer.is_quick)


@dataclass(frozen=True, slots=True, repr=False)
class Column:
    key: str
    title: str
    cards: tuple[Card, ...]


def columns(cards: tuple[Card, ...]) -> tuple[Column, ...]:
    """The board: each card in its column, oldest first; what waits for an answer of ours before the rest."""
    return tuple(
        Column(key, title, tuple(sorted((card for card in cards if card.column == key), key=_urgency)))
        for key, title, _states in COLUMNS
    )


def card(known: Known, unseen: Mapping[int, int], now: datetime) -> Card:
    order, detail = known.order, known.detail
    days = {owed.on for owed in detail.owed} if order.state is State.PARTLY_READY else set()
    return Card(
        order=order,
        patient=known.patient,
        age=words.age(order.updated_at, now),
        badge=words.badge(known.meta.verdict, known.meta.reason) if known.meta else words.GONE,
        provenance=PROVENANCE.get(detail.provenance, detail.provenance),
        lines=detail.lines,
        unconfirmed=detail.unconfirmed,
        owed=detail.owed,
        is_overdue=any(day < now.date() for day in days),
        is_due=now.date() in days,
        wished=detail.wished,
        delegate=detail.delegate,
        unseen=unseen.get(order.id, 0),
        offers=offers(order.state, Role.PHARMACIST, detail.unconfirmed),
        alerts=tuple(ALERTS.get(alert, alert) for alert in detail.alerts if _still_holds(alert, detail)),
        codes=detail.codes,
        drawn=known.drawn,
    )


def _still_holds(alert: str, detail: Detail) -> bool:
    """What asked for an eye on the lines is over once a pharmacist has confirmed them."""
    return detail.unconfirmed > 0 or alert not in OF_THE_LINES


def _urgency(found: Card) -> tuple[bool, int]:
    return not found.unseen, found.order.created_at
