"""Failed logins in the trail: one entry a minute for each login and address, a bounded number for all together.

A guesser who knocks a thousand times a second must not fill the disk; how many attempts an entry stands for, it says.
"""

import threading
from collections import OrderedDict
from dataclasses import dataclass

from core.audit import Event, Trail
from core.clock import Clock
from core.db import Db

EVERY_S = 60.0
MOST = 120  # entries in a minute, whoever knocks
REMEMBERED = 10_000
UNKNOWN = "unknown"

Key = tuple[bytes, str, str]  # blind index of the login, peer, outcome


@dataclass(slots=True)
class _Seen:
    since: float
    silent: int = 0  # attempts that were not written


class AuthTrail:
    """May be asked from any thread."""

    def __init__(self, db: Db, trail: Trail, clock: Clock) -> None:
        self._db, self._trail, self._clock = db, trail, clock
        self._seen: OrderedDict[Key, _Seen] = OrderedDict()
        self._minute, self._written, self._silent = 0.0, 0, 0
        self._lock = threading.Lock()

    async def failed(self, login: bytes, peer: str, outcome: str, account_id: int = 0, holder_id: int = 0) -> None:
        """An attempt was refused: `outcome` is "refused" or "throttled". Raises DatabaseDown."""
        silent = self._due((login, peer, outcome))
        if silent is None:
            return
        detail = f"{peer or '-'} {silent} more" if silent else peer or "-"
        event = Event(
            *(str(account_id or UNKNOWN), "auth.refused", outcome, self._clock.now()),
            holder_id=holder_id or None,
            detail=detail,
        )
        await self._db.arun(self._trail.record, event)

    def _due(self, key: Key) -> int | None:
        """How many attempts were silent before this one, which is to be written; None when it is silent, too."""
        now = self._clock.now().timestamp()
        with self._lock:
            seen = self._seen.get(key)
            if (seen is not None and now - seen.since < EVERY_S) or not self._room(now):
                if seen is None:
                    self._silent += 1
                else:
                    seen.silent += 1
                return None
            silent = (seen.silent if seen else 0) + self._silent
            self._silent = 0
            self._seen[key] = _Seen(now)
            self._seen.move_to_end(key)
            while len(self._seen) > REMEMBERED:
                self._seen.popitem(last=False)
            return silent

    def _room(self, now: float) -> bool:
        if now - self._minute >= EVERY_S:
            self._minute, self._written = now, 0
        self._written += 1
        return self._written <= MOST
