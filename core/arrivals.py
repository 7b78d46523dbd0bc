"""Answers on their way from a thread to an event loop: those that come together wake the loop once, not each."""

import asyncio
from collections import deque
from contextlib import suppress
from typing import Any
from weakref import WeakKeyDictionary


class Platform:
    """Where the passengers of one event loop are met."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._arrived: deque[tuple[Arrival, Any, BaseException | None]] = deque()
        self._rung = False

    def expect(self) -> "Arrival":
        """From the loop: somebody will come."""
        return Arrival(self, self._loop.create_future())

    def arrive(self, arrival: "Arrival", result: Any, error: BaseException | None) -> None:
        """From any thread."""
        self._arrived.append((arrival, result, error))
        if not self._rung:
            self._rung = True
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                self._loop.call_soon_threadsafe(self._meet)

    def _meet(self) -> None:
        self._rung = False  # first: whoever arrives from now on rings again
        while self._arrived:
            arrival, result, error = self._arrived.popleft()
            arrival.meet(result, error)


class Arrival:
    """One answer that somebody on the loop waits for; given from any thread, as the train does."""

    __slots__ = ("_future", "_given", "_met", "_platform")

    def __init__(self, platform: Platform, future: "asyncio.Future[Any]") -> None:
        self._future = future
        self._platform = platform
        self._given = False
        self._met = False

    async def wait(self) -> Any:
        """The answer; who is cancelled meanwhile leaves once it is there."""
        try:
            return await self._future
        except asyncio.CancelledError:
            if not self._met:
                self._future = asyncio.get_running_loop().create_future()
                await asyncio.wait([self._future])
            raise

    def meet(self, result: Any, error: BaseException | None) -> None:
        """On the loop: here it is."""
        self._met = True
        if self._future.done():
            return
        if error is None:
            self._future.set_result(result)
        else:
            self._future.set_exception(error)

    def done(self) -> bool:
        """Whether the answer was given."""
        return self._given

    def set_result(self, result: Any) -> None:
        """It went well."""
        self._given = True
        self._platform.arrive(self, result, None)

    def set_exception(self, error: BaseException) -> None:
        """It did not."""
        self._given = True
        self._platform.arrive(self, None, error)


_platforms: "WeakKeyDictionary[asyncio.AbstractEventLoop, Platform]" = WeakKeyDictionary()


def expect() -> Arrival:
    """An answer for the running loop."""
    loop = asyncio.get_running_loop()
    platform = _platforms.get(loop)
    if platform is None:
        platform = _platforms[loop] = Platform(loop)
    return platform.expect()
