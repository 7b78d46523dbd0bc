"""FHIR searches over the annuaire: parameters read strictly, the narrowest one leads, the others decide."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any
from urllib.parse import urlencode

from core.errors import BadInput, NotFound
from directory.annuaire import Annuaire
from directory.edition.card import PERSON, STRUCTURE, Card
from directory.edition.readers import Reader
from directory.listing import Numbered, by_address, by_keys, by_words, everything
from directory.words import folded, words_of
from portal import api_annuaire_models as fhir
from portal import api_annuaire_resources as made

PAGE, LARGEST_PAGE = 50, 1_000
LOOKED_AT = 20_000  # cards read for one page at most; then the list goes on behind its link
VALUE = 200
_KEYS = {made.IDNPS: "", made.RPPS_SYSTEM: "8", made.IDNST: "", made.FINESS_SYSTEM: "1", made.SIRET_SYSTEM: "3"}
_RESULT = frozenset({"_count", "_total", "_include", "_after", "_format", "_lastUpdated", "data-information-system"})
_MODIFIERS = frozenset({"", "exact", "contains"})
_INCLUDES = frozenset({"*", "PractitionerRole:practitioner", "PractitionerRole:organization"})


class BadSearch(BadInput):
    """A parameter that is unknown, or a value that is not of its form."""


class NotThere(NotFound):
    """No such resource."""

    def __init__(self) -> None:
        super().__init__("aucune ressource de cet identifiant", "no such resource")


@dataclass(frozen=True, slots=True)
class Condition:
    """`values`: any of them fits."""

    name: str
    modifier: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """A search: all conditions must hold. `after`: the number of the last card of the page before."""

    type: str
    conditions: tuple[Condition, ...]
    pairs: tuple[tuple[str, str], ...]
    count: int = PAGE
    after: int = -1
    include: frozenset[str] = frozenset()
    total: bool = False

    @classmethod
    def of(cls, type_: str, pairs: list[tuple[str, str]], known: tuple[str, ...]) -> "Asked":
        """Raises BadSearch."""
        conditions = []
        for key, value in pairs:
            name, _, modifier = key.partition(":")
            if name in _RESULT:
                continue
            if name not in known or modifier not in _MODIFIERS:
                raise BadSearch("paramètre de recherche inconnu", "unknown search parameter")
            if not value or len(value) > VALUE:
                raise BadSearch("valeur de recherche vide ou trop longue", "search value out of range")
            conditions.append(Condition(name, modifier, tuple(value.split(","))))
        plain = dict(pairs)
        include = frozenset(value for key, value in pairs if key == "_include")
        if not include <= _INCLUDES:
            raise BadSearch("_include inconnu", "unknown include")
        kept = tuple((key, value) for key, value in pairs if key != "_after")
        count = min(_number(plain.get("_count", str(PAGE))), LARGEST_PAGE)
        after = _number(plain["_after"]) if plain.get("_after") else -1
        return cls(type_, tuple(conditions), kept, count, after, include, plain.get("_total") == "accurate")

    def one(self, name: str) -> Condition | None:
        return next((one for one in self.conditions if one.name == name), None)


def find(annuaire: Annuaire, asked: Asked, base: str) -> fhir.Bundle:
    """One page. Raises BadSearch, DatabaseDown."""
    reader = annuaire.reader()
    links = [fhir.Link(relation="self", url=_url(asked, base, asked.after))]
    if reader is None:
        return fhir.Bundle(total=0, link=links)
    cards, bounded = _leading(reader, asked)
    fits = [(one, found) for one in cards if (found := _found(reader, one.card, asked))] if bounded else None
    if fits is not None:
        total: int | None = sum(len(found) for _, found in fits)
        page = [pair for pair in fits if pair[0].number > asked.after]
    else:
        total = reader.count_of(_type_of(asked)) if asked.total and not asked.conditions else None
        page = list(_looked(reader, cards, asked))
    entries: list[fhir.BundleEntry] = []
    last, more = asked.after, False
    for one, found in page:
        if len(entries) >= asked.count:
            more = True
            break
        entries += [_entry(base, resource, "match") for resource in found]
        last = one.number
    if more:
        links.append(fhir.Link(relation="next", url=_url(asked, base, last)))
    entries += _included(reader, entries, asked, base)
    return fhir.Bundle(total=total, link=links, entry=entries or None)


def one(annuaire: Annuaire, type_: str, id_: str) -> Any:
    """Raises NotThere."""
    reader = annuaire.reader()
    key, _, rank = id_.partition(".")
    found = by_keys(reader, [key]) if reader and len(id_) <= 64 else []
    wanted = STRUCTURE if type_ == "Organization" else PERSON
    for numbered in found:
        if numbered.card.type != wanted:
            continue
        if type_ != "PractitionerRole":
            return made.resource_of(numbered.card)
        for role in made.roles_of(reader, numbered.card) if reader and rank else ():
            if role.id == id_:
                return made.practitioner_role(numbered.card, role)
    raise NotThere


def _leading(reader: Reader, asked: Asked) -> tuple[Iterable[Numbered], bool]:
    """Cards among which the answer is, and whether they are few enough to be counted."""
    for name in ("_id", "identifier", "practitioner"):
        found = asked.one(name)
        if found:
            return by_keys(reader, [key for value in found.values for key in _keys_of(value)]), True
    box = asked.one("mailbox-mss")
    if box:
        return [one for value in box.values for one in by_address(reader, value)], True
    place = asked.one("organization")
    if place:
        keys = [key for value in place.values for key in _keys_of(value)]
        people = [person for key in keys for person in reader.people_of_structure(key, 5_000)]
        return by_keys(reader, people), True
    words = _words(asked)
    if words:
        return [one for name, where in words for one in by_words(reader, name, where)], True
    return everything(reader, _type_of(asked), asked.after), False


def _words(asked: Asked) -> list[tuple[str, str]]:
    """Name and place to look up; several values of one parameter are several look-ups."""
    names = [one for name in ("name", "family", "given") if (one := asked.one(name)) and one.modifier != "contains"]
    places = [one for name in ("address-city", "address-postalcode", "address") if (one := asked.one(name))]
    if not names and not places:
        return []
    wheres = places[0].values if places else ("",)
    firsts = names[0].values if names else ("",)
    rest = " ".join(one.values[0] for one in names[1:] if len(one.values) == 1)
    found = [(f"{first} {rest}".strip(), where) for first in firsts for where in wheres]
    return [(name, where) for name, where in found if words_of(name) or words_of(where)]


def _looked(reader: Reader, cards: Iterable[Numbered], asked: Asked) -> Iterator[tuple[Numbered, list[Any]]]:
    for one in islice(cards, LOOKED_AT):
        found = _found(reader, one.card, asked)
        if found:
            yield one, found


def _found(reader: Reader, card: Card, asked: Asked) -> list[Any]:
    """The card's resources that fit."""
    if card.type != _type_of(asked) or not all(_fits(card, one, asked.type) for one in asked.conditions):
        return []
    if asked.type != "PractitionerRole":
        return [made.resource_of(card)]
    return [
        made.practitioner_role(card, role)
        for role in made.roles_of(reader, card)
        if all(_role_fits(role, one) for one in asked.conditions)
    ]


