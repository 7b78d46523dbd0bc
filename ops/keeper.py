"""Keeps promises: takes one outbox row, does what it asks, writes down how it ended. Knows nothing of Celery."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import structlog

from core import outbox
from core.clock import Clock
from core.db import Db
from core.errors import PliError

Handler = Callable[[int], None]  # given the row that the promise is about; harmless twice
SWEEP_AT_MOST_S = 50.0
TOGETHER = 32  # rows of a kind that are done together

log = structlog.get_logger()


@dataclass(frozen=True)
class Keeper:
    """One worker's view of the outbox. Network and slow work happen between two transactions, never inside one."""

    db: Db
    clock: Clock
    handlers: Mapping[str, Handler]
    lease_seconds: int
    attempts: int
    apart: frozenset[str] = frozenset()  # kinds that somebody else keeps

    def run_one(self, row_id: int) -> bool:
        """Do what a message about this row asks for (`outbox.asked`); False when somebody else has it or it is over."""
        return bool(self._run(row_id))

    def _run(self, row_id: int) -> list[int]:
        """The rows that were worked on."""
        ids = self.db.look(outbox.asked, row_id, self.clock.now(), self._several, TOGETHER)
        tasks = self.db.run(outbox.lease_all, ids, self.clock.now(), self.lease_seconds) if ids else []
        kept = tasks if self._done_together(tasks) else [task for task in tasks if self._tried(task)]
        if kept:
            self.db.run(outbox.done, *(task.id for task in kept))
        return [task.id for task in tasks]

    @cached_property
    def _several(self) -> frozenset[str]:
        return frozenset(kind for kind, handler in self.handlers.items() if isinstance(handler, outbox.Several))

    def _done_together(self, tasks: Sequence[outbox.Task]) -> bool:
        """False where they have to be done one by one: there is but one, or one of them fails."""
        handler = self.handlers.get(tasks[0].kind) if len(tasks) > 1 else None
        if not isinstance(handler, outbox.Several):
            return False
        try:
            handler.many([task.ref for task in tasks])
        except Exception as error:
            log.info("task.taken_apart", kind=tasks[0].kind, tasks=len(tasks), cause=type(error).__name__)
            return False
        return True

    def _tried(self, task: outbox.Task) -> bool:
        """Whether it ended well; if not, when it is tried again is settled."""
        try:
            self._do(task)
        except Exception as error:
            self._later(task, error)
            return False
        return True

    def sweep(self) -> int:
        """Do all that was due when it began, expired leases among it; returns how many rows ran. Ends after a bounded
        time. What comes meanwhile has messages of its own: they take many rows at once, where this would run after
        each."""
        began, ran, end = self.clock.now(), 0, time.monotonic() + SWEEP_AT_MOST_S
        while time.monotonic() < end:
            done: set[int] = set()
            for row_id in self.db.read(outbox.due, began, 100, self.apart):
                if row_id not in done:
                    done.update(self._run(row_id))
            ran += len(done)
            if not done:
                break
        return ran

    def _do(self, task: outbox.Task) -> None:
        handler = self.handlers.get(task.kind)
        if handler is None:
            raise PliError("unknown work", f"no handler for {task.kind}")
        handler(task.ref)

    def _later(self, task: outbox.Task, error: Exception) -> None:
        """Unforeseen failures are logged with their trace; the row keeps our word for the cause, nobody's data."""
        cause = str(error) if isinstance(error, PliError) else type(error).__name__
        state = self.db.run(outbox.retry, task, self.clock.now(), cause, self.attempts)
        report = log.warning if isinstance(error, PliError) else log.exception
        report("task.failed", kind=task.kind, row=task.id, attempt=task.attempts, state=state, cause=cause)
