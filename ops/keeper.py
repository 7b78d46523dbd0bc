"""Keeps promises: takes one outbox row, does what it asks, writes down how it ended. Knows nothing of Celery."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass

import structlog
from sqlalchemy.orm import Session

from core import outbox
from core.clock import Clock
from core.db import Db
from core.errors import PliError

Handler = Callable[[int], None]  # given the row that the promise is about; harmless twice
SWEEP_AT_MOST_S = 50.0
TAKEN_ALONG, SIDE_BY_SIDE = 31, 4  # threads wait for one commit together instead of each for its own

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
    together: frozenset[str] = frozenset()  # kinds of many short works: what waits is taken along, side by side

    def run_one(self, row_id: int) -> bool:
        """Do this row's work if it is free and due; False when somebody else has it or it is over."""
        if not self.db.read(outbox.is_free, row_id, self.clock.now()):
            return False
        tasks = self.db.run(self._lease, row_id)
        with ThreadPoolExecutor(SIDE_BY_SIDE) if len(tasks) > 1 else nullcontext() as pool:
            ended = list(pool.map(self._tried, tasks)) if pool else [self._tried(task) for task in tasks]
        if kept := [task.id for task, is_kept in zip(tasks, ended, strict=True) if is_kept]:
            self.db.run(outbox.done, *kept)
        return bool(tasks)

    def _lease(self, session: Session, row_id: int) -> list[outbox.Task]:
        now = self.clock.now()
        task = outbox.lease(session, row_id, now, self.lease_seconds)
        if task is None:
            return []
        if task.kind not in self.together:
            return [task]
        return [task, *outbox.lease_more(session, task, now, self.lease_seconds, TAKEN_ALONG)]

    def _tried(self, task: outbox.Task) -> bool:
        """Whether it ended well; if not, when it is tried again is settled."""
        try:
            self._do(task)
        except Exception as error:
            self._later(task, error)
            return False
        return True

    def sweep(self) -> int:
        """Do all that is due, expired leases among it; returns how many rows ran. Ends after a bounded time."""
        ran, end = 0, time.monotonic() + SWEEP_AT_MOST_S
        while time.monotonic() < end:
            ids = self.db.read(outbox.due, self.clock.now(), 100, self.apart)
            done = sum(self.run_one(row_id) for row_id in ids)
            ran += done
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
