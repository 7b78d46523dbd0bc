"""Work that is ended even when whoever asked for it has gone: a peer that hangs up cancels its task, not the commit."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

_running: set["asyncio.Future[Any]"] = set()  # the loop itself keeps weak references only
_waiting: list["asyncio.Future[None]"] = []
_busy = 0


async def ended(work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, which runs to its end even when the caller is cancelled."""
    task = asyncio.ensure_future(work)
    _running.add(task)
    task.add_done_callback(_forget)
    return await asyncio.shield(task)


class Busy:
    """Around what nobody cancels and what must be over before the database closes: cheaper than a task of its own."""

    __slots__ = ()

    def __enter__(self) -> None:
        global _busy  # noqa: PLW0603  as `_running`: one for the process
        _busy += 1

    def __exit__(self, *_error: object) -> None:
        global _busy  # noqa: PLW0603
        _busy -= 1
        while not _busy and _waiting:
            waiter = _waiting.pop()
            if not waiter.done():
                waiter.set_result(None)


async def all_ended() -> None:
    """Wait for what still runs: before the database closes."""
    while _running or _busy:
        waiting = set(_running)
        if _busy:
            _waiting.append(asyncio.get_running_loop().create_future())
            waiting.add(_waiting[-1])
        await asyncio.wait(waiting)


def _forget(task: "asyncio.Future[Any]") -> None:
    _running.discard(task)
    if not task.cancelled():
        task.exception()  # seen: an error that nobody waits for any more is no news
