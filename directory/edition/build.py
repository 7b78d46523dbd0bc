"""What extractions say → the rows of an edition, in bounded memory.

Cards of people come in the order of their identifiers. Cards with a mailbox get the lowest numbers: they are shown
first.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from directory.edition import card as cards
from directory.edition.card import ITEM, JOB, NAME, PART, PERSON, STRUCTURE, Place
from directory.edition.kinds import MSSANTE
from directory.edition.places import place_of_row
from directory.edition.reading import BATCH, Progress, Said, Source, Visit, said_of
from directory.edition.sinks import Sink
from directory.edition.sources import Tally, texts
from directory.edition.tables import SECTORS
from directory.edition.vocabulary import Vocabulary
from directory.extracts import mssante
from directory.extracts.entry import SECTOR_LETTERS
from directory.words import name_words

NAMES_KEPT = 100_000  # in the order in which they are met: some 20 MB
BOXES_KEPT = 100_000  # seldom, since another table's rows begin another COPY
STRUCTURES = frozenset("134")  # FINESS, SIRET, RPPS and rank: structures that have a card of their own


@dataclass(slots=True, eq=False)
class Site:
    """A structure while the edition is built: its place as packed text, its phrase, what its own card needs."""

    place: str
    phrase: tuple[int, ...]
    sector: str = ""


@dataclass
class Built:
    """What became of the files."""

    tallies: dict[str, Tally] = field(default_factory=dict)
    people: int = 0
    structures: int = 0
    boxes: int = 0


class Builder:
    """Fills a sink with what a source says; `build` once."""

    def __init__(
        self,
        sink: Sink,
        source: Source,
        mailboxes: Path | None,
        progress: Progress,
        struck: Iterable[str] = (),
        *,
        waiting: bool = False,
    ) -> None:
        """`mailboxes`: their extraction, for people of no other one. `waiting`: the sink takes structures' sectors,
        too."""
        self._sink = sink
        self._source = source
        self._mailboxes = mailboxes
        self._progress = progress
        self._struck = frozenset(struck)
        self._sectors: list[tuple[str, str]] | None = [] if waiting else None
        self._words = Vocabulary()
        self._sites: dict[str, Site] = {}
        self._boxes: dict[str, str] = {}  # packed boxes by national id or structure id, until their card is made
        self._skills: dict[str, str] = {}
        self._names: dict[str, tuple[int, ...]] = {}
        self._trades: dict[tuple[str, str], tuple[int, ...]] = {}
        self._services: dict[tuple[str, str], tuple[int, ...]] = {}
        self._next = [0, 0]
        self._cards: list[tuple[int, str, str]] = []
        self._owned: list[tuple[str, int]] = []
        self.built = Built()

    def build(self, check: Callable[[Built], None] = lambda _: None) -> Built:
        """Raises BadInput, Scattered. `check` sees what was read before the edition is finished, and may raise."""
        self._take()
        self._structures()
        self._lone_people()
        self._flush_cards()
        self._flush_boxes()
        check(self.built)
        self._sink.complete()
        size = self._next[1]
        self._sink.write("facts", [("size", str(size))])
        self._progress("mots", 0)
        self._source.neighbours(self._words.plain())
        self._sink.write("words", self._words.rows(size))
        self._progress("mots", len(self._words.numbers))
        self._progress("index", 0)
        self._source.finish()
        self._sink.finish()
        return self.built

    def _take(self) -> None:
        for owner, box, said in self._source.boxes():
            before = self._boxes.get(owner)
            self._boxes[owner] = f"{before}{ITEM}{box}" if before else box
            if said:
                self._site(said)
        self._next = [0, len(self._boxes) + 1]
        for person, label in self._source.skills():
            known = self._skills.get(person)
            self._skills[person] = f"{known} ; {label}" if known else label
        for said in self._source.sites():
            self._site(said)
        for one in self._source.people():
            self._person(*one)
        read = self._source.end()
        self.built.tallies, self.built.boxes = read.tallies, read.boxes

    def _site(self, said: Said) -> Site:
        structure, place, words, sector = said
        site = Site(place, self._words.phrase_of(words), sector)
        if structure:
            self._sites[structure] = site
        return site

    def _person(self, facts: Sequence[str], visits: list[Visit]) -> None:
        sites = []
        for structure, said, sector in visits:
            site = self._site(said) if said and structure not in self._sites else self._sites[structure]
            site.sector = site.sector or sector
            sites.append(site)
        specialty = self._skills.get(facts[1])
        self._put((*facts[:6], specialty, *facts[7:]) if specialty else facts, sites)
        self.built.people += 1

    def _put(self, facts: Sequence[str], sites: list[Site]) -> None:
        key = facts[1]
        boxes = self._boxes.pop(key, "")
        card = self._number(has_box=bool(boxes))
        numbers = [*self._name(facts[4]), *self._name(facts[3]), *self._trade(facts[5], facts[6])]
        for site in sites:
            numbers += site.phrase
        if boxes:
            numbers += self._owns(card, facts[0], boxes)
        self._words.post(card, numbers)
        self._cards.append((card, key, cards.FIELD.join((*facts, _places(sites), boxes))))
        if len(self._cards) >= BATCH:
            self._flush_cards()

    def _owns(self, card: int, type_: str, boxes: str) -> list[int]:
        """What the services of its mailboxes are called."""
        numbers: list[int] = []
        for box in boxes.split(ITEM):
            parts = box.split(PART)
            self._owned.append((parts[0], card))
            if parts[5]:
                numbers += self._service(type_, parts[5])
        if len(self._owned) >= BOXES_KEPT:
            self._flush_boxes()
        return numbers

    def _number(self, *, has_box: bool) -> int:
        which = 0 if has_box else 1
        self._next[which] += 1
        return self._next[which] - 1

    def _flush_cards(self) -> None:
        self._sink.write("cards", self._cards)
        self._cards = []

    def _flush_boxes(self) -> None:
        self._sink.write("boxes", self._owned)
        self._owned = []

    def _name(self, name: str) -> tuple[int, ...]:
        """Names that were met before are phrases: given names are few, and the frequent families are most."""
        known = self._names.get(name)
        if known is None:
            words = [NAME + word for word in name_words(name)]
            if len(self._names) >= NAMES_KEPT:
                return self._words.numbers_of(words)
            known = self._names[name] = self._words.phrase_of(words)
        return known

    def _trade(self, profession: str, specialty: str) -> tuple[int, ...]:
        known = self._trades.get((profession, specialty))
        if known is None:
            words = dict.fromkeys(JOB + word for word in cards.job_words(profession, specialty))
            known = self._trades[profession, specialty] = self._words.phrase_of(words)
        return known

    def _service(self, type_: str, service: str) -> tuple[int, ...]:
        known = self._services.get((type_, service))
        if known is None:
            words = dict.fromkeys(cards.service_words(type_, service))
            known = self._services[type_, service] = self._words.phrase_of(words)
        return known

    def _lone_people(self) -> None:
        """Those whose mailbox is published and whom no line of RPPS knows: all, where RPPS was never imported."""
        if not self._boxes or not self._mailboxes:
            return
        for _, text in texts(self._mailboxes, MSSANTE, Tally()):
            fields = text.split("|", 5)
            if len(fields) < 6 or fields[4] not in self._boxes or fields[4] in self._struck:
                continue
            row = mssante.row_of(text)
            person = row.national_id
            site = self._sites.get(row.structure_id)
            if site is None and (row.postcode or row.line6):
                site = self._site(said_of(place_of_row(row)._replace(structure_id="")))
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
            if site.sector and self._sectors is not None:
                self._sectors.append((key, site.sector[:SECTOR_LETTERS]))
        if self._sectors:
            self._sink.write(SECTORS, self._sectors)


def _places(sites: list[Site]) -> str:
    """Of most people there is one."""
    return sites[0].place if len(sites) == 1 else ITEM.join([site.place for site in sites[: cards.PLACES]])
