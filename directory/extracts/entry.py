"""What an extraction's line becomes: an entry, or a rejection that says why and where."""

from dataclasses import dataclass, fields
from typing import Any

SECTOR_LETTERS = 8  # as many of a sector's code are kept


@dataclass(frozen=True, slots=True)
class Entry:
    """One published mailbox; the fields are the columns of `directory.tables.entries`. Absent text is empty."""

    address: str  # lower-case
    kind: str  # PER, ORG, APP, CAB
    national_id: str = ""  # type digit and number: 8 + RPPS, 0 + ADELI
    structure_id: str = ""  # type digit and number: 1 + FINESS, 3 + SIRET, 4 + RPPS and rank
    service: str = ""
    title: str = ""
    family: str = ""
    given: str = ""
    profession_code: str = ""
    profession: str = ""
    specialty_code: str = ""
    specialty: str = ""
    structure_name: str = ""
    sector: str = ""  # SAxx, from another extraction
    line2: str = ""
    line3: str = ""
    line4: str = ""
    line5: str = ""
    postcode: str = ""
    city: str = ""
    department: str = ""
    country: str = ""
    digital: bool = False  # accepts paperless mail
    red_list: bool = False
    rank: int = 0

    @property
    def label(self) -> str:
        """How people call it: title, given name and name, or the structure's name."""
        person = " ".join(part for part in (self.title, self.given, self.family) if part)
        return person or " ".join(part for part in (self.structure_name, self.service) if part)

    def row(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in NAMES}


NAMES = tuple(one.name for one in fields(Entry))


@dataclass(frozen=True, slots=True)
class Rejection:
    """A line that was not taken. `reason` is ours and repeats nothing of the line."""

    line: int
    reason: str
