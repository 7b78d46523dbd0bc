"""A `Reading` in a process of its own, which also stores the lines, and which words are nearly alike: two cores share
what Python does for each line."""

import fcntl
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from itertools import islice
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from pydantic_core import from_json, to_json

from core.errors import BadInput, PliError, Temporary
from directory.edition import neighbours
from directory.edition.reading import Owned, Person, Progress, Read, Reading, Said, Scattered, Skilled
from directory.edition.sinks import Sink
from directory.edition.sources import Tally
from directory.extracts.entry import Rejection

STORED = ("lines", "neighbours")
BATCH = 200
AHEAD_OCTETS = 1 << 20  # what Linux lets anybody hold in a pipe: neither waits for each batch of the other
MakeSink = Callable[[Sequence[str]], Sink]  # for these tables


class Beside:
    """A `Source`. The process is forked: make it while there is one thread and no connection."""

    def __init__(
        self, sources: Mapping[str, Path], sink: MakeSink, progress: Progress, *, waiting: bool = False
    ) -> None:
        context = get_context("fork")
        self._line, theirs = context.Pipe(duplex=False)
        asked, self._asking = context.Pipe(duplex=False)
        for end in (theirs, self._asking):
            with suppress(OSError, AttributeError):  # slower elsewhere, and right
                fcntl.fcntl(end.fileno(), fcntl.F_SETPIPE_SZ, AHEAD_OCTETS)
        ends = (self._line, self._asking)
        reads = partial(Reading, sources, progress=progress, waiting=waiting)
        self._process = context.Process(target=_run, args=(ends, theirs, asked, reads, sink), daemon=True)
        self._process.start()
        theirs.close()
        asked.close()

    def boxes(self) -> Iterator[Owned]:
        return self._stream()

    def skills(self) -> Iterator[Skilled]:
        return self._stream()

    def sites(self) -> Iterator[Said]:
        return self._stream()

    def people(self) -> Iterator[Person]:
        return self._stream()

    def end(self) -> Read:
        told = self._heard()
        return Read({kind: _tally(**one) for kind, one in told["tallies"].items()}, told["boxes"])

    def neighbours(self, words: list[str]) -> None:
        """Returns as soon as they have heard it there."""
        _say(self._asking, words)

    def finish(self) -> None:
        """What is stored there is stored and indexed. Raises as the sink does."""
        self._heard()
        self._process.join()

    def abandon(self) -> None:
        self._process.kill()
        self._process.join()

    def _stream(self) -> Iterator[Any]:
        while batch := self._heard():
            yield from batch

    def _heard(self) -> Any:
        """Raises what was raised there; Temporary when nobody is there any more."""
        try:
            heard = from_json(self._line.recv_bytes(), cache_strings="none")
        except EOFError:
            raise Temporary("import impossible", "the reading process died") from None
        if "scattered" in heard:
            raise Scattered
        if "error" in heard:
            raise BadInput(heard["error"], heard["cause"])
        return heard


def _run(
    ends: Sequence[Connection],
    line: Connection,
    asked: Connection,
    reads: Callable[[Sink], Reading],
    sink: MakeSink,
) -> None:
    for end in ends:  # that they are closed would not be noticed while somebody else holds them
        end.close()
    with suppress(BrokenPipeError, EOFError):
        try:
            _tell(line, reads(lines := sink(["lines"])))
            lines.finish()
            near = sink(["neighbours"])
            near.write("neighbours", neighbours.rows(from_json(asked.recv_bytes())))
            near.finish()
            _say(line, {})
        except Scattered:
            _say(line, {"scattered": True})
        except PliError as error:
            _say(line, {"error": error.public, "cause": error.cause})
        except OSError as error:
            _say(line, {"error": error.strerror or "import impossible", "cause": type(error).__name__})


def _tell(line: Connection, reading: Reading) -> None:
    """Batches, each stream's end an empty one; then what became of the files."""
    for stream in (reading.boxes(), reading.skills(), reading.sites(), reading.people()):
        while batch := list(islice(stream, BATCH)):
            _say(line, batch)
        _say(line, [])
    _say(line, asdict(reading.end()))


def _say(line: Connection, one: Any) -> None:
    line.send_bytes(to_json(one))


def _tally(read: int, rejected: int, rejections: list[dict[str, Any]], hostile: dict[str, Any] | None) -> Tally:
    return Tally(read, rejected, [Rejection(**one) for one in rejections], Rejection(**hostile) if hostile else None)
