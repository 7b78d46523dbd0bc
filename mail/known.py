"""Recipients met before: one look-up for each address in a while, not one for each RCPT.

Kept are open mailboxes only, so that whoever asks for addresses that do not exist fills nothing. A change to a mailbox
is signalled by its commit (in any process) and forgets them all; what no signal tells is forgotten within `KEPT_S`.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from time import monotonic

from core.freight import Signal
from directory import holders, mailboxes
from mail.recipients import Recipient

KEPT_S = 10.0
MOST = 4096

_TOPICS = frozenset({mailboxes.TOPIC, holders.TOPIC})


class KnownRecipients:
    """Safe for use by several threads."""

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, tuple[float, Recipient]] = OrderedDict()
        self._age = 0

    @property
    def age(self) -> int:
        """Take it before the look-up, give it to `keep`: what was read before a change is not kept after it."""
        return self._age

    def get(self, text: str) -> Recipient | None:
        """The recipient at this very address, when it is known well enough."""
        known = self._kept.get(text)
        return known[1] if known is not None and known[0] > self._now() else None

    def keep(self, found: Recipient, age: int) -> None:
        """Remember an open mailbox with its folders; others are looked up each time."""
        if not found.is_open or found.inbox_id is None:
            return
        with self._lock:
            if age == self._age:
                self._kept[found.address.text] = (self._now() + KEPT_S, found)
                self._kept.move_to_end(found.address.text)
                while len(self._kept) > MOST:
                    self._kept.popitem(last=False)

    def heard(self, signals: Iterable[Signal]) -> None:
        """For `Db.on_commit`."""
        if any(topic in _TOPICS for topic, _ref in signals):
            with self._lock:
                self._age += 1
                self._kept.clear()
