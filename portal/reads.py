"""What a page shows of orders is written into the trail before a word of it leaves, once for each session and version.

A board looks again every few seconds: what this session has already been shown, unchanged, is not written again. What
several readers wait for at once is written for all of them in one commit, an entry each.
"""

import threading
from collections import OrderedDict
from collections.abc import Collection, Iterable, Sequence

from sqlalchemy.orm import Session

from core.audit import Event
from core.db import Freight
from core.tables import audit
from directory.patients import get_patient
from portal.services import Services
from portal.session import Visitor
from record.break_glass import Glass
from record.order_facts import Order
from record.order_thread import OrderLetter

REMEMBERED = 50_000
LETTER = 0  # in the place of a version: a mail never changes

Read = tuple[Visitor, str, int, int, int]  # who, the trail's word, the row and its version, whose patient


class Reads:
    """Keeps in memory what was written; after a restart it is written again."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._shown: OrderedDict[tuple[bytes, str, int, int], None] = OrderedDict()
        self._lock = threading.Lock()

    def trace(self, visitor: Visitor, orders: Iterable[Order]) -> None:
        """Returns when the entries are durable. Raises DatabaseDown: then nothing may be shown."""
        self.trace_for((visitor,), orders)

    def trace_for(self, visitors: Collection[Visitor], orders: Iterable[Order]) -> None:
        """The same for several readers of the same orders."""
        self._write(
            [(who, "order.read", order.id, order.version, order.patient_id) for order in orders for who in visitors]
        )

    def letters(self, visitor: Visitor, order: Order, letters: Sequence[OrderLetter]) -> None:
        """The mails of an order."""
        self._write([(visitor, "order.letter", each.message_id, LETTER, order.patient_id) for each in letters])

    def glasses(self, visitor: Visitor, glasses: Iterable[Glass]) -> None:
        """Openings in an emergency with their reasons; a review makes one new."""
        self._write([(visitor, "glass.show", each.id, int(bool(each.reviewed)), each.patient_id) for each in glasses])

    def refused(self, visitor: Visitor, outcome: str) -> None:
        """Somebody asked for what is not theirs, or does not exist."""
        event = Event(visitor.actor, "order.read", outcome, self._services.clock.now())
        self._services.db.run(self._services.trail.record, event)

    def _write(self, reads: Iterable[Read]) -> None:
        new = self._unknown(reads)
        if not new:
            return
        holders = self._services.db.read(_holders, {patient_id for *_rest, patient_id in new})
        now, row = self._services.clock.now(), self._services.trail.row
        rows = [row(Event(who.actor, act, "allowed", now, ref, holders[whose])) for who, act, ref, _, whose in new]
        self._services.db.load(Freight({audit: rows}))
        self._remember(new)

    def _unknown(self, reads: Iterable[Read]) -> list[Read]:
        named = {_name(each): each for each in reads}
        with self._lock:
            return [each for name, each in named.items() if name not in self._shown]

    def _remember(self, reads: Iterable[Read]) -> None:
        with self._lock:
            for each in reads:
                self._shown[_name(each)] = None
            while len(self._shown) > REMEMBERED:
                self._shown.popitem(last=False)


def _name(read: Read) -> tuple[bytes, str, int, int]:
    who, act, ref, version, _whose = read
    return who.session, act, ref, version


def _holders(session: Session, patient_ids: Iterable[int]) -> dict[int, int]:
    return {patient_id: get_patient(session, patient_id).holder_id for patient_id in patient_ids}
