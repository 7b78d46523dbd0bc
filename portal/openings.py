"""What was opened of orders and is kept in memory, for a while: never on the disk, bounded in octets.

Kept by reader and order, so that nobody is served what another holder's key opened. Before each use the database is
asked whether both keys are still there (`standing`); when one is destroyed, its entries go with it at once (`heard`).
"""

import threading
from collections import OrderedDict
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.freight import Signal
from directory.holders import TOPIC
from directory.tables import holders, patients
from mail.tables import message_keys
from portal.cards import Known
from record.order_detail import dump
from record.order_facts import Order
from record.tables import orders

MOST_OCTETS = 64 * 1024 * 1024
OVERHEAD = 8 * 1024  # the objects around the texts, and the card drawn in each language


@dataclass(frozen=True, slots=True, repr=False)
class Opening:
    """One order opened for one reader; `patient_holder` is whose key opened it."""

    known: Known
    patient_holder: int
    octets: int


@dataclass(frozen=True, slots=True)
class Standing:
    """What is still there: the orders that open, with their versions and their patients' holders; the mails that the
    reader still has a key to."""

    orders: dict[int, tuple[int, int]]
    messages: frozenset[int]


class Openings:
    """(reader's holder, order) → Opening, the least used forgotten. From any thread."""

    def __init__(self, most: int = MOST_OCTETS) -> None:
        self._most, self._octets = most, 0
        self._kept: OrderedDict[tuple[int, int], Opening] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, holder_id: int, order: Order) -> Known | None:
        """What is known of this version of it."""
        with self._lock:
            found = self._kept.get((holder_id, order.id))
            if found is None or found.known.order.version != order.version:
                return None
            self._kept.move_to_end((holder_id, order.id))
            return found.known

    def put(self, holder_id: int, patient_holder: int, known: Known) -> None:
        """Keep it, in place of an earlier version."""
        opening = Opening(known, patient_holder, OVERHEAD + 3 * len(dump(known.detail)))
        with self._lock:
            self._drop((holder_id, known.order.id))
            self._kept[holder_id, known.order.id] = opening
            self._octets += opening.octets
            while self._octets > self._most:
                self._drop(next(iter(self._kept)))

    def heard(self, signals: Iterable[Signal]) -> None:
        """For `Db.on_commit`: what a destroyed key opened is forgotten."""
        gone = {ref for topic, ref in signals if topic == TOPIC}
        if gone:
            with self._lock:
                named = [(name, opening.patient_holder) for name, opening in self._kept.items()]
                for name in [name for name, patient in named if name[0] in gone or patient in gone]:
                    self._drop(name)

    def _drop(self, name: tuple[int, int]) -> None:
        before = self._kept.pop(name, None)
        self._octets -= before.octets if before else 0


def standing(session: Session, found: Collection[Order], holder_id: int) -> Standing:
    """Which of these orders, and of the mails that made them, still open for this reader."""
    there = (
        select(orders.c.id, orders.c.version, patients.c.holder_id)
        .join(patients, patients.c.id == orders.c.patient_id)
        .join(holders, holders.c.id == patients.c.holder_id)
        .where(orders.c.id.in_([order.id for order in found]), holders.c.wrapped_key.is_not(None))
    )
    held = (
        select(message_keys.c.message_id)
        .join(holders, holders.c.id == message_keys.c.holder_id)
        .where(message_keys.c.message_id.in_([order.message_id for order in found]))
        .where(message_keys.c.holder_id == holder_id, holders.c.wrapped_key.is_not(None))
    )
    rows = {order_id: (version, patient) for order_id, version, patient in session.execute(there)}
    return Standing(rows, frozenset(session.execute(held).scalars()))
