"""Boards that the same commit wakes are answered together: one look, one commit of their entries in the trail."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from starlette.concurrency import run_in_threadpool

T = TypeVar("T")
R = TypeVar("R")

GATHER_S = 0.01  # how long the first one waits for the others; they all wake within one turn of the loop
Place = tuple[asyncio.AbstractEventLoop, int, int]


@dataclass(eq=False)
class _Group(Generic[R, T]):
    task: "asyncio.Task[T]"
    readers: list[R] = field(default_factory=list)


class Together(Generic[R, T]):
    """`work(ref, readers)` runs in a thread, once for all who ask at the same moment."""

    def __init__(self, work: Callable[[int, tuple[R, ...]], T]) -> None:
        self._work = work
        self._groups: dict[Place, _Group[R, T]] = {}

    async def ask(self, whose: int, ref: int, reader: R) -> T:
        """The common answer for the readers of `whose` board. Raises what `work` raises."""
        loop = asyncio.get_running_loop()
        place = (loop, whose, ref)
        if place not in self._groups:
            self._groups[place] = _Group(loop.create_task(self._answer(place)))
        group = self._groups[place]
        group.readers.append(reader)
        return await asyncio.shield(group.task)  # one that hangs up takes nothing from the others

    async def _answer(self, place: Place) -> T:
        await asyncio.sleep(GATHER_S)
        group = self._groups.pop(place)
        return await run_in_threadpool(self._work, place[2], tuple(group.readers))
