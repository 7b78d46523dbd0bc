"""Extractions → the rows of an edition, in one pass over each file, in bounded memory.

Cards of people come in the order of the RPPS file, which is that of their identifiers: a person's lines must stand
together. Of a file in another order `Scattered` is raised; sorted, it is taken. Cards with a mailbox get the lowest
numbers: they are shown first.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from pathlib import Path

from directory.edition import card as cards
from directory.edition.card import ITEM, JOB, NAME, PART, PERSON, STRUCTURE, Box, Place
from directory.edition.kinds import FINESS, MSSANTE, RED, RPPS, SKILLS
from directory.edition.places import place_of_activity, place_of_establishment, place_of_row
from directory.edition.sinks import Sink
from directory.edition.sources import Tally, texts
from directory.edition.vocabulary import Vocabulary
from directory.extracts import finess, mssante, rpps, skills
from directory.extracts.lines import Unreadable
from directory.words import name_words

BATCH = 5_000
NAMES_KEPT = 100_000  # in the order in which they are met: some 20 MB
STRUCTURES = frozenset("134")  # FINESS, SIRET, RPPS and rank: structures that have a card of their own
Progress = Callable[[str, int], None]


@dataclass(slots=True, eq=False)
class Site:
    """A structure while the edition is built: its place as packed text, its words, what its own card needs."""

    place: str
    numbers: tuple[int, ...]
    sector: str = ""


@dataclass
class Built:
    """What became of the files."""

    tallies: dict[str, Tally] = field(default_factory=dict)
    people: int = 0
    structures: int = 0
    boxes: int = 0


class Scattered(Exception):
    """The lines of a person do not stand together."""


class Builder:
    """Fills a sink from sources; `build` once."""

    def __init__(self, sink: Sink, sources: Mapping[str, Path], progress: Progress, struck: Iterable[str] = ()) -> None:
        self._sink = sink
        self._sources = sources
        self._progress = progress
        self._struck = frozenset(struck)
        self._words = Vocabulary()
        self._sites: dict[str, Site] = {}
        self._boxes: dict[str, str] = {}  # packed boxes by national id or structure id, until their card is made
        self._skills: dict[str, str] = {}
        self._names: dict[str, tuple[int, ...]] = {}
        self._trades: dict[tuple[str, str], tuple[int, ...]] = {}
        self._services: dict[tuple[str, str], tuple[int, ...]] = {}
        self._line = 0
        self._next = [0, 0]
        self._cards: list[tuple[int, str, str]] = []
        self._rows: list[tuple[int, str, str, str, str]] = []
        self._owned: list[tuple[str, int]] = []
        self.built = Built()

    def build(self, check: Callable[[Built], None] = lambda _: None) -> Built:
        """Raises BadInput, Scattered. `check` sees what was read before the edition is finished, and may raise."""
        red = frozenset(text.lower() for _, text in self._texts(RED))
        self._read_boxes(red)
        self._next = [0, len(self._boxes) + 1]
        self._read_skills()
        self._read_finess()
        self._read_people()
        self._structures()
        self._lone_people()
        self._flush_lines()
        self._flush_cards()
        check(self.built)
        size = self._next[1]
        self._sink.write("facts", [("size", str(size))])
        self._progress("mots", 0)
        self._sink.write("words", self._words.rows(size))
        self._progress("mots", len(self._words.numbers))
        self._sink.write("neighbours", self._words.neighbours())
        self._progress("index", 0)
        self._sink.finish()
        return self.built

    def _texts(self, kind: str) -> Iterator[tuple[int, str]]:
        if kind not in self._sources:
            return
        tally = self.built.tallies[kind] = Tally()
        for number, text in texts(self._sources[kind], kind, tally):
            yield number, text
            if tally.read % BATCH == 0:
                self._progress(kind, tally.read)
        self._progress(kind, tally.read)

    def _keep(self, source: str, person: str, structure: str, text: str) -> None:
        self._line += 1
        self._rows.append((self._line, source, person, structure, text))
        if len(self._rows) >= BATCH:
            self._flush_lines()

    def _flush_lines(self) -> None:
        self._sink.write("lines", self._rows)
        self._rows = []

    def _read_boxes(self, red: frozenset[str]) -> None:
        seen: set[int] = set()
        for number, text in self._texts(MSSANTE):
            try:
                row = mssante.row_of(text)
            except Unreadable as fault:
                self.built.tallies[MSSANTE].reject(number, fault)
                continue
            self._keep(MSSANTE, row.national_id, row.structure_id, text)
            if hash(row.address) in seen:
                continue
            seen.add(hash(row.address))
            self._add_box(row, row.address in red)
        self.built.boxes = len(seen)

    def _add_box(self, row: mssante.Row, red: bool) -> None:
        owner = row.national_id or row.structure_id
        if not owner:
            return
        box = Box(row.address, row.kind, row.takes_digital, red, 0, row.service, row.structure_id)
        before = self._boxes.get(owner)
        self._boxes[owner] = f"{before}{ITEM}{pack_box(box)}" if before else pack_box(box)
        if row.structure_id and row.structure_id not in self._sites:
            self._site(place_of_row(row))

    def _read_skills(self) -> None:
        for number, text in self._texts(SKILLS):
            try:
                skill = skills.skill_of(text)
            except Unreadable as fault:
                self.built.tallies[SKILLS].reject(number, fault)
                continue
            self._keep(SKILLS, skill.national_id, "", text)
            before = self._skills.get(skill.national_id)
            self._skills[skill.national_id] = f"{before} ; {skill.label}" if before else skill.label

    def _read_finess(self) -> None:
        for number, text in self._texts(FINESS):
            try:
                row = finess.row_of(text)
            except Unreadable as fault:
                self.built.tallies[FINESS].reject(number, fault)
                continue
            self._keep(FINESS, "", f"1{row.finess}", text)
            if isinstance(row, finess.Establishment):
                self._site(place_of_establishment(row))

    def _site(self, place: Place, sector: str = "") -> Site:
        site = Site(pack_place(place), self._words.numbers_of(dict.fromkeys(cards.place_words(place))), sector)
        if place.structure_id:
            self._sites[place.structure_id] = site
        return site

    def _read_people(self) -> None:
        """Raises Scattered."""
        last = ""
        for person, group in groupby(self._activities(), key=_national_id):
            if person < last:
                raise Scattered
            last = person
            self._person(person, list(group))

    def _activities(self) -> Iterator[rpps.Activity]:
        tally = self.built.tallies.get(RPPS)
        for number, text in self._texts(RPPS):
            tally = tally or self.built.tallies[RPPS]
            try:
                activity = rpps.activity_of(text)
            except Unreadable as fault:
                tally.reject(number, fault)
                continue
            self._keep(RPPS, activity.national_id, activity.structure_id, text)
            yield activity

    def _person(self, person: str, activities: list[rpps.Activity]) -> None:
        first = activities[0]
        sites = []
        for activity in activities:
            structure = activity.structure_id
            site = self._sites.get(structure)
            if site is None and (structure or activity.postcode):
                site = self._site(place_of_activity(activity), activity.sector_code)
            if site is not None and site not in sites:
                site.sector = site.sector or activity.sector_code
                sites.append(site)
        specialty = self._skills.get(person) or first.skill
        facts = (PERSON, person, first.title_code, first.given, first.family, first.profession, specialty,
                 first.profession_code, first.sector_code)  # fmt: skip
        self._put(facts, sites)
        self.built.people += 1

    def _put(self, facts: tuple[str, ...], sites: list[Site]) -> None:
        key = facts[1]
        boxes = self._boxes.pop(key, "")
        numbers = {*self._name_numbers(facts[4]), *self._name_numbers(facts[3])}
        numbers.update(self._trade(facts[5], facts[6]))
        for site in sites:
            numbers.update(site.numbers)
        for box in boxes.split(ITEM) if boxes else ():
            service = box.split(PART)[5]
            if service:
                numbers.update(self._service(facts[0], service))
        card = self._number(has_box=bool(boxes))
        self._words.post(card, numbers, first=bool(boxes))
        places = ITEM.join(site.place for site in sites[: cards.PLACES])
        self._cards.append((card, key, cards.FIELD.join((*facts, places, boxes))))
        if boxes:
            self._owned.extend((box.partition(PART)[0], card) for box in boxes.split(ITEM))
        if len(self._cards) >= BATCH:
            self._flush_cards()

    def _number(self, *, has_box: bool) -> int:
        which = 0 if has_box else 1
        self._next[which] += 1
        return self._next[which] - 1

    def _flush_cards(self) -> None:
        self._sink.write("cards", self._cards)
        self._sink.write("boxes", self._owned)
        self._cards, self._owned = [], []

    def _name_numbers(self, name: str) -> tuple[int, ...]:
        """Of names that were met before they are known: given names are few, and the frequent families are most."""
        known = self._names.get(name)
        if known is None:
            known = self._words.numbers_of([NAME + word for word in name_words(name)])
            if len(self._names) < NAMES_KEPT:
                self._names[name] = known
        return known

    def _trade(self, profession: str, specialty: str) -> tuple[int, ...]:
        known = self._trades.get((profession, specialty))
        if known is None:
            words = dict.fromkeys(JOB + word for word in cards.job_words(profession, specialty))
            known = self._trades[profession, specialty] = self._words.numbers_of(words)
        return known

    def _service(self, type_: str, service: str) -> tuple[int, ...]:
        known = self._services.get((type_, service))
        if known is None:
            words = dict.fromkeys(cards.service_words(type_, service))
            known = self._services[type_, service] = self._words.numbers_of(words)
        return known

    def _lone_people(self) -> None:
        """Those whose mailbox is published and whom no line of RPPS knows: all, where RPPS was never imported."""
        if not self._boxes:
            return
        for _, text in texts(self._sources[MSSANTE], MSSANTE, Tally()):
            fields = text.split("|", 5)
            if len(fields) < 6 or fields[4] not in self._boxes or fields[4] in self._struck:
                continue
            row = mssante.row_of(text)
            person = row.national_id
            site = self._sites.get(row.structure_id)
            if site is None and (row.postcode or row.line6):
                site = self._site(place_of_row(row)._replace(structure_id=""))
            facts = (PERSON, person, row.title, row.given, row.family, row.profession, row.specialty,
                     row.profession_code, "")  # fmt: skip
            self._put(facts, [site] if site else [])
            self.built.people += 1

    def _structures(self) -> None:
        for key, site in self._sites.items():
            if key[:1] not in STRUCTURES and key not in self._boxes:
                continue
            place = Place(*site.place.split(PART))
            facts = (STRUCTURE, key, "", "", place.name, "", "", "", site.sector)
            self._put(facts, [site])
            self.built.structures += 1


def pack_place(place: Place) -> str:
    return PART.join(
        (place.postcode, place.city, place.department, place.name, place.structure_id, place.street, place.phone)
    )


def pack_box(box: Box) -> str:
    return PART.join(
        (box.address, box.kind, "1" if box.digital else "", "1" if box.red_list else "", str(box.rank), box.service,
         box.structure_id)
    )  # fmt: skip


_national_id = attrgetter("national_id")