def _fits(card: Card, asked: Condition, type_: str) -> bool:
    test = _TESTS.get(asked.name)
    if test is None or (asked.name in ("_id", "identifier") and type_ == "PractitionerRole"):
        return True
    return any(test(card, value, asked.modifier) for value in asked.values)


def _role_fits(role: made.Role, asked: Condition) -> bool:
    activity = role.activity
    codes = (activity.profession_code, activity.role_code, activity.genre_code, activity.mode_code)
    for value in asked.values:
        if asked.name == "role" and value.rpartition("|")[2] in codes:
            return True
        if asked.name == "organization" and activity.structure_id in _keys_of(value):
            return True
        if asked.name == "_id" and role.id == value:
            return True
    return asked.name not in ("role", "organization", "_id")


def _text(field: Callable[[Card], Iterable[str]]) -> Callable[[Card, str, str], bool]:
    """String parameters: without accents and case, from the beginning of a word on; :exact and :contains besides."""

    def test(card: Card, value: str, modifier: str) -> bool:
        if modifier == "exact":
            return value in field(card)
        wanted = folded(value)
        for text in map(folded, field(card)):
            if modifier == "contains" and wanted in text:
                return True
            if text.startswith(wanted) or f" {wanted}" in text:
                return True
        return False

    return test


