"""What was opened of messages and is kept in memory, for a while: never on the disk, bounded in octets.

Kept by holder and message, so that nobody is served what another holder's key opened.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

from mail.limits import IMAP_MEMORY_OCTETS
from mail.meta import Answers
from mail.part import Part, loads

OVERHEAD = 700  # octets that the objects around the texts take
KEPT_S = 2.0
KEPT_KEYS = 10_000
NOTED = 8  # messages asked for together whose use is noted
HEADER_KEPT = 16 * 1024  # a longer header block is read again each time


@dataclass(frozen=True, repr=False, eq=False)
class Known:
    """One message opened: its key, the answers of FETCH, its header block once that was read."""

    key: bytes
    answers: Answers
    header: bytes | None = None

    @cached_property
    def tree(self) -> Part:
        """The offsets of its parts."""
        return loads(self.answers.tree_json.encode())

    @property
    def octets(self) -> int:
        """About what it takes."""
        return OVERHEAD + self.answers.octets + len(self.header or b"")


class HolderKeys:
    """Holders' keys, asked for again after a moment: a destroyed one is noticed within KEPT_S. From any thread."""

    def __init__(self) -> None:
        self._kept: dict[int, tuple[float, bytes]] = {}

    def has(self, holder_id: int) -> bool:
        """It was asked for just now."""
        kept = self._kept.get(holder_id)
        return kept is not None and kept[0] > time.monotonic()

    def get(self, holder_id: int, ask: Callable[[], bytes]) -> bytes:
        """The key, from `ask` unless it was asked just now. Raises what `ask` raises."""
        kept = self._kept.get(holder_id)
        if kept is not None and kept[0] > time.monotonic():
            return kept[1]
        self._kept.pop(holder_id, None)
        key = ask()
        if len(self._kept) >= KEPT_KEYS:
            self._kept.clear()
        self._kept[holder_id] = (time.monotonic() + KEPT_S, key)
        return key


class Memory:
    """(holder, message) → Known, the least used forgotten. From any thread."""

    def __init__(self, most: int = IMAP_MEMORY_OCTETS) -> None:
        self.keys = HolderKeys()
        self._most = most
        self._octets = 0
        self._known: OrderedDict[tuple[int, int], Known] = OrderedDict()
        self._lock = threading.Lock()

    def get_many(self, holder_id: int, message_ids: "list[int]") -> list[Known | None]:
        """What is known of them; the use of a few is noted, not that of many, one by one."""
        with self._lock:
            found = [self._known.get((holder_id, message_id)) for message_id in message_ids]
            if len(found) <= NOTED:
                for message_id, known in zip(message_ids, found, strict=True):
                    if known is not None:
                        self._known.move_to_end((holder_id, message_id))
            return found

    def put(self, holder_id: int, message_id: int, known: Known) -> None:
        """Keep it, in place of what was known."""
        self.put_many(holder_id, [(message_id, known)])

    def put_many(self, holder_id: int, found: Iterable[tuple[int, Known]]) -> None:
        """The same for several messages."""
        with self._lock:
            for message_id, known in found:
                before = self._known.pop((holder_id, message_id), None)
                self._known[holder_id, message_id] = known
                self._octets += known.octets - (before.octets if before else 0)
            while self._octets > self._most:
                _, oldest = self._known.popitem(last=False)
                self._octets -= oldest.octets
