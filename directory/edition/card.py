"""A card: what a search shows of one person or one structure. Kept as one line of text, read in a few microseconds."""

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from directory.words import TITLES, name_words, words_of

PERSON, STRUCTURE = "P", "S"
PLACES = 12  # of one person; more are kept as lines, not shown
SECTOR = 9  # its place among the fields of a text, counted from 1
FIELD, ITEM, PART = "\x1c", "\x1d", "\x1e"  # no line that was taken holds a control character
NAME, WHERE, JOB, AT, UNIT = "n", "w", "j", "s", "u"  # before a word: in which field it stands


class Place(NamedTuple):
    """Where: of a person each structure, of a structure its own."""

    postcode: str = ""
    city: str = ""
    department: str = ""
    name: str = ""
    structure_id: str = ""
    street: str = ""
    phone: str = ""

    @property
    def text(self) -> str:
        return " ".join(part for part in (self.postcode, self.city) if part)

    @property
    def finess(self) -> str:
        return self.structure_id[1:] if self.structure_id[:1] == "1" else ""


class Box(NamedTuple):
    """One mailbox. `rank`: 1 is the one preferred; 0 unknown. `digital`: takes paperless mail."""

    address: str
    kind: str
    digital: bool = False
    red_list: bool = False
    rank: int = 0
    service: str = ""
    structure_id: str = ""


class Card(NamedTuple):
    """`key`: national id of a person, id of a structure."""

    type: str
    key: str
    title: str = ""
    given: str = ""
    family: str = ""  # of a structure: its name
    profession: str = ""
    specialty: str = ""
    profession_code: str = ""
    sector: str = ""
    places: tuple[Place, ...] = ()
    boxes: tuple[Box, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.given} {self.family}".strip()

    @property
    def rpps(self) -> str:
        return self.key[1:] if self.type == PERSON and self.key[:1] == "8" else ""


def pack(card: Card) -> str:
    """The card's text."""
    places = ITEM.join(
        PART.join((p.postcode, p.city, p.department, p.name, p.structure_id, p.street, p.phone)) for p in card.places
    )
    boxes = ITEM.join(
        PART.join((b.address, b.kind, "1" if b.digital else "", "1" if b.red_list else "", str(b.rank), b.service,
                   b.structure_id))
        for b in card.boxes
    )  # fmt: skip
    return FIELD.join(
        (card.type, card.key, card.title, card.given, card.family, card.profession, card.specialty,
         card.profession_code, card.sector, places, boxes)
    )  # fmt: skip


def unpack(text: str) -> Card:
    """The card of `pack`'s text."""
    *facts, places, boxes = text.split(FIELD)
    type_, key, title, given, family, profession, specialty, profession_code, sector = facts
    where = tuple(Place(*item.split(PART)) for item in places.split(ITEM) if item)
    owned = tuple(_box(item.split(PART)) for item in boxes.split(ITEM) if item)
    return Card(type_, key, title, given, family, profession, specialty, profession_code, sector, where, owned)


def key_and_sector(text: str) -> tuple[str, str]:
    """Of `pack`'s text, where nothing else is wanted."""
    facts = text.split(FIELD, SECTOR)
    return facts[1], facts[SECTOR - 1]


def _box(parts: list[str]) -> Box:
    address, kind, digital, red, rank, service, structure_id = parts
    return Box(address, kind, digital == "1", red == "1", int(rank or 0), service, structure_id)


def searched(card: Card) -> set[str]:
    """The words by which a card is found, each with its field's letter before it."""
    found = {NAME + word for word in _person_words(card)}
    found.update(JOB + word for word in job_words(card.profession, card.specialty))
    for place in card.places:
        found.update(place_words(place))
    for box in card.boxes:
        if box.service:
            found.update(service_words(card.type, box.service))
    return found


def _person_words(card: Card) -> Iterator[str]:
    yield from name_words(card.family)
    yield from name_words(card.given)


def job_words(*labels: str) -> Iterator[str]:
    for label in labels:
        yield from (word for word in words_of(label) if len(word) > 2 and word not in TITLES)


def service_words(type_: str, service: str) -> Iterator[str]:
    """Of a structure, its services are a part of what its mailboxes are called."""
    yield from (AT + word for word in job_words(service))
    if type_ == STRUCTURE:
        yield from (UNIT + word for word in name_words(service))


def place_words(place: Place) -> tuple[str, ...]:
    """Words of town, postcode, department and structure, each once."""
    return *_town_words(place.postcode, place.city, place.department), *(AT + word for word in name_words(place.name))


@lru_cache(maxsize=1 << 16)
def _town_words(postcode: str, city: str, department: str) -> tuple[str, ...]:
    found = [WHERE + word for word in name_words(city)]
    if postcode:
        found += [WHERE + postcode.lower(), WHERE + department_of(postcode)]
    found += [WHERE + word for word in name_words(department)]
    return tuple(dict.fromkeys(found))


def department_of(postcode: str) -> str:
    """The number that a postcode begins with: three figures overseas."""
    return postcode[:3] if postcode.startswith(("97", "98")) else postcode[:2]
