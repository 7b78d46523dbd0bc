"""Our own domains as the gate asks for them: whoever is of no other is no mailbox of ours, and need not be looked for.

A new one is signalled by its commit (in any process); what no signal tells is read again within `KEPT_S`.
"""

import threading
from collections.abc import Callable, Iterable
from time import monotonic

from core.db import Db
from core.freight import Signal
from directory.local_domains import TOPIC, local_domain_names

KEPT_S = 10.0


class OurDomains:
    """Safe for use by several threads."""

    def __init__(self, db: Db, now: Callable[[], float] = monotonic) -> None:
        self._db = db
        self._now = now
        self._lock = threading.Lock()
        self._kept: tuple[float, frozenset[str]] = (0.0, frozenset())
        self._age = 0
        db.on_commit(self.heard)

    def lack(self, domain: str) -> bool:
        """Whether this is known to be nobody of ours; reads nothing."""
        until, names = self._kept
        return until > self._now() and domain.lower() not in names

    def learn(self) -> None:
        """Read them, where that is due. Raises DatabaseDown."""
        if self._kept[0] > self._now():
            return
        age = self._age
        names = frozenset(self._db.read(local_domain_names))
        until = self._now() + KEPT_S
        with self._lock:
            if age == self._age:
                self._kept = (until, names)

    def heard(self, signals: Iterable[Signal]) -> None:
        """For `Db.on_commit`."""
        if any(topic == TOPIC for topic, _ref in signals):
            with self._lock:
                self._age += 1
                self._kept = (0.0, frozenset())
