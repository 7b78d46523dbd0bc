"""That a mailbox is in use, written down at its first login in half a day: a login costs no commit of its own."""

from collections import OrderedDict
from datetime import datetime
from threading import Lock

from core.clock import Clock
from core.db import Db
from directory.activity import EVERY, note_use

REMEMBERED = 20_000


class Uses:
    """May be asked from any thread."""

    def __init__(self, db: Db, clock: Clock) -> None:
        self._db, self._clock = db, clock
        self._noted: OrderedDict[int, datetime] = OrderedDict()
        self._lock = Lock()

    async def note(self, mailbox_id: int) -> None:
        """Somebody has entered this mailbox. Raises DatabaseDown."""
        now = self._clock.now()
        if self._is_fresh(mailbox_id, now):
            return
        await self._db.arun(note_use, mailbox_id, now)
        with self._lock:
            self._noted[mailbox_id] = now
            self._noted.move_to_end(mailbox_id)
            while len(self._noted) > REMEMBERED:
                self._noted.popitem(last=False)

    def _is_fresh(self, mailbox_id: int, now: datetime) -> bool:
        with self._lock:
            before = self._noted.get(mailbox_id)
        return before is not None and now - before < EVERY / 2
