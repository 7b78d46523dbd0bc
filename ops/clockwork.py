"""The clock of a process that works: what is due every so often, done in threads of its own.

It asks nobody. Work goes on while the broker is away, and where Celery has gone deaf.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

log = structlog.get_logger()


@dataclass(frozen=True)
class Round:
    """`work`, after each `seconds` of rest; `first` is the rest before it is done for the first time."""

    name: str
    seconds: float
    work: Callable[[], object]
    first: float | None = None


class Clockwork:
    """A thread for each round: a long one keeps no other waiting, and none runs beside itself."""

    def __init__(self, rounds: Sequence[Round]) -> None:
        self._over = threading.Event()
        self.threads = [threading.Thread(target=self._go, args=(one,), name=one.name, daemon=True) for one in rounds]

    def start(self) -> None:
        """Begin to rest."""
        for thread in self.threads:
            thread.start()

    def stop(self) -> None:
        """Begin no further round. Who wants to wait for those under way joins the threads."""
        self._over.set()

    def _go(self, one: Round) -> None:
        rest = one.seconds if one.first is None else one.first
        while not self._over.wait(rest):
            rest = one.seconds
            try:
                one.work()
            except Exception:
                log.exception("clock.failed", round=one.name)