_NAME = _text(lambda card: (card.name, card.family))
_TESTS: dict[str, Callable[[Card, str, str], bool]] = {
    "_id": lambda card, value, _: card.key == value,
    "identifier": lambda card, value, _: card.key in _keys_of(value),
    "practitioner": lambda card, value, _: card.key in _keys_of(value),
    "active": lambda _card, value, _: value == "true",
    "mailbox-mss": lambda card, value, _: any(box.address == value.lower() and not box.red_list for box in card.boxes),
    "qualification-code": lambda card, value, _: card.profession_code == value.rpartition("|")[2],
    "type": lambda card, value, _: card.sector == value.rpartition("|")[2],
    "family": _text(lambda card: (card.family,)),
    "given": _text(lambda card: (card.given,)),
    "name": lambda card, value, modifier: all(_NAME(card, word, modifier) for word in value.split()),
    "address-city": _text(lambda card: (place.city for place in card.places)),
    "address-postalcode": _text(lambda card: (place.postcode for place in card.places)),
    "address": _text(lambda card: (f"{place.street} {place.text}" for place in card.places)),
}


def _keys_of(value: str) -> list[str]:
    """Keys of cards for `system|value`, `value`, or `Type/id`. Raises BadSearch on another system."""
    system, bar, number = value.rpartition("|")
    number = number.rpartition("/")[2].partition(".")[0]
    if not bar or not system:
        return [number, *(prefix + number for prefix in ("8", "1", "3"))]
    if system not in _KEYS:
        raise BadSearch("système d'identification inconnu", "unknown identifier system")
    return [_KEYS[system] + number]


def _included(reader: Reader, entries: list[fhir.BundleEntry], asked: Asked, base: str) -> list[fhir.BundleEntry]:
    """What the roles on this page speak of, once each."""
    wanted: dict[str, None] = {}
    for entry in entries:
        role = entry.resource
        if not isinstance(role, fhir.PractitionerRole):
            continue
        if asked.include & {"*", "PractitionerRole:practitioner"}:
            wanted[role.practitioner.reference] = None
        if role.organization and asked.include & {"*", "PractitionerRole:organization"}:
            wanted[role.organization.reference] = None
    found = by_keys(reader, [reference.partition("/")[2] for reference in wanted])
    return [_entry(base, made.resource_of(one.card), "include") for one in found]


def _entry(base: str, resource: Any, mode: Any) -> fhir.BundleEntry:
    url = f"{base}/{resource.resourceType}/{resource.id}"
    return fhir.BundleEntry(fullUrl=url, resource=resource, search=fhir.EntrySearch(mode=mode))


def _type_of(asked: Asked) -> str:
    return STRUCTURE if asked.type == "Organization" else PERSON


def _url(asked: Asked, base: str, after: int) -> str:
    pairs = [*asked.pairs, *([("_after", str(after))] if after >= 0 else [])]
    return f"{base}/{asked.type}" + (f"?{urlencode(pairs)}" if pairs else "")


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise BadSearch("nombre attendu", "not a number")
    return int(text)
