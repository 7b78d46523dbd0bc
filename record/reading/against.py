"""A proposed line held against the reference data, and against a second look at the picture: doubts, CIS, flags.

A strength read from a picture is beyond doubt only when two looks agree on it and the reference knows it under this
very name; a name found by resemblance is shown, and asked.
"""

from dataclasses import replace

from record.lines import DOSE, DURATION, FORM, NAME, STRENGTH, Line
from record.medicines.medicine import HOSPITAL, NARCOTIC, SECURED, SHORTAGE, UNMARKETED
from record.medicines.names import key
from record.medicines.search import Found, Index, has_form
from record.medicines.strengths import Gate, parse

WARNINGS = {
    NARCOTIC: "Stupéfiant : l'original de l'ordonnance est nécessaire.",
    SECURED: "Ordonnance sécurisée : l'original est nécessaire.",
    HOSPITAL: "Réservé à l'usage hospitalier.",
    SHORTAGE: "Rupture ou tension d'approvisionnement signalée.",
    UNMARKETED: "N'est plus commercialisé.",
}
CORRECTED_FROM = 86.0  # a resemblance good enough to show the reference's name, to be confirmed


def against_reference(line: Line, index: Index | None, *, picture: bool) -> Line:
    """With the CIS where one medicine alone is meant, and its flags. Without reference a picture stays in doubt."""
    if index is None:
        return doubt(line, STRENGTH) if picture else line
    if line.cis:  # the prescriber's own code stands, also where this edition does not know it
        coded = index.by_cis.get(line.cis)
        return replace(line, warnings=_ordered(coded.flags)) if coded else line
    found = index.match(line.name, line.strength.removesuffix(" ?"), f"{line.form} {line.raw}")
    if not found:
        return doubt(line, NAME, *([STRENGTH] if picture else []))
    return _known(line, found, picture=picture)


def _known(line: Line, found: Found, *, picture: bool) -> Line:
    strengthless = not any(medicine.strengths for medicine in found.medicines)
    if not line.strength and strengthless and found.sure:
        line = replace(line, to_confirm=tuple(field for field in line.to_confirm if field != STRENGTH))
    if line.strength and found.gate is not Gate.EXACT:
        line = doubt(line, STRENGTH)
    if not found.sure:
        line = doubt(line, NAME, *([STRENGTH] if picture else []))
        if picture and found.score >= CORRECTED_FROM and found.only:
            line = replace(line, name=found.only.name)
    doubtful = {NAME, STRENGTH} & set(line.to_confirm)
    cis = found.only.cis if found.only and not doubtful and _is_named(line, found) else ""
    if cis and not has_form(found.medicines[0], line.form):  # `INEXIUM 40 mg gélule`: there are tablets alone
        line, cis = doubt(line, FORM), ""
    return replace(line, cis=cis, warnings=_ordered(found.flags))


def _is_named(line: Line, found: Found) -> bool:
    """Whether the line writes this medicine's name, or the only one that begins so: `Tramadol LP` names no maker."""
    return found.names == 1 or bool(found.only and found.only.key == key(line.name))


def agreed(first: tuple[Line, ...], second: tuple[Line, ...]) -> tuple[Line, ...]:
    """The first look's lines, then those that only the second saw; whatever they read otherwise is in doubt."""
    left = list(second)
    found = []
    for line in first:
        other = next((one for one in left if _alike(line, one)), None)
        if other is None:
            found.append(doubt(line, NAME, STRENGTH))
            continue
        left.remove(other)
        found.append(_compared(line, other))
    return (*found, *(doubt(line, NAME, STRENGTH) for line in left))


def _alike(line: Line, other: Line) -> bool:
    """The same medicine, seen twice: nearly the same name."""
    return key(line.name) == key(other.name) or key(line.name)[:4] == key(other.name)[:4]


def _compared(line: Line, other: Line) -> Line:
    doubts = {
        NAME: key(line.name) != key(other.name),
        STRENGTH: parse(line.strength, bare=True) != parse(other.strength, bare=True),
        DOSE: _taken(line) != _taken(other),
        DURATION: (line.duration, line.renewals) != (other.duration, other.renewals),
    }
    if _says_more(other.strength, line.strength):
        line = replace(line, name=other.name, strength=other.strength)
    return doubt(line, *(field for field, differs in doubts.items() if differs))


def _taken(line: Line) -> tuple[object, ...]:
    return line.dose, line.moments, line.frequency, line.intake


def _says_more(strength: str, than: str) -> bool:
    """The same amounts and one more: the other look had lost the end."""
    longer, shorter = parse(strength).amounts, parse(than).amounts
    return len(longer) > len(shorter) and longer[: len(shorter)] == shorter


def doubt(line: Line, *fields: str) -> Line:
    """With these fields among those to be confirmed."""
    if not fields:
        return line
    asked = tuple(dict.fromkeys((*line.to_confirm, *fields)))
    least = 0.5 if {NAME, STRENGTH} & set(fields) else 0.7
    return replace(line, to_confirm=asked, confidence=min(line.confidence, least))


def _ordered(flags: frozenset[str]) -> tuple[str, ...]:
    return tuple(flag for flag in WARNINGS if flag in flags)
