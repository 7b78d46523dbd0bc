"""Signatures judged in processes of their own, with a limit on their time and memory: whatever hostile bytes do to the
parsers there, here it is one more verdict, `permerror`."""

import asyncio
import threading
from contextlib import suppress
from datetime import datetime
from multiprocessing import get_context

import structlog

from crypto.verdict import Reason, Verdict
from ops.cell import Cell, CellLost, TrustFiles, question
from ops.lane import Abandoned, Lane, Suspect

__all__ = ["Fence", "TrustFiles"]

SURPRISE = Verdict(Reason.SURPRISE)

log = structlog.get_logger()


class Fence:
    """`judge` from threads, each of which has a process alone meanwhile; `judged` from one event loop, whose questions
    share processes. They start when they are needed first."""

    def __init__(self, trust: TrustFiles, *, processes: int = 2, start: str = "forkserver") -> None:
        """`start`: how a process is made. "forkserver": by a helper that has the libraries already, so that each costs
        milliseconds; "fork" is for programs with one thread. Raises BadTrust."""
        trust.load()
        self._trust = trust
        self._processes = processes
        self._context = get_context(start)
        self._context.set_forkserver_preload(["ops.cell"])
        self._free = threading.Semaphore(processes)
        self._idle: list[Cell] = []
        self._lanes: list[Lane] = []
        self._opening = asyncio.Lock()
        self._closed = False

    def judge(self, raw: bytes, sender: str | None, at: datetime, *, binding: bool = True) -> Verdict:
        """From a thread. Never raises for what the message holds; `at` is aware."""
        asked = question(raw, sender, _aware(at), binding)
        with self._free:
            try:
                return self._ask(self._taken(), asked)
            except CellLost:  # perhaps it had ended before, by another's doing: once more, in a new one
                return self._alone(asked)
            except TimeoutError:
                return SURPRISE

    async def judged(self, raw: bytes, sender: str | None, at: datetime) -> Verdict:
        """As `judge`, from the event loop."""
        asked = question(raw, sender, _aware(at), binding=True)
        while True:
            lane = await self._lane()
            try:
                return await lane.ask(asked)
            except Abandoned:
                continue
            except Suspect:
                log.warning("signature.fenced", cause="CellLost")
                return await asyncio.to_thread(self._alone, asked)
            except TimeoutError:
                log.warning("signature.fenced", cause="TimeoutError")
                return SURPRISE
            finally:
                if self._closed:
                    self.close()

    def warm(self) -> None:
        """Start the processes, so that the first message need not wait for them."""
        while len(self._idle) < self._processes:
            self._idle.append(self._new())

    def close(self) -> None:
        """Let the processes go, once they have ended what they began."""
        self._closed = True
        for lane in self._lanes:
            lane.close()
        with suppress(IndexError):
            while True:
                self._idle.pop().close()

    def _new(self) -> Cell:
        return Cell(self._context, self._trust)

    def _taken(self) -> Cell:
        """One that nobody uses now, or one more."""
        try:
            return self._idle.pop()
        except IndexError:
            return self._new()

    def _ask(self, cell: Cell, asked: tuple[bytes, bytes]) -> Verdict:
        """Raises CellLost, TimeoutError; the process is then gone."""
        try:
            verdict = cell.ask(asked)
        except (CellLost, TimeoutError) as error:
            log.warning("signature.fenced", cause=type(error).__name__)
            cell.kill()
            raise
        self._idle.append(cell)
        if self._closed:
            self.close()
        return verdict

    def _alone(self, asked: tuple[bytes, bytes]) -> Verdict:
        """In a process that has judged nobody before."""
        cell = self._new()
        try:
            return cell.ask(asked)
        except (CellLost, TimeoutError) as error:
            log.warning("signature.fenced", cause=type(error).__name__)
            return SURPRISE
        finally:
            cell.kill()

    async def _lane(self) -> Lane:
        """The one with the fewest questions before it."""
        if len(self._lanes) < self._processes or any(lane.over for lane in self._lanes):
            async with self._opening:
                await self._open_lanes()
        return min(self._lanes, key=len)

    async def _open_lanes(self) -> None:
        self._lanes = [lane for lane in self._lanes if not lane.over]
        while len(self._lanes) < self._processes:
            self._lanes.append(await Lane.open(await asyncio.to_thread(self._taken)))


def _aware(at: datetime) -> datetime:
    """Raises ValueError for a naive time: that is our mistake."""
    if at.utcoffset() is None:
        raise ValueError("the time of verification must say its zone")
    return at
