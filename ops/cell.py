"""One process that verifies signatures behind a limit on its time and memory, and the line to it.

Questions and answers are frames with their lengths in front. A question: what is asked, as JSON, and the message as it
is. An answer: JSON, so that nothing that hostile bytes may have made of the process is ever run by whoever asked.
"""

import json
import os
import resource
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from io import BufferedReader
from multiprocessing.context import BaseContext
from select import POLLIN, poll
from struct import Struct
from time import monotonic, process_time
from typing import Any

from crypto.trust import Trust
from crypto.verdict import Reason, Verdict
from crypto.verify import verify_message

CPU_S = 2  # of one verification; an ordinary one takes a third of a millisecond
WALL_S = 20.0  # on a machine that is busy with other things
MEMORY_OCTETS = 2 * 1024**3
READ_OCTETS = 256 * 1024
ANSWER_OCTETS = 1024 * 1024  # a subject's name is long at most, never this long

_QUESTION = Struct(">II")  # octets of what is asked, of the message
_ANSWER = Struct(">I")
_starting = threading.Lock()


class CellLost(Exception):
    """The process has ended, or no longer says anything that can be understood."""


@dataclass(frozen=True)
class TrustFiles:
    """What a `Trust` is read from: PEM bundles, and lists; None where revocation is not looked at."""

    anchors: bytes
    intermediates: bytes = b""
    crls: tuple[bytes, ...] | None = None

    def load(self) -> Trust:
        """Raises BadTrust."""
        return Trust.load(self.anchors, self.intermediates, self.crls)


def question(raw: bytes, sender: str | None, at: datetime, binding: bool) -> tuple[bytes, bytes]:
    """What goes over the line, in two pieces: a large message is not copied for a few octets in front of it."""
    asked = json.dumps((sender, at.isoformat(), binding)).encode()
    return _QUESTION.pack(len(asked), len(raw)) + asked, raw


class Answers:
    """Octets that come over the line, cut into verdicts."""

    def __init__(self) -> None:
        self._held = b""

    def feed(self, data: bytes) -> Iterator[Verdict]:
        """Raises CellLost for what is no answer."""
        self._held += data
        while len(self._held) >= _ANSWER.size:
            (size,) = _ANSWER.unpack_from(self._held)
            if size > ANSWER_OCTETS:
                raise CellLost
            if len(self._held) < _ANSWER.size + size:
                return
            said, self._held = self._held[_ANSWER.size : _ANSWER.size + size], self._held[_ANSWER.size + size :]
            yield _verdict(said)


class Cell:
    """A process, started by `context`. Whoever uses `ask` has it alone; `line` is for one who asks in another way."""

    def __init__(self, context: BaseContext, trust: TrustFiles) -> None:
        with _starting:  # one that is forked meanwhile would hold their end, and we would not hear that they have ended
            self._start(context, trust)

    def _start(self, context: BaseContext, trust: TrustFiles) -> None:
        self.line, theirs = socket.socketpair()
        with theirs:
            self.process: Any = context.Process(  # type: ignore[attr-defined]
                target=_live, args=(theirs, trust, os.getpid()), daemon=True
            )
            self.process.start()

    def ask(self, asked: tuple[bytes, bytes]) -> Verdict:
        """From a thread. Raises CellLost, TimeoutError."""
        until, answers = monotonic() + WALL_S, Answers()
        try:
            for piece in asked:
                self._wait(until)
                self.line.sendall(piece)
            while True:
                self._wait(until)
                for verdict in answers.feed(self._more()):
                    return verdict
        except TimeoutError:
            raise
        except OSError:
            raise CellLost from None

    def kill(self) -> None:
        """End it, whatever it does."""
        self.process.kill()
        self.line.close()

    def close(self) -> None:
        """Nothing more will be asked: it ends by itself."""
        with suppress(OSError):  # it has ended already
            self.line.shutdown(socket.SHUT_RDWR)  # `close` is not enough: one that was forked holds our end, too
        self.line.close()

    def _wait(self, until: float) -> None:
        left = until - monotonic()
        if left <= 0:
            raise TimeoutError
        self.line.settimeout(left)

    def _more(self) -> bytes:
        data = self.line.recv(READ_OCTETS)
        if not data:
            raise CellLost
        return data


def _verdict(said: bytes) -> Verdict:
    try:
        reason, email, subject, sha256 = json.loads(said)
        return Verdict(Reason(reason), email, subject, sha256)
    except (ValueError, TypeError):
        raise CellLost from None


# --- inside the process ----------------------------------------------------------------------------------------------


def _live(line: socket.socket, files: TrustFiles, server: int) -> None:
    """Judge whatever is asked until the line ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_OCTETS, MEMORY_OCTETS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    threading.Thread(target=_leave_with, args=(server,), daemon=True).start()
    trust, budget = files.load(), Budget()
    with suppress(ConnectionError), BufferedReader(socket.SocketIO(line, "rb"), READ_OCTETS) as questions:
        while (head := questions.read(_QUESTION.size)) and len(head) == _QUESTION.size:
            budget.renew()
            line.sendall(_answered(questions, head, trust))


class Budget:
    """Seconds of CPU for one question; beyond them the kernel ends the process (SIGXCPU)."""

    def __init__(self) -> None:
        self._until = 0

    def renew(self) -> None:
        """Limits are whole seconds: the next question may have the same one."""
        until = int(process_time()) + 1 + CPU_S
        if until != self._until:
            _, hard = resource.getrlimit(resource.RLIMIT_CPU)
            resource.setrlimit(resource.RLIMIT_CPU, (until, hard))
            self._until = until


def _answered(questions: "BufferedReader[Any]", head: bytes, trust: Trust) -> bytes:
    asked, octets = _QUESTION.unpack(head)
    sender, at, binding = json.loads(questions.read(asked))
    raw, when = questions.read(octets), datetime.fromisoformat(at)
    found = verify_message(raw, trust=trust, at=when, envelope_sender=sender, binding=binding)
    said = json.dumps((found.reason.value, found.signer_email, found.signer_subject, found.certificate_sha256)).encode()
    return _ANSWER.pack(len(said)) + said


def _leave_with(server: int) -> None:
    """A server that was killed leaves nobody behind. Its helper, our parent, waits for us: we hold its pipe too."""
    with suppress(ProcessLookupError):  # gone before we came
        ended = poll()
        ended.register(os.pidfd_open(server), POLLIN)
        ended.poll()
    os._exit(0)
