"""From a filter to look-ups in the annuaire's index: they bring all cards that may fit, the filter then decides."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product

from directory.edition.card import AT, JOB, NAME, UNIT, WHERE
from directory.ldap.filters import AND, APPROX, EQUAL, OR, SUBSTRINGS, Filter
from directory.ldap.tree import ALIASES
from directory.words import LONGEST, PARTICLES, TITLES, words_of

ALTERNATIVES = 8
_LABELS = frozenset(("title", "description"))
_SEVERAL_NAMES = frozenset(("cn", "displayname"))
_ONE_NAME = frozenset(("sn", "givenname", "o", "l", "st"))
# In which fields of the index an attribute's words stand.
_FIELDS = (
    dict.fromkeys(("sn", "givenname", "mail"), NAME)
    | dict.fromkeys(("cn", "displayname"), NAME + UNIT)
    | {"o": AT, "ou": AT + UNIT}
    | dict.fromkeys(("l", "postalcode", "st"), WHERE)
    | dict.fromkeys(_LABELS, JOB)
)


@dataclass(frozen=True, slots=True)
class Lookup:
    """One of: a key or its beginning, an address or its beginning, a piece of an address, or words that a card has.

    `words`: each with the fields where it stands, and whether it may stand inside a word, not at the beginning alone.
    `alike`: words that sound so will do.
    """

    key: str = ""
    address: str = ""
    held: str = ""
    words: tuple[tuple[str, str, bool], ...] = ()
    alike: bool = False


def plan(wanted: Filter) -> list[Lookup] | None:
    """Look-ups any of which may bring an entry that fits; None when the filter names nothing that is indexed."""
    if wanted.kind == OR:
        return _any([plan(part) for part in wanted.parts])
    if wanted.kind == AND:
        return _all([found for part in wanted.parts if (found := plan(part))])
    if wanted.kind not in (EQUAL, SUBSTRINGS, APPROX):
        return None
    lookup = _one(ALIASES.get(wanted.attribute, wanted.attribute), wanted)
    return [lookup] if lookup else None


def _one(name: str, wanted: Filter) -> Lookup | None:
    values = wanted.values
    if name == "uid":
        return Lookup(key=values[0]) if values[0] else None
    if name == "mail" and wanted.kind != APPROX:
        if values[0]:
            return Lookup(address=values[0].lower())
        return Lookup(held=max(values, key=len).lower())
    fields = _FIELDS.get(name, "")
    words = dict.fromkeys((fields, word, inside) for word, inside in _words(name, wanted) if fields)
    return Lookup(words=tuple(words), alike=wanted.kind == APPROX) if words else None


def _words(name: str, wanted: Filter) -> Iterable[tuple[str, bool]]:
    """What the index does not hold is left to the filter: particles inside names, short words of labels. How a name
    begins it does hold, its words as one, particles included."""
    for place, piece in enumerate(wanted.values):
        words, begins = words_of(piece), place == 0 and wanted.kind != APPROX
        if begins and name in _ONE_NAME:
            words = ("".join(words)[:LONGEST],) if words else ()
        elif begins and name in _SEVERAL_NAMES:
            words = (*words[:1], *(word for word in words[1:] if word not in PARTICLES))
        else:
            words = tuple(word for word in words if _is_indexed(word, label=name in _LABELS))
        yield from ((word, place > 0) for word in words)


def _is_indexed(word: str, *, label: bool) -> bool:
    return word not in PARTICLES and (not label or (len(word) > 2 and word not in TITLES))


def _any(found: list[list[Lookup] | None]) -> list[Lookup] | None:
    """Every alternative counts: one that names nothing makes the whole unbounded, as too many of them do."""
    every: dict[Lookup, None] = {}
    for one in found:
        if one is None:
            return None
        every.update(dict.fromkeys(one))
    return list(every) if len(every) <= ALTERNATIVES else None


def _all(found: list[list[Lookup]]) -> list[Lookup] | None:
    """All must hold: the narrowest of the kinds leads, for each choice of alternatives."""
    if not found:
        return None
    if _choices(found) > ALTERNATIVES:
        return min(found, key=len)
    return list(dict.fromkeys(_both(choice) for choice in product(*found)))


def _choices(found: list[list[Lookup]]) -> int:
    number = 1
    for one in found:
        number *= len(one)
    return number


def _both(choice: Sequence[Lookup]) -> Lookup:
    leading = next((one for one in choice if one.key), None) or next((one for one in choice if one.address), None)
    if leading:
        return leading
    words = tuple(dict.fromkeys(word for one in choice for word in one.words))
    if words:
        return Lookup(words=words, alike=any(one.alike for one in choice))
    return choice[0]
