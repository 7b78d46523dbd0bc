"""Which mailboxes have a room: asked for each delivery, so kept at hand, and read again after a change."""

import threading
from collections.abc import Sequence

from core.db import Db
from core.freight import Signal
from instant.rooms import TOPIC, bridged_mailboxes
from mail.incoming import Incoming


class Bridged:
    """From any thread; changes of other processes are heard, too."""

    def __init__(self, db: Db) -> None:
        self._db = db
        self._stale, self._turn = threading.Event(), threading.Lock()
        self._stale.set()
        self._mailboxes: frozenset[int] = frozenset()
        db.on_commit(self._heard)

    def concerns(self, mail: Incoming) -> bool:
        """Whether a recipient of this mail reads it in a room as well."""
        with self._turn:  # a second delivery waits for the first one's look: what it has not seen, no room would show
            if self._stale.is_set():
                self._stale.clear()
                self._mailboxes = self._db.read(bridged_mailboxes)
            known = self._mailboxes
        return any(to.mailbox_id in known for to in mail.recipients)

    def _heard(self, signals: Sequence[Signal]) -> None:
        if any(signal.topic == TOPIC for signal in signals):
            self._stale.set()
