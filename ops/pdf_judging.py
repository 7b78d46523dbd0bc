"""Signed PDFs judged in a process of their own, with a limit on its time and memory; it starts with the first one."""

import os
import resource
import signal
import threading
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from datetime import datetime
from multiprocessing import get_context
from pathlib import Path
from time import process_time, sleep

import structlog

from core.settings import Settings
from crypto.pdf_signature import may_be_signed, verify_pdf
from crypto.trust import Trust
from crypto.verdict import Reason, Verdict
from ops.trust_files import Watch

CPU_S = 5  # of one file; an ordinary one takes some hundredths of a second
WALL_S = 60.0
MEMORY_OCTETS = 2 * 1024**3

Answer = tuple[str, str | None, str | None, str | None]

log = structlog.get_logger()


class PdfJudge:
    """By the newest authorities and lists. Safe for use by several threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._watch = Watch((settings.ca_file, settings.crl_file))
        self._lock = threading.Lock()
        self._pool: ProcessPoolExecutor | None = None

    def __call__(self, data: bytes, at: datetime) -> Verdict:
        """Never raises for what the file holds."""
        if not may_be_signed(data):
            return Verdict(Reason.NOT_SIGNED)
        pool = self._running()
        try:
            reason, email, subject, sha256 = pool.submit(_judge, data, at).result(WALL_S)
        except (BrokenProcessPool, TimeoutError) as error:
            log.warning("pdf.fenced", cause=type(error).__name__)
            self.close()
            return Verdict(Reason.SURPRISE)
        return Verdict(Reason(reason), email, subject, sha256)

    def close(self) -> None:
        """End the process; the next signed file gets a new one."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            for process in list((pool._processes or {}).values()):
                process.kill()
            pool.shutdown(wait=False, cancel_futures=True)

    def _running(self) -> ProcessPoolExecutor:
        if self._watch.changed():
            self.close()  # authorities or lists are new: so is the process that knows them
        with self._lock:
            if self._pool is None:
                files = (self._settings.ca_file, self._settings.crl_file, os.getpid())
                self._pool = ProcessPoolExecutor(1, get_context("spawn"), _begin, files)
            return self._pool


_ours: list[Trust] = []  # in the fenced process: what it judges by


def _begin(authorities: Path, lists: Path, parent: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_OCTETS, MEMORY_OCTETS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    threading.Thread(target=_leave_with, args=(parent,), daemon=True).start()
    _ours[:] = [Trust.load(authorities.read_bytes(), crls=(lists.read_bytes(),) if lists.exists() else None)]


def _leave_with(parent: int) -> None:
    """A server that was killed leaves nobody behind."""
    while os.getppid() == parent:
        sleep(1)
    os._exit(0)


def _judge(data: bytes, at: datetime) -> Answer:
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(process_time()) + 1 + CPU_S, hard))
    found = verify_pdf(data, trust=_ours[0], at=at)
    return found.reason.value, found.signer_email, found.signer_subject, found.certificate_sha256
