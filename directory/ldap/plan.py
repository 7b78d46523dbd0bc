"""From a filter to what is typed into the annuaire's own search: it brings candidates, the filter then decides."""

from itertools import product

from directory.ldap.filters import AND, APPROX, EQUAL, OR, SUBSTRINGS, Filter
from directory.ldap.tree import ALIASES
from directory.words import words_of

ALTERNATIVES = 8
_SEARCHED = frozenset(
    ("cn", "sn", "givenname", "displayname", "mail", "o", "ou", "l", "postalcode", "st", "title", "description", "uid")
)


def texts(wanted: Filter) -> list[str] | None:
    """What to search for, any of which may bring the entries; None when the filter names nothing that is indexed."""
    if wanted.kind == OR:
        return _any([texts(part) for part in wanted.parts])
    if wanted.kind == AND:
        return _all([found for part in wanted.parts if (found := texts(part))])
    name = ALIASES.get(wanted.attribute, wanted.attribute)
    if wanted.kind not in (EQUAL, SUBSTRINGS, APPROX) or name not in _SEARCHED:
        return None
    return _typed(name, wanted)


def _typed(name: str, wanted: Filter) -> list[str] | None:
    pieces = [piece for piece in wanted.values if piece]
    text = " ".join(pieces)
    if name == "uid":
        return [text[1:] if len(text) > 9 and text[:1] in "08" else text]
    if name == "mail" and wanted.values[0]:
        return [wanted.values[0] if "@" in wanted.values[0] else " ".join(words_of(text))]
    return [" ".join(words_of(text))] if words_of(text) else None


def _any(found: list[list[str] | None]) -> list[str] | None:
    """Every alternative counts: one that names nothing makes the whole unbounded."""
    every: list[str] = []
    for one in found:
        if one is None:
            return None
        every += one
    return list(dict.fromkeys(every))[:ALTERNATIVES]


def _all(found: list[list[str]]) -> list[str] | None:
    """All must hold: their words together, for each choice of alternatives; addresses stand alone."""
    if not found:
        return None
    addresses = [one for one in found if any("@" in text for text in one)]
    if addresses:
        return addresses[0]
    joined = (" ".join(dict.fromkeys(" ".join(choice).split())) for choice in product(*found))
    return list(dict.fromkeys(joined))[:ALTERNATIVES]
