"""Wakes whoever watches a folder, after the commit that changed it: fed by `Db.on_commit`, used by IDLE."""

import asyncio
import threading
from collections.abc import Callable, Iterable

from core.freight import Signal

TOPIC = "folder"


class Watch:
    """One watcher of one folder, on its own event loop. Changes that come while nobody waits are not lost."""

    def __init__(self, hub: "Hub", folder_id: int, heard: Callable[[], None] | None = None) -> None:
        self.folder_id = folder_id
        self._heard = heard
        self._hub = hub
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()

    async def changed(self, timeout_s: float | None = None) -> bool:
        """Wait for a change since the last call; False when `timeout_s` passed without one."""
        try:
            await asyncio.wait_for(self._changed.wait(), timeout_s)
        except TimeoutError:
            return False
        self._changed.clear()
        return True

    def close(self) -> None:
        """Watch no more."""
        self._hub.forget(self)

    def __enter__(self) -> "Watch":
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def wake(self) -> None:
        """From any thread."""
        try:
            self._loop.call_soon_threadsafe(self._awake)
        except RuntimeError:  # its loop is closed: nobody waits any more
            self._hub.forget(self)

    def _awake(self) -> None:
        self._changed.set()
        if self._heard:
            self._heard()


class Hub:
    """Folder → watchers. Give `heard` to `Db.on_commit`."""

    def __init__(self) -> None:
        self._watches: dict[int, set[Watch]] = {}
        self._lock = threading.Lock()
        self._first: list[Callable[[Iterable[Signal]], None]] = []

    def first(self, heard: Callable[[Iterable[Signal]], None]) -> None:
        """`heard` is told before any watcher wakes: what watchers will ask must know of the change by then."""
        self._first.append(heard)

    def watch(self, folder_id: int, heard: Callable[[], None] | None = None) -> Watch:
        """Start to watch, from the event loop that will wait. Close it, or use it in a `with`.

        `heard` is called there after each change: for those who wait for something else as well.
        """
        watch = Watch(self, folder_id, heard)
        with self._lock:
            self._watches.setdefault(folder_id, set()).add(watch)
        return watch

    def forget(self, watch: Watch) -> None:
        """Harmless twice."""
        with self._lock:
            left = self._watches.get(watch.folder_id, set())
            left.discard(watch)
            if not left:
                self._watches.pop(watch.folder_id, None)

    def heard(self, signals: Iterable[Signal]) -> None:
        """Wake the watchers of every folder that was signalled; returns at once. From any thread."""
        signals = list(signals)
        for heard in self._first:
            heard(signals)
        folders = {ref for topic, ref in signals if topic == TOPIC}
        with self._lock:
            waking = [watch for folder_id in folders for watch in self._watches.get(folder_id, ())]
        for watch in waking:
            watch.wake()
