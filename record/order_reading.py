"""`order.read`: pictures and codes of a prescription, read once its order is on the board. Seconds each, one by one.

The promise is kept twice: at once, handed to a thread of its own so that no other work waits for it; and minutes later,
for the case that the process died meanwhile. An order that was read, or taken in hand by people, is left as it is.
"""

from concurrent.futures import Executor
from datetime import datetime

import structlog
from sqlalchemy.orm import Session

from core import outbox
from core.clock import Clock
from core.db import Db
from core.errors import NotFound, PliError
from record.drafter import Drafter
from record.order_book import OrderBook

READ_KIND = "order.read"
AGAIN_S = 600

log = structlog.get_logger()


def promise_reading(session: Session, message_id: int, now: datetime) -> None:
    """With the order, in its transaction."""
    outbox.put(session, READ_KIND, message_id, now=now)
    outbox.put(session, READ_KIND, message_id, now=now, delay_s=AGAIN_S)


class ReadOrder:
    """The handler of `order.read`; its ref is a message id."""

    def __init__(self, db: Db, clock: Clock, book: OrderBook, drafter: Drafter, pool: Executor) -> None:
        self._db, self._clock, self._book, self._drafter, self._pool = db, clock, book, drafter, pool

    def __call__(self, message_id: int) -> None:
        """Returns at once; harmless twice."""
        self._pool.submit(self._try, message_id)

    def read(self, message_id: int) -> int:
        """Read it now; how many orders got what was read. Raises NotFound when the message is gone, Temporary."""
        if not any(self._db.read(self._awaited, message_id)):
            return 0
        drafted = self._drafter.draft(message_id, pictures=True)
        if drafted is None:
            return 0
        ids = self._db.read(self._book.ids_of_message, message_id)
        now = self._clock.now()
        return sum(self._db.run(self._book.propose, order_id, drafted.detail, now) for order_id in ids)

    def _awaited(self, session: Session, message_id: int) -> tuple[bool, ...]:
        ids = self._book.ids_of_message(session, message_id)
        return tuple(self._book.awaits_reading(session, order_id) for order_id in ids)

    def _try(self, message_id: int) -> None:
        try:
            self.read(message_id)
        except NotFound:
            log.info("order.message_gone", message_id=message_id)
        except PliError as error:
            log.warning("order.not_read", message_id=message_id, cause=error.cause)
        except Exception:  # in a thread of its own nobody else would see it
            log.exception("order.not_read", message_id=message_id)
