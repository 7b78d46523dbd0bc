"""What the medicines' reference says of a line, beside it: which medicine is meant, what the publisher flags, and the
generic group out of which a pharmacist chooses. It is shown, and decides nothing."""

from collections.abc import Iterable
from dataclasses import dataclass

from record.lines import STRENGTH, Line
from record.medicines.medicine import Medicine
from record.medicines.search import Index
from record.medicines.shelf import Shelf
from record.reading.against import WARNINGS

_PLACE = " ("  # behind a group's name stands the medicine's own place in it


@dataclass(frozen=True, slots=True)
class Said:
    """`label`: the medicine, when one alone is meant; `groups`: the generic groups of what may be meant."""

    label: str = ""
    warnings: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.label or self.warnings or self.groups)


def said_of(shelf: Shelf | None, lines: tuple[Line, ...]) -> tuple[Said, ...]:
    """One for each line; nothing is said where no reference was imported. Raises DatabaseDown."""
    index = shelf.index() if shelf and lines else None
    return tuple(_of(line, index) if index else Said() for line in lines)


def _of(line: Line, index: Index) -> Said:
    warnings = tuple(WARNINGS[each] for each in line.warnings if each in WARNINGS)
    meant = index.by_cis.get(line.cis)
    if meant:
        return Said(meant.label, warnings, meant.groups)
    if STRENGTH in line.to_confirm and not line.confirmed:  # a group is one of a strength
        return Said("", warnings)
    return Said("", warnings, _groups(index.match(line.name, line.strength, f"{line.form} {line.raw}").medicines))


def _groups(medicines: Iterable[Medicine]) -> tuple[str, ...]:
    """Their group when it is one and the same; several would be a choice that nobody made."""
    found = {group.rpartition(_PLACE)[0] or group for medicine in medicines for group in medicine.groups}
    return tuple(found) if len(found) == 1 else ()
