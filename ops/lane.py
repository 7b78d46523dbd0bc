"""Many questions to one fenced process, on the event loop: sent as they come, answered in their order.

So whoever is at the head when the process ends is who it ended over; the others have lost nothing but time.
"""

import asyncio
from collections import deque
from contextlib import suppress
from typing import cast

from crypto.verdict import Verdict
from ops.cell import WALL_S, Answers, Cell, CellLost


class Suspect(Exception):
    """The process ended while it judged this message."""


class Abandoned(Exception):
    """The process ended before it came to this message."""


class Lane(asyncio.Protocol):
    """The loop's end of a cell's line."""

    def __init__(self, cell: Cell) -> None:
        self.over = False  # nothing more can be asked
        self._cell = cell
        self._loop = asyncio.get_running_loop()
        self._answers = Answers()
        self._asked: deque[asyncio.Future[Verdict]] = deque()
        self._since = 0.0  # when the head's turn began
        self._watch: asyncio.TimerHandle | None = None
        self._closing = False

    @classmethod
    async def open(cls, cell: Cell) -> "Lane":
        """A lane over this cell's line, which is the lane's from now on."""
        lane = cls(cell)
        cell.line.setblocking(False)
        await lane._loop.create_connection(lambda: lane, sock=cell.line)
        return lane

    def __len__(self) -> int:
        """How many wait."""
        return len(self._asked)

    async def ask(self, asked: tuple[bytes, bytes]) -> Verdict:
        """Raises Suspect, Abandoned, TimeoutError."""
        if self.over:
            raise Abandoned
        if not self._asked:
            self._since = self._loop.time()
        answer: asyncio.Future[Verdict] = self._loop.create_future()
        self._asked.append(answer)
        self._out.writelines(asked)
        if self._watch is None:
            self._watch = self._loop.call_later(WALL_S, self._look)
        return await answer

    def close(self) -> None:
        """Once all that was asked is answered. From any thread."""
        with suppress(RuntimeError):  # the loop has ended, and all its lines with it
            self._loop.call_soon_threadsafe(self._close)

    # --- the line --------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio has taken the line."""
        self._out = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        """Answers, or a piece of one."""
        try:
            for verdict in self._answers.feed(data):
                self._give(verdict)
        except (CellLost, IndexError):  # no answer, or one that nobody asked for
            self._cell.process.kill()
            self._out.abort()
        if self._closing:
            self._close()

    def connection_lost(self, _error: Exception | None) -> None:
        """The process has ended, or the lane was closed."""
        self.over = True
        if self._watch is not None:
            self._watch.cancel()
        for place, answer in enumerate(self._asked):
            if not answer.done():
                answer.set_exception(Abandoned() if place else Suspect())
        self._asked.clear()

    def _close(self) -> None:
        self._closing = True
        if not self._asked and not self.over:
            self.over = True
            self._out.write_eof()  # the process ends, and with it the line

    def _give(self, verdict: Verdict) -> None:
        answer = self._asked.popleft()
        self._since = self._loop.time()
        if not answer.done():
            answer.set_result(verdict)

    def _look(self) -> None:
        """Whether the head has had its time; the process is ended then, and the next at the head are innocent."""
        self._watch = None
        if not self._asked:
            return
        left = self._since + WALL_S - self._loop.time()
        if left > 0:
            self._watch = self._loop.call_later(left, self._look)
            return
        head = self._asked[0]
        if not head.done():
            head.set_exception(TimeoutError())
        self._cell.process.kill()
