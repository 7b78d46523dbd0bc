"""A thread with an event loop of its own for what calls other machines: a slow peer never delays our own listeners."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import structlog
import uvloop

Service = Callable[[], Awaitable[None]]  # runs until cancelled

STOP_S = 10.0
log = structlog.get_logger()


class Outside:
    """Give it services; `start`, and `stop` before the database closes."""

    def __init__(self, services: Sequence[Service]) -> None:
        self._services = services
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._work, name="outside", daemon=True)
        self._task: asyncio.Task[None] | None = None
        self._begun = threading.Event()

    def start(self) -> None:
        """Begin; returns once the loop runs."""
        self._thread.start()
        self._begun.wait()

    def stop(self) -> None:
        """Cancel all services and wait until they have let go."""
        if self._task is not None:
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(STOP_S)

    def _work(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner, suppress(asyncio.CancelledError):
            runner.run(self._all())

    async def _all(self) -> None:
        self._task = asyncio.current_task()
        self._begun.set()
        await asyncio.gather(*(_kept(service) for service in self._services))


async def _kept(service: Service) -> None:
    """A service that fails is begun again: mail waits, and nobody else would start it."""
    while True:
        try:
            await service()
        except Exception:
            log.exception("outside.failed")
            await asyncio.sleep(1)
        else:
            return
