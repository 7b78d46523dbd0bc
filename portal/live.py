"""Who looks at which orders right now: each open page waits here and is woken by the commit that changed something."""

import asyncio
import threading
from collections.abc import Iterable

from core.freight import Signal

MOST_PENDING = 500  # more changes than this while nobody took them: the page loads anew


class Watch:
    """One open page, on its own event loop. Changes that come while it is busy are kept, each order once."""

    def __init__(self, live: "Live", topic: str) -> None:
        self.topic = topic
        self._live = live
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()
        self._orders: dict[int, None] = {}

    async def next(self, timeout_s: float) -> tuple[int, ...]:
        """The orders that changed since the last call, in order; none when `timeout_s` passed or all is over."""
        try:
            await asyncio.wait_for(self._changed.wait(), timeout_s)
        except TimeoutError:
            return ()
        self._changed.clear()
        found, self._orders = tuple(self._orders), {}
        return found

    def wake(self, refs: Iterable[int]) -> None:
        """From any thread."""
        try:
            self._loop.call_soon_threadsafe(self._awake, tuple(refs))
        except RuntimeError:  # its loop is closed: nobody waits any more
            self.close()

    def close(self) -> None:
        self._live.forget(self)

    def __enter__(self) -> "Watch":
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _awake(self, refs: tuple[int, ...]) -> None:
        if len(self._orders) < MOST_PENDING:
            self._orders |= dict.fromkeys(refs)
        self._changed.set()


class Live:
    """Topic → open pages. Give `heard` to `Db.on_commit`."""

    def __init__(self) -> None:
        self._watches: dict[str, set[Watch]] = {}
        self._lock = threading.Lock()
        self.over = False

    def watch(self, topic: str) -> Watch:
        """From the event loop that will wait; use it in a `with`."""
        watch = Watch(self, topic)
        with self._lock:
            self._watches.setdefault(topic, set()).add(watch)
        return watch

    def forget(self, watch: Watch) -> None:
        """Harmless twice."""
        with self._lock:
            left = self._watches.get(watch.topic, set())
            left.discard(watch)
            if not left:
                self._watches.pop(watch.topic, None)

    def heard(self, signals: Iterable[Signal]) -> None:
        """Wake the pages that show what was signalled; returns at once. From any thread."""
        changed: dict[str, list[int]] = {}
        for topic, ref in signals:
            changed.setdefault(topic, []).append(ref)
        with self._lock:
            waking = [(watch, refs) for topic, refs in changed.items() for watch in self._watches.get(topic, ())]
        for watch, refs in waking:
            watch.wake(refs)

    def close(self) -> None:
        """Every open page is told good-bye: the server stops."""
        self.over = True
        with self._lock:
            everybody = [watch for watches in self._watches.values() for watch in watches]
        for watch in everybody:
            watch.wake(())
