"""Orders as values: the row, a move that was made, who moves, and what a move may bring along."""

from dataclasses import dataclass
from datetime import date
from typing import Protocol

from sqlalchemy.orm import Session

from record.orders import LABELS, Role, State


@dataclass(frozen=True, slots=True)
class Actor:
    """Who moves: a person's account in the name of a mailbox, or the system with neither."""

    role: Role
    account_id: int | None = None
    mailbox_id: int | None = None

    @property
    def name(self) -> str:
        return "system" if self.account_id is None else str(self.account_id)


SYSTEM = Actor(Role.SYSTEM)


@dataclass(frozen=True, slots=True)
class Order:
    """An order's row."""

    id: int
    number: str
    patient_id: int
    pharmacy_mailbox_id: int
    message_id: int
    state: State
    version: int
    created_at: int
    updated_at: int

    @property
    def label(self) -> str:
        return LABELS[self.state]


@dataclass(frozen=True, slots=True, repr=False)
class Step:
    """One move as it was made."""

    id: int
    order_id: int
    from_state: State
    to_state: State
    role: Role
    actor_account_id: int | None
    at: int
    note: str


@dataclass(frozen=True, slots=True, repr=False)
class Owed:
    """One item that is promised, and for which day."""

    item: str
    on: date


@dataclass(frozen=True, slots=True, repr=False)
class Wish:
    """What a move may bring along: a note to the patient; the items that are promised, and the day.

    `owed` gives each item a day of its own; without it all of `promised` are for `promised_on`. `tells` False: the
    patient is not told of this move, because another follows at once.
    """

    note: str = ""
    promised: tuple[str, ...] = ()
    promised_on: date | None = None
    owed: tuple[Owed, ...] = ()
    tells: bool = True

    @property
    def owes(self) -> tuple[Owed, ...]:
        """Each promised item with its day; nothing when no day was said."""
        if self.owed:
            return self.owed
        day = self.promised_on
        return tuple(Owed(item.strip(), day) for item in self.promised if item.strip()) if day else ()


CHANGED, WRITTEN = "order.changed", "order.message"


class Changing(Exception):
    """An order has moved on since its row was read: read it again."""


class Hearer(Protocol):
    """Who wants to hear of orders: CHANGED, or WRITTEN when the patient wrote in the thread. A part of the change's
    unit of work: what it promises lives and dies with it."""

    def __call__(self, session: Session, order: Order, what: str) -> None: ...


def pharmacy_topic(mailbox_id: int) -> str:
    """What the posts of a pharmacy listen to; each signal's ref is an order."""
    return f"pharmacy:{mailbox_id}"


def patient_topic(patient_id: int) -> str:
    """What a patient's page listens to; each signal's ref is an order."""
    return f"patient:{patient_id}"
