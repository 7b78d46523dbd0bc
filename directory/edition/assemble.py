"""One card from all lines that speak of it: what the builder does for two million, done for one."""

from collections.abc import Iterable

from directory.edition import card as cards
from directory.edition.card import PERSON, STRUCTURE, Box, Card, Place
from directory.edition.kinds import FINESS, MSSANTE, RPPS, SKILLS
from directory.edition.places import place_of_activity, place_of_establishment, place_of_row
from directory.extracts import finess, mssante, rpps, skills


def assemble(type_: str, key: str, lines: Iterable[tuple[str, str]], red: frozenset[str]) -> Card | None:
    """`lines`: source and text, in the order of the file, all of them readable. None when nothing is left."""
    read = _Read(lines)
    if type_ == STRUCTURE:
        boxes = tuple(_box(row, red) for row in read.boxes.values() if not row.national_id)
        return _structure(key, read, boxes)
    boxes = tuple(_box(row, red) for row in read.boxes.values())
    if read.activities:
        return _professional(key, read, boxes)
    return _lone(key, read, boxes) if read.boxes else None


class _Read:
    """Lines sorted by source."""

    def __init__(self, lines: Iterable[tuple[str, str]]) -> None:
        self.boxes: dict[str, mssante.Row] = {}
        self.activities: list[rpps.Activity] = []
        self.skills: list[skills.Skill] = []
        self.establishments: list[finess.Establishment] = []
        for source, text in lines:
            self._take(source, text)

    def _take(self, source: str, text: str) -> None:
        if source == MSSANTE:
            row = mssante.row_of(text)
            self.boxes.setdefault(row.address, row)
        elif source == RPPS:
            self.activities.append(rpps.activity_of(text))
        elif source == SKILLS:
            self.skills.append(skills.skill_of(text))
        elif source == FINESS:
            found = finess.row_of(text)
            if isinstance(found, finess.Establishment):
                self.establishments.append(found)


def _box(row: mssante.Row, red: frozenset[str]) -> Box:
    is_red = row.address in red
    return Box(row.address, row.kind, row.takes_digital, is_red, 0, row.service, row.structure_id)


def _professional(key: str, read: _Read, boxes: tuple[Box, ...]) -> Card:
    first = read.activities[0]
    places: dict[str, Place] = {}
    for number, activity in enumerate(read.activities):
        if activity.structure_id or activity.postcode:
            places.setdefault(activity.structure_id or f"#{number}", place_of_activity(activity))
    specialty = " ; ".join(skill.label for skill in read.skills) or first.skill
    return Card(PERSON, key, first.title_code, first.given, first.family, first.profession, specialty,
                first.profession_code, first.sector_code, tuple(places.values())[: cards.PLACES], boxes)  # fmt: skip


def _lone(key: str, read: _Read, boxes: tuple[Box, ...]) -> Card:
    row = next(iter(read.boxes.values()))
    place = place_of_row(row)
    places = (place,) if row.structure_id or row.postcode or row.line6 else ()
    return Card(PERSON, key, row.title, row.given, row.family, row.profession, row.specialty, row.profession_code, "",
                places, boxes)  # fmt: skip


def _structure(key: str, read: _Read, boxes: tuple[Box, ...]) -> Card | None:
    if read.establishments:
        place = place_of_establishment(read.establishments[0])
    elif read.boxes:
        place = place_of_row(next(iter(read.boxes.values())))
    elif read.activities:
        place = place_of_activity(read.activities[0])
    else:
        return None
    sector = next((activity.sector_code for activity in read.activities if activity.sector_code), "")
    return Card(STRUCTURE, key, "", "", place.name, "", "", "", sector, (place,), boxes)
