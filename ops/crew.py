"""The worker: Celery's own, a thread of `pli serve` or the whole of `pli worker`, with our clock beside it."""

import signal
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

import structlog
from celery import Celery
from celery.worker import WorkController
from celery.worker import state as celery_state

from ops.clockwork import Clockwork, Round

STOP_WAIT_S = 10
REST_S = 5.0  # before Celery is begun anew

log = structlog.get_logger()


class Crew:
    """One Celery worker with a thread pool (solo when embedded), and what is done by the clock."""

    def __init__(self, app: Celery, rounds: Sequence[Round], concurrency: int, embedded: bool) -> None:
        self._app = app
        self._pool = ("solo", 1) if embedded else ("threads", concurrency)
        self._clock = Clockwork(rounds)
        self._worker: WorkController | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, name="worker", daemon=True)

    def start(self) -> None:
        """Begin to work, in threads."""
        celery_state.should_stop = None  # of the process; what a crew before this one was told
        self._app.set_default()  # where Celery's threads look for a task
        self._thread.start()
        self._clock.start()

    def stop(self) -> None:
        """Finish the task at hand, then stop; a task that takes longer is done again when its lease has run out."""
        self._over.set()
        self._clock.stop()
        celery_state.should_stop = 0  # the worker's own thread takes itself down: nobody else may touch its loop
        if self._worker and self._worker.hub:
            self._worker.hub.call_soon(_wake)  # it sleeps for up to ten seconds
        end = time.monotonic() + STOP_WAIT_S
        for thread in (self._thread, *self._clock.threads):
            thread.join(max(0.0, end - time.monotonic()))

    def run(self, over: Callable[[], bool]) -> None:
        """Work until SIGTERM or SIGINT: the whole of `pli worker`. `over()` ends it at once, work and all."""
        stopped = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopped.set())
        self.start()
        while not over() and not stopped.wait(1):
            pass
        if not over():
            self.stop()

    def _work(self) -> None:
        """Celery gives up where a broker turns it away. What goes by the clock goes on; the broker is asked again."""
        while not self._over.is_set():
            self._worker = self._made()
            with suppress(SystemExit):
                self._worker.start()
            if not self._over.is_set():
                log.error("worker.gave_up")
                self._over.wait(REST_S)

    def _made(self) -> WorkController:
        pool, concurrency = self._pool
        return WorkController(
            app=self._app,
            pool=pool,
            concurrency=concurrency,
            loglevel="WARNING",
            without_heartbeat=True,
            without_mingle=True,
            without_gossip=True,
        )


def _wake() -> None:
    """Nothing: a loop that has something to do looks whether it should stop."""
