"""Wakes workers: after each commit of ours, one Celery message per new outbox row, sent from a thread of its own.

One message stands for as many rows as a worker does together, where the promise was made so (`outbox.gathered`). It
never blocks a commit and never fails one. While the broker is away messages are dropped: the sweep finds the rows.
"""

import queue
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress

import structlog
from celery import Celery
from kombu.exceptions import OperationalError

from core.freight import Signal
from core.outbox import TOPIC, gathered
from ops.keeper import TOGETHER
from ops.tasks import RUN_ONE

MOST_WAITING = 10_000
PAUSE_S = 1.0
GATHER_S = 0.05
GATHERED = gathered("")

log = structlog.get_logger()


class Courier:
    """Give `heard` to `Db.on_own_commit`."""

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._waiting: queue.Queue[Signal | None] = queue.Queue(MOST_WAITING)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._carry, name="courier", daemon=True)
        self._thread.start()

    def heard(self, signals: list[Signal]) -> None:
        """Queue a message for each outbox row among the signals; more than fit are left to the sweep."""
        for signal in signals:
            if signal.topic == TOPIC or signal.topic.startswith(GATHERED):
                with suppress(queue.Full):
                    self._waiting.put_nowait(signal)

    def close(self) -> None:
        """Stop; what was not sent is found by the next sweep."""
        self._stop.set()
        with suppress(queue.Full):
            self._waiting.put_nowait(None)
        self._thread.join(timeout=5)

    def _carry(self) -> None:
        while (first := self._waiting.get()) is not None and not self._stop.is_set():
            try:
                told = [first, *self._others()]
                for row_id in rows_to_tell(told):
                    self._app.send_task(RUN_ONE, args=[row_id], retry=False)
                if any(signal.topic != TOPIC for signal in told):
                    self._stop.wait(GATHER_S)  # more of them are about to come: they share a message
            except (OperationalError, OSError) as error:
                log.warning("courier.broker_away", cause=type(error).__name__)
                self._rest()

    def _others(self) -> Iterator[Signal]:
        """What waits by now."""
        with suppress(queue.Empty):
            while (following := self._waiting.get_nowait()) is not None:
                yield following
            self._waiting.put(None)  # close() speaks last

    def _rest(self) -> None:
        """Let the broker come back; meanwhile nothing piles up."""
        with suppress(queue.Empty):
            while True:
                if self._waiting.get_nowait() is None:
                    return self._stop.set()
        self._stop.wait(PAUSE_S)
        return None


def rows_to_tell(signals: Iterable[Signal]) -> Iterator[int]:
    """The rows that get a message: each, but of what is done together only every so many."""
    seen: Counter[str] = Counter()
    for topic, ref in signals:
        if topic == TOPIC or seen[topic] % TOGETHER == 0:
            yield ref
        seen[topic] += 1
