"""Slows down whoever guesses: counts failures for a login from one address, for a login, for an address.

A login alone has a high bound, so that a stranger can hardly lock its owner out; the owner's own address has its own
count. Kept in memory: each process counts for itself.
"""

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from core.clock import Clock

WINDOW_S = 900.0  # failures older than this are forgotten
PAIR = 10  # for one login from one address
LOGIN = 100  # for one login from anywhere
PEER = 50  # from one address for any login: a pharmacy behind one address has many users
TOKENS = 600  # refused access tokens from one address
REMEMBERED = 20_000

PASSWORDS: Final = {"pair": PAIR, "login": LOGIN, "peer": PEER}
# Nobody guesses a token, and honest clients bring old ones: that must lock no owner out, only spare us the work.
BEARERS: Final = {"peer": TOKENS}


@dataclass(slots=True)
class _Failures:
    count: int
    since: float


class Throttle:
    """May be asked from any thread."""

    def __init__(self, clock: Clock, bounds: Mapping[str, int] = PASSWORDS) -> None:
        """`bounds`: how many failures of each kind until attempts are refused."""
        self._clock = clock
        self._bounds = bounds
        self._failures: OrderedDict[tuple[str, bytes, str], _Failures] = OrderedDict()
        self._lock = threading.Lock()

    def refuses(self, login: bytes, peer: str) -> bool:
        """Whether an attempt is refused unseen. `login` is a blind index."""
        with self._lock:
            return any(self._count(key) >= self._bounds[key[0]] for key in self._keys(login, peer))

    def note(self, login: bytes, peer: str, *, good: bool) -> None:
        """How an attempt ended: a success clears its own pair, a failure counts for each kind."""
        with self._lock:
            if good:
                self._failures.pop(("pair", login, peer), None)
                return
            for key in self._keys(login, peer):
                self._add(key)
            while len(self._failures) > REMEMBERED:
                self._failures.popitem(last=False)

    def _count(self, key: tuple[str, bytes, str]) -> int:
        found = self._failures.get(key)
        return found.count if found and self._now() - found.since < WINDOW_S else 0

    def _add(self, key: tuple[str, bytes, str]) -> None:
        count = self._count(key)
        since = self._failures[key].since if count else self._now()
        self._failures[key] = _Failures(count + 1, since)
        self._failures.move_to_end(key)

    def _now(self) -> float:
        return self._clock.now().timestamp()

    def _keys(self, login: bytes, peer: str) -> list[tuple[str, bytes, str]]:
        keys = (("pair", login, peer), ("login", login, ""), ("peer", b"", peer))
        return [key for key in keys if key[0] in self._bounds]
