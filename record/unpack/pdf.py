"""PDF: pages, text layer, title, asked of a child process that may be killed at any moment.

pdfium is neither safe for threads nor proof against every file: one child at a time opens one file at a time. A file
that kills two children by a fault of pdfium, or one by the CPU seconds it may use, is refused; a missed deadline on the
wall clock says more of this machine's load than of the file, and is a temporary failure.
"""

import json
import os
import re
import selectors
import signal
import struct
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from core.errors import Temporary
from record.unpack.facts import PDF, Document, Problem, Unreadable
from record.unpack.limits import PDF_CPU_SECONDS, PDF_MEMORY, PDF_PAGES, PDF_TEXT, PDF_WALL_SECONDS

_SCRIPT = Path(__file__).with_name("pdf_child.py")
_FILES_PER_CHILD = 200
# pdfium tells of the scripts that have a name, not of those that a page or the opening runs. ISO 32000-1 §12.6.4
_ACTION = re.compile(rb"/S\s*/(?:JavaScript|Launch|ImportData|SubmitForm|Rendition)\b")
_ANSWER_BYTES = 8 * PDF_TEXT  # JSON writes a character in at most six, or twelve bytes beyond the first plane


class PdfReader:
    """Holds at most one child; safe to share between threads, and found empty after a fork."""

    def __init__(self, wall_seconds: float = PDF_WALL_SECONDS, cpu_seconds: int = PDF_CPU_SECONDS) -> None:
        self._wall, self._cpu = wall_seconds, cpu_seconds
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._owner = 0
        self._files = 0

    def read(self, data: bytes) -> Document:
        """Raises Unreadable (ENCRYPTED, BROKEN, ACTIVE, TOO_MANY_PAGES, TOO_SLOW), Temporary on a busy machine."""
        if _ACTION.search(data):
            raise Unreadable(Problem.ACTIVE)
        with self._lock:
            facts = self._ask(data) or self._ask(data) or {"problem": Problem.TOO_SLOW}
        if "problem" in facts:
            raise Unreadable(Problem(facts["problem"]))
        remarks = (Problem.FILES_INSIDE,) if facts["carries"] else ()
        return Document("", PDF, data, facts["title"], facts["text"], facts["pages"], remarks=remarks)

    def close(self) -> None:
        """End the child, if there is one."""
        with self._lock:
            self._end()

    def _ask(self, data: bytes) -> dict[str, Any] | None:
        """None when the child died of it."""
        child = self._ready()
        try:
            question = struct.pack(">I", len(data)) + data
            return dict(json.loads(_exchange(child, question, time.monotonic() + self._wall)))
        except TimeoutError:
            self._end()
            raise Temporary("document illisible pour l'instant", "PDF reader missed its deadline") from None
        except (OSError, EOFError, ValueError):
            # Seconds used up are used up the second time, too; any other death may be a chance.
            return {"problem": Problem.TOO_SLOW} if self._end() == -signal.SIGXCPU else None

    def _ready(self) -> subprocess.Popen[bytes]:
        if self._owner != os.getpid():
            self._child = None  # the parent's: not ours to end
        if self._child is None or self._child.poll() is not None or self._files >= _FILES_PER_CHILD:
            self._end()
            self._child, self._owner, self._files = _start(self._cpu), os.getpid(), 0
        self._files += 1
        return self._child

    def _end(self) -> int | None:
        """How it ended; None when there was no child."""
        child, self._child = self._child, None
        if child is None:
            return None
        child.kill()
        child.wait()
        for pipe in (child.stdin, child.stdout):
            if pipe:
                with suppress(OSError):
                    pipe.close()
        return child.returncode


def _start(cpu_seconds: int) -> subprocess.Popen[bytes]:
    bounds = (PDF_MEMORY, cpu_seconds, PDF_PAGES, PDF_TEXT)
    command = [sys.executable, "-I", str(_SCRIPT), *map(str, bounds)]
    child = subprocess.Popen(  # noqa: S603  our own script, no shell
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0, env={}
    )
    for pipe in (child.stdin, child.stdout):
        if pipe:
            os.set_blocking(pipe.fileno(), False)
    return child


def _exchange(child: subprocess.Popen[bytes], question: bytes, deadline: float) -> bytes:
    """Write all, read one answer, both before the deadline. Raises TimeoutError, EOFError, OSError, ValueError."""
    if child.stdin is None or child.stdout is None:
        raise EOFError
    with selectors.DefaultSelector() as ready:
        ready.register(child.stdin, selectors.EVENT_WRITE)
        rest = memoryview(question)
        while rest:
            _wait(ready, deadline)
            rest = rest[os.write(child.stdin.fileno(), rest[:65_536]) :]
        ready.unregister(child.stdin)
        ready.register(child.stdout, selectors.EVENT_READ)
        length = struct.unpack(">I", _take(child.stdout.fileno(), 4, ready, deadline))[0]
        if length > _ANSWER_BYTES:
            raise ValueError
        return _take(child.stdout.fileno(), length, ready, deadline)


def _take(pipe: int, count: int, ready: selectors.BaseSelector, deadline: float) -> bytes:
    found = bytearray()
    while len(found) < count:
        _wait(ready, deadline)
        piece = os.read(pipe, count - len(found))
        if not piece:
            raise EOFError
        found += piece
    return bytes(found)


def _wait(ready: selectors.BaseSelector, deadline: float) -> None:
    if not ready.select(max(0.0, deadline - time.monotonic())):
        raise TimeoutError


reader = PdfReader()
