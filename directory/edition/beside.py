"""A `Reading` in two processes of their own, which also store the lines, and which words are nearly alike: with whoever
builds from it three share what Python does for each line."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from directory.edition import neighbours
from directory.edition.forked import Forked, Line, batches, packed
from directory.edition.reading import Owned, Person, Progress, Read, Reading, Said, Skilled
from directory.edition.sinks import Sink
from directory.edition.sources import Tally
from directory.edition.tables import COMPLETE_FIRST
from directory.extracts.entry import Rejection

INDEXED = ("lines", "neighbours", *COMPLETE_FIRST)  # here, not by whoever builds
MakeSink = Callable[[Sequence[str]], Sink]  # the keys and indexes of these tables are its to make
MakeReading = Callable[[Sink], Reading]


class Beside:
    """A `Source`. Make it while there is one thread and no connection."""

    def __init__(
        self, sources: Mapping[str, Path], sink: MakeSink, progress: Progress, *, waiting: bool = False
    ) -> None:
        reads = partial(Reading, sources, progress=progress, waiting=waiting)
        self._long = Forked(partial(_read_long, reads, sink))
        self._short = Forked(partial(_read_short, reads, sink), self._long)
        self._both = (self._long, self._short)

    def boxes(self) -> Iterator[Owned]:
        return self._long.stream()

    def skills(self) -> Iterator[Skilled]:
        return self._short.stream()

    def sites(self) -> Iterator[Said]:
        return self._short.stream()

    def people(self) -> Iterator[Person]:
        return self._long.stream()

    def end(self) -> Read:
        tallies: dict[str, Tally] = {}
        boxes = 0
        for told in [one.heard() for one in self._both]:
            tallies |= {kind: _tally(**one) for kind, one in told["tallies"].items()}
            boxes += told["boxes"]
        return Read(tallies, boxes)

    def neighbours(self, words: list[str]) -> None:
        """Returns as soon as they have heard it there. Cards and boxes are complete and committed before."""
        self._short.ask(words)

    def finish(self) -> None:
        """What is stored there is stored and indexed. Raises as the sink does."""
        for one in self._both:
            one.heard()
            one.join()

    def abandon(self) -> None:
        for one in self._both:
            one.kill()


def _read_long(reads: MakeReading, sink: MakeSink, line: Line) -> None:
    """Mailboxes, then people."""
    with _abandoned(sink(["lines"])) as lines:
        reading = reads(lines)
        line.say_all(reading.boxes())
        line.say_all(reading.people())
        line.say(asdict(reading.end()))
        lines.finish()
    line.say({})


def _read_short(reads: MakeReading, sink: MakeSink, line: Line) -> None:
    """Skills and establishments while mailboxes are read; kept, some 30 MB, until it is their turn to be heard. The
    lines' indexes are made by whoever stores the last of them."""
    with _abandoned(sink([])) as lines:
        reading = reads(lines)
        kept = [*batches(reading.skills()), *batches(reading.sites()), packed(asdict(reading.end()))]
        lines.finish()
    for octets in kept:
        line.send(octets)
    del kept
    near = sink(["neighbours"])
    near.write("neighbours", neighbours.rows(line.heard()))
    near.finish()
    sink(COMPLETE_FIRST).finish()
    line.say({})


@contextmanager
def _abandoned(sink: Sink) -> Iterator[Sink]:
    """When anything fails within."""
    try:
        yield sink
    except BaseException:
        sink.abandon()
        raise


def _tally(read: int, rejected: int, rejections: list[dict[str, Any]], hostile: dict[str, Any] | None) -> Tally:
    return Tally(read, rejected, [Rejection(**one) for one in rejections], Rejection(**hostile) if hostile else None)
