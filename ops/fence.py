"""Signatures judged in a process of their own, with a limit on its time and memory: whatever hostile bytes do to the
parsers there, here it is one more verdict, `permerror`."""

import os
import resource
import signal
import threading
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from multiprocessing import get_context
from select import POLLIN, poll
from time import process_time

import structlog

from crypto.rawmime import take_apart
from crypto.trust import Trust
from crypto.verdict import Reason, Refusal, Verdict
from crypto.verify import verify_message

CPU_S = 2  # of one verification; an ordinary one takes a millisecond
WALL_S = 20.0  # on a machine that is busy with other things
MEMORY_OCTETS = 2 * 1024**3

Answer = tuple[str, str | None, str | None, str | None]

log = structlog.get_logger()


@dataclass(frozen=True)
class TrustFiles:
    """What a `Trust` is read from: PEM bundles, and lists; None where revocation is not looked at."""

    anchors: bytes
    intermediates: bytes = b""
    crls: tuple[bytes, ...] | None = None

    def load(self) -> Trust:
        """Raises BadTrust."""
        return Trust.load(self.anchors, self.intermediates, self.crls)


class Fence:
    """Safe for use by several threads. Its processes start with the first signed message."""

    def __init__(self, trust: TrustFiles, *, processes: int = 2, start: str = "forkserver") -> None:
        """`start`: how a process is made. "forkserver": by a helper that has the libraries already, so that each costs
        milliseconds; "fork" is for programs with one thread. Raises BadTrust."""
        trust.load()
        self._trust = trust
        self._processes = processes
        self._start = start
        self._lock = threading.Lock()
        self._alone = threading.Lock()
        self._pool: ProcessPoolExecutor | None = None

    def judge(self, raw: bytes, sender: str | None, at: datetime, *, binding: bool = True) -> Verdict:
        """Never raises for what the message holds; `at` is aware."""
        if at.utcoffset() is None:
            raise ValueError("the time of verification must say its zone")
        try:
            take_apart(raw)  # linear and bounded: what claims no signature needs no process
        except Refusal as refusal:
            return Verdict(refusal.reason)
        try:
            return self._judged(self._running(), raw, sender, at, binding)
        except RuntimeError:  # it may have been a neighbour's doing: once more, where nobody else is
            return self._judged_alone(raw, sender, at, binding)
        except TimeoutError:
            return Verdict(Reason.SURPRISE)

    def warm(self, *, wait: bool = False) -> None:
        """Start the processes; returns at once, or once they have read the lists."""
        pool = self._running()
        started = [pool.submit(_nothing) for _ in range(self._processes)]
        with suppress(RuntimeError, TimeoutError):  # the first message meets the same, and is answered
            for each in started if wait else ():
                each.result(WALL_S)

    def close(self, *, wait: bool = False) -> None:
        """Let the processes go, once they have ended what they began. `wait`: until they are gone, where the program
        ends after this: the interpreter's own farewell would meet them half closed."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=wait)

    def _judged(
        self, pool: ProcessPoolExecutor, raw: bytes, sender: str | None, at: datetime, binding: bool
    ) -> Verdict:
        """Raises RuntimeError, TimeoutError; the processes are then put down."""
        try:
            reason, email, subject, sha256 = pool.submit(_judge, raw, sender, at, binding).result(WALL_S)
        except (RuntimeError, TimeoutError) as error:  # broken, stuck, or put down by somebody else meanwhile
            log.warning("signature.fenced", cause=type(error).__name__)
            self._put_down(pool)
            raise
        return Verdict(Reason(reason), email, subject, sha256)

    def _judged_alone(self, raw: bytes, sender: str | None, at: datetime, binding: bool) -> Verdict:
        with self._alone:  # one suspect at a time
            pool = self._made(1)
            try:
                return self._judged(pool, raw, sender, at, binding)
            except (RuntimeError, TimeoutError):
                return Verdict(Reason.SURPRISE)
            finally:
                pool.shutdown(wait=False)

    def _running(self) -> ProcessPoolExecutor:
        with self._lock:
            if self._pool is None:
                self._pool = self._made(self._processes)
            return self._pool

    def _made(self, processes: int) -> ProcessPoolExecutor:
        context = get_context(self._start)
        context.set_forkserver_preload([__name__])
        return ProcessPoolExecutor(processes, context, _begin, (self._trust, os.getpid()))

    def _put_down(self, pool: ProcessPoolExecutor) -> None:
        """End processes that are stuck; the next message gets new ones."""
        with self._lock:
            if self._pool is pool:
                self._pool = None
        for process in list((pool._processes or {}).values()):
            process.kill()
        pool.shutdown(wait=False, cancel_futures=True)


_ours: list[Trust] = []  # in the fenced process: what it judges by


def _begin(trust: TrustFiles, server: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_OCTETS, MEMORY_OCTETS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    threading.Thread(target=_leave_with, args=(server,), daemon=True).start()
    _ours[:] = [trust.load()]


def _leave_with(server: int) -> None:
    """A server that was killed leaves nobody behind. Its helper, our parent, waits for us: we hold its pipe too."""
    with suppress(ProcessLookupError):  # gone before we came
        ended = poll()
        ended.register(os.pidfd_open(server), POLLIN)
        ended.poll()
    os._exit(0)


def _nothing() -> None:
    """What a process does to be there."""


def _judge(raw: bytes, sender: str | None, at: datetime, binding: bool) -> Answer:
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(process_time()) + 1 + CPU_S, hard))
    found = verify_message(raw, trust=_ours[0], at=at, envelope_sender=sender, binding=binding)
    return found.reason.value, found.signer_email, found.signer_subject, found.certificate_sha256
