"""`order.wait`: nothing promised is forgotten. Later than it should be, the posts of the pharmacy ring again.

The promise is put with the order, and with each promise to a patient; it arms itself again while somebody is awaited.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import structlog
from sqlalchemy.orm import Session

from core import outbox
from core.clock import Clock, epoch_ms, from_epoch_ms
from core.db import Db, signal
from core.errors import NotFound
from crypto.keyring import Keyring
from directory.mailboxes import get_mailbox
from portal.language import N_
from portal.preferences import load
from record.order_book import WAIT_KIND, OrderBook
from record.order_facts import Order, Owed, pharmacy_topic
from record.order_thread import waits_since
from record.orders import State

log = structlog.get_logger()


def alarm(
    order: Order, owed: Sequence[Owed], minutes: int, now: datetime, unread_since: int | None = None
) -> tuple[str, int]:
    """Why the posts ring again: a French sentence with a place for `count`; empty while there is no reason.
    `unread_since`: since when a mail of the patient waits to be read (epoch, ms)."""
    waited = (epoch_ms(now) - order.created_at) // 60_000
    if order.state is State.RECEIVED and minutes and waited >= minutes:
        return N_("sans réponse depuis %(count)s min."), waited
    unread = (epoch_ms(now) - unread_since) // 60_000 if unread_since else 0
    if minutes and unread >= minutes:
        return N_("un message du patient n'est pas lu depuis %(count)s min."), unread
    if order.state is State.PARTLY_READY and any(each.on <= now.date() for each in owed):
        return N_("un produit est promis pour aujourd'hui."), 0
    return "", 0


class Waiting:
    """The handler of `order.wait`; its ref is an order."""

    def __init__(self, db: Db, keyring: Keyring, clock: Clock, book: OrderBook) -> None:
        self._db, self._keyring, self._clock, self._book = db, keyring, clock, book

    def __call__(self, order_id: int) -> None:
        """Harmless twice."""
        try:
            self._db.run(self._look, order_id)
        except NotFound:
            log.info("order.gone", order_id=order_id)

    def _look(self, session: Session, order_id: int) -> None:
        """Unit of work: rings when it is time, and comes back later while the order waits."""
        order, now = self._book.get(session, order_id), self._clock.now()
        holder_id = get_mailbox(session, order.pharmacy_mailbox_id).holder_id
        minutes = load(session, self._keyring, order.pharmacy_mailbox_id, holder_id).escalate_minutes
        owed, unread = self._book.detail(session, order).owed, waits_since(session, order.id)
        if alarm(order, owed, minutes, now, unread)[0]:
            signal(session, pharmacy_topic(order.pharmacy_mailbox_id), order.id)
        again = _again(order, owed, minutes, now, unread)
        if again is not None:
            outbox.put(session, WAIT_KIND, order.id, now=now, delay_s=max(60.0, (again - now).total_seconds()))


def _again(
    order: Order, owed: Sequence[Owed], minutes: int, now: datetime, unread_since: int | None
) -> datetime | None:
    since = order.created_at if order.state is State.RECEIVED else unread_since
    if since and minutes:
        due = from_epoch_ms(since) + timedelta(minutes=minutes)
        return due if due > now else now + timedelta(minutes=minutes)
    days: list[date] = sorted(each.on for each in owed if each.on > now.date())
    if order.state is State.PARTLY_READY and days:
        return datetime.combine(days[0], datetime.min.time(), now.tzinfo) + timedelta(hours=7)
    return None
