"""A process that was forked to do a part of an import, and the two pipes by which it is heard and asked."""

import fcntl
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

from pydantic_core import from_json, to_json

from core.errors import Temporary
from directory.edition import faults
from directory.edition.reading import Scattered

BATCH = 200
AHEAD_OCTETS = 1 << 20  # what Linux lets anybody hold in a pipe: neither waits for each batch of the other


class Line:
    """The forked process's end of the pipes."""

    def __init__(self, says: Connection, hears: Connection) -> None:
        self._says = says
        self._hears = hears

    def say(self, one: Any) -> None:
        self.send(packed(one))

    def send(self, octets: bytes) -> None:
        """What was packed before."""
        self._says.send_bytes(octets)

    def say_all(self, stream: Iterable[Any]) -> None:
        for batch in batches(stream):
            self.send(batch)

    def heard(self) -> Any:
        return unpacked(self._hears)


Work = Callable[[Line], None]


def packed(one: Any) -> bytes:
    """Sequences, dictionaries, texts and numbers."""
    return to_json(one)


def unpacked(pipe: Connection) -> Any:
    """Raises EOFError."""
    return from_json(pipe.recv_bytes(), cache_strings="none")


def batches(stream: Iterable[Any]) -> Iterator[bytes]:
    """A stream packed for the pipe; its end is an empty batch."""
    rest = iter(stream)
    while batch := list(islice(rest, BATCH)):
        yield packed(batch)
    yield packed([])


class Forked:
    """Fork while there is one thread and no connection. Whatever `work` raises is raised where it is heard next."""

    def __init__(self, work: Work, *others: "Forked") -> None:
        """`others`: those that were forked before; what is ours of them is not the new one's."""
        context = get_context("fork")
        self._line, theirs = context.Pipe(duplex=False)
        asked, self._asking = context.Pipe(duplex=False)
        for end in (theirs, self._asking):
            with suppress(OSError, AttributeError):  # slower elsewhere, and right
                fcntl.fcntl(end.fileno(), fcntl.F_SETPIPE_SZ, AHEAD_OCTETS)
        ours = [end for one in (self, *others) for end in (one._line, one._asking)]
        self._process = context.Process(target=_run, args=(work, ours, Line(theirs, asked)), daemon=True)
        self._process.start()
        theirs.close()
        asked.close()

    def stream(self) -> Iterator[Any]:
        """What was said as batches, to the empty one. Raises as `heard`."""
        while batch := self.heard():
            yield from batch

    def heard(self) -> Any:
        """Raises what was raised there; Temporary when nobody is there any more."""
        try:
            heard = unpacked(self._line)
        except (EOFError, OSError):  # OSError: within a message
            raise _died() from None
        if "scattered" in heard:
            raise Scattered
        if "error" in heard:
            raise faults.raised(heard)
        return heard

    def ask(self, one: Any) -> None:
        """Returns as soon as it has been heard there. Raises Temporary when nobody is there any more."""
        try:
            self._asking.send_bytes(packed(one))
        except BrokenPipeError:
            raise _died() from None

    def join(self) -> None:
        self._process.join()

    def kill(self) -> None:
        self._process.kill()
        self._process.join()


def _died() -> Temporary:
    return Temporary(faults.KILLED, "a process of the import died")


def _run(work: Work, ours: Sequence[Connection], line: Line) -> None:
    for end in ours:  # that they are closed would not be noticed while somebody else holds them
        end.close()
    with suppress(BrokenPipeError, EOFError):
        try:
            work(line)
        except Scattered:
            line.say({"scattered": True})
        except (BrokenPipeError, EOFError):
            raise
        except Exception as error:
            line.say(faults.message_of(error))
