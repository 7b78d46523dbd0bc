"""When to try again what was refused, one key at a time, so that one room's trouble is not every room's. In memory."""

from collections.abc import Callable, Hashable
from time import monotonic

FIRST_S, LONGEST_S = 5.0, 600.0


class Patience:
    """Each refusal doubles the wait of its key; `clock` counts seconds."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._waits: dict[Hashable, tuple[float, float]] = {}  # how long, until when

    def is_over(self, key: Hashable) -> bool:
        """Whether this one may be tried now."""
        return self._clock() >= self._waits.get(key, (0.0, 0.0))[1]

    def refused(self, key: Hashable) -> None:
        """Not for a while."""
        before = self._waits.get(key, (0.0, 0.0))[0]
        wait = min(LONGEST_S, before * 2 or FIRST_S)
        self._waits[key] = (wait, self._clock() + wait)

    def done(self, key: Hashable) -> None:
        """It went well."""
        self._waits.pop(key, None)
