"""The worker: Celery's own, a thread of `pli serve` or the whole of `pli worker`, with its clock beside it."""

import signal
import threading
from collections.abc import Callable
from contextlib import suppress

from celery import Celery
from celery.beat import EmbeddedService, Scheduler
from celery.worker import WorkController
from celery.worker import state as celery_state

STOP_WAIT_S = 10


class Crew:
    """One Celery worker with a thread pool (solo when embedded), and one beat."""

    def __init__(self, app: Celery, concurrency: int, embedded: bool) -> None:
        self._app = app
        pool = "solo" if embedded else "threads"
        self._worker = WorkController(
            app=app,
            pool=pool,
            concurrency=1 if embedded else concurrency,
            loglevel="WARNING",
            without_heartbeat=True,
            without_mingle=True,
            without_gossip=True,
        )
        # memory only: a schedule file would say nothing that the outbox does not know better
        self._beat = EmbeddedService(app, thread=True, max_interval=1, scheduler_cls=Scheduler)
        self._thread = threading.Thread(target=self._work, name="worker", daemon=True)

    def start(self) -> None:
        """Begin to work, in threads."""
        celery_state.should_stop = None  # of the process; what a crew before this one was told
        self._app.set_default()  # where Celery's threads look for a task
        self._thread.start()
        self._beat.start()

    def stop(self) -> None:
        """Finish the task at hand, then stop; a task that takes longer is done again when its lease has run out."""
        self._beat.service.stop()  # without waiting: it may be looking for a broker that is away
        celery_state.should_stop = 0  # the worker's own thread takes itself down: nobody else may touch its loop
        if self._worker.hub:
            self._worker.hub.call_soon(_wake)  # it sleeps for up to ten seconds
        self._thread.join(STOP_WAIT_S)

    def run(self, over: Callable[[], bool]) -> None:
        """Work until SIGTERM or SIGINT: the whole of `pli worker`. `over()` ends it at once, work and all."""
        stopped = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopped.set())
        self.start()
        while self._thread.is_alive() and not over() and not stopped.wait(1):
            pass
        if not over():
            self.stop()

    def _work(self) -> None:
        with suppress(SystemExit):
            self._worker.start()


def _wake() -> None:
    """Nothing: a loop that has something to do looks whether it should stop."""
