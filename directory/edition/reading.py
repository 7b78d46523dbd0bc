"""Extractions → what their readable lines say, in one pass over each file: the half of a build that knows of no cards.

Each line is kept as it stands, numbered by its extraction and its place there, in whatever order these are read; plain
sequences go on, which another process can take.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

from directory.edition import card as cards
from directory.edition import neighbours
from directory.edition.card import PART, PERSON, Place
from directory.edition.kinds import FINESS, MSSANTE, RED, RPPS, SKILLS
from directory.edition.places import place_of_activity, place_of_establishment, place_of_row
from directory.edition.sinks import Sink
from directory.edition.sources import Tally, texts
from directory.edition.tables import WAITING
from directory.extracts import finess, mssante, rpps, skills
from directory.extracts import red as red_list
from directory.extracts.lines import Unreadable

BATCH = 5_000
HELD = 20_000  # entries, since another table's rows begin another COPY
KEPT = (MSSANTE, SKILLS, FINESS, RPPS)
ROOM = 1 << 24  # more lines than `directory.extracts.files` reads of an extraction
_FIRST = {kind: place * ROOM for place, kind in enumerate(KEPT)}
Row = TypeVar("Row")
Progress = Callable[[str, int], None]
Said = tuple[str, str, Sequence[str], str]  # structure, its place as packed text, its words, its sector
Owned = tuple[str, str, Said | None]  # owner, packed box, the structure where it is met first
Skilled = tuple[str, str]  # person, label
Visit = tuple[str, Said | None, str]  # structure, what is said of it unless it was before, sector of the activity
Person = tuple[Sequence[str], list[Visit]]  # a card's facts, where the person works


class Scattered(Exception):
    """The lines of a person do not stand together."""


@dataclass
class Read:
    """What became of the files."""

    tallies: dict[str, Tally] = field(default_factory=dict)
    boxes: int = 0


class Source(Protocol):
    """Four streams, taken in this order, each to its end; then `end`, `neighbours`, `finish`; at any time `abandon`."""

    def boxes(self) -> Iterator[Owned]: ...

    def skills(self) -> Iterator[Skilled]: ...

    def sites(self) -> Iterator[Said]: ...

    def people(self) -> Iterator[Person]: ...

    def end(self) -> Read: ...

    def neighbours(self, words: list[str]) -> None: ...

    def finish(self) -> None: ...

    def abandon(self) -> None: ...


class Reading:
    """Reads `sources`; the lines go to `sink`, which is somebody else's to finish."""

    def __init__(self, sources: Mapping[str, Path], sink: Sink, progress: Progress, *, waiting: bool = False) -> None:
        """`waiting`: the sink takes the mailboxes' entries, too."""
        self._sources = sources
        self._sink = sink
        self._progress = progress
        self._met: set[str] = set()
        self._rows: list[tuple[int, str, str, str, str]] = []
        self._words: list[str] = []
        self._waiting: list[tuple[Any, ...]] | None = [] if waiting else None
        self._read = Read()

    def boxes(self) -> Iterator[Owned]:
        """Of lines with the same address the first stands. Raises BadInput."""
        red = frozenset(address for _, _, address in self._lines(RED, red_list.address_of))
        seen: set[int] = set()
        for number, text, row in self._lines(MSSANTE, mssante.row_of):
            self._keep(MSSANTE, number, row.national_id, row.structure_id, text)
            if hash(row.address) in seen:
                continue
            seen.add(hash(row.address))
            if self._waiting is not None:
                self._wait(self._waiting, mssante.values_of(row, red_list=row.address in red))
            owner = row.national_id or row.structure_id
            if owner:
                said = self._first(place_of_row(row)) if self._is_new(row.structure_id) else None
                yield owner, _packed(row, red=row.address in red), said
        if self._waiting:
            self._sink.write(WAITING, self._waiting)
        self._read.boxes = len(seen)

    def skills(self) -> Iterator[Skilled]:
        """Raises BadInput."""
        for number, text, skill in self._lines(SKILLS, skills.skill_of):
            self._keep(SKILLS, number, skill.national_id, "", text)
            yield skill.national_id, skill.label

    def sites(self) -> Iterator[Said]:
        """Establishments, which stand before what other lines say of them. Raises BadInput."""
        for number, text, row in self._lines(FINESS, finess.row_of):
            self._keep(FINESS, number, "", f"1{row.finess}", text)
            if isinstance(row, finess.Establishment):
                yield self._first(place_of_establishment(row))

    def people(self) -> Iterator[Person]:
        """In the order of their identifiers. Raises Scattered, BadInput."""
        last = ""
        group: list[tuple[str, rpps.Activity]] = []
        for number, text, activity in self._lines(RPPS, rpps.activity_of):
            person, structure = activity.national_id, activity.structure_id
            self._keep(RPPS, number, person, structure, text)
            if person != last:
                if group:
                    yield self._person(group)
                if person < last:
                    raise Scattered
                last, group = person, []
            group.append((structure, activity))
        if group:
            yield self._person(group)

    def end(self) -> Read:
        """After the last stream: every line is written."""
        self._flush()
        return self._read

    def neighbours(self, words: list[str]) -> None:
        """Which of all words are nearly alike: at the end, when the cards of each word no longer take room."""
        self._words = words

    def finish(self) -> None:
        """The sink is finished by its owner."""
        self._sink.write("neighbours", neighbours.rows(self._words))

    def abandon(self) -> None:
        """Nothing is ours alone."""

    def _person(self, group: list[tuple[str, rpps.Activity]]) -> Person:
        one = group[0][1]
        facts = (PERSON, one.national_id, one.title_code, one.given, one.family, one.profession, one.skill,
                 one.profession_code, one.sector_code)  # fmt: skip
        visits: list[Visit] = []
        for structure, one in group:
            if self._is_new(structure) or (one.postcode and not structure):
                visits.append((structure, self._first(place_of_activity(one), one.sector_code), one.sector_code))
            elif structure and all(structure != visit[0] for visit in visits):
                visits.append((structure, None, one.sector_code))
        return facts, visits

    def _is_new(self, structure: str) -> bool:
        return bool(structure) and structure not in self._met

    def _first(self, place: Place, sector: str = "") -> Said:
        self._met.add(place.structure_id)
        return said_of(place, sector)

    def _lines(self, kind: str, row_of: Callable[[str], Row]) -> Iterator[tuple[int, str, Row]]:
        """Each line with its number and what it says; what cannot be read is a rejection."""
        if kind not in self._sources:
            return
        tally = self._read.tallies[kind] = Tally()
        for number, text in texts(self._sources[kind], kind, tally):
            try:
                row = row_of(text)
            except Unreadable as fault:
                tally.reject(number, fault)
            else:
                yield number, text, row
            if tally.read % BATCH == 0:
                self._progress(kind, tally.read)
        self._progress(kind, tally.read)

    def _keep(self, source: str, number: int, person: str, structure: str, text: str) -> None:
        self._rows.append((_FIRST[source] + number, source, person, structure, text))
        if len(self._rows) >= BATCH:
            self._flush()

    def _wait(self, held: list[tuple[Any, ...]], values: tuple[Any, ...]) -> None:
        held.append(values)
        if len(held) >= HELD:
            self._sink.write(WAITING, held)
            held.clear()

    def _flush(self) -> None:
        self._sink.write("lines", self._rows)
        self._rows = []


def said_of(place: Place, sector: str = "") -> Said:
    return place.structure_id, pack_place(place), cards.place_words(place), sector


def pack_place(place: Place) -> str:
    return PART.join(
        (place.postcode, place.city, place.department, place.name, place.structure_id, place.street, place.phone)
    )


def _packed(row: mssante.Row, *, red: bool) -> str:
    digital, hidden = "1" if row.takes_digital else "", "1" if red else ""
    return PART.join((row.address, row.kind, digital, hidden, "0", row.service, row.structure_id))
