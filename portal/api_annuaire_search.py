"""FHIR searches over the annuaire: the narrowest parameter leads, the others decide; page after page."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any
from urllib.parse import urlencode

from core.errors import NotFound
from directory.annuaire import Annuaire
from directory.edition.card import PERSON, STRUCTURE, Card
from directory.edition.readers import Reader
from directory.listing import Numbered, by_address, by_beginning, by_keys, by_piece_of_address, by_words, everything
from directory.moments import built_at, changed_since, last_changes
from directory.words import words_of
from portal import api_annuaire_models as fhir
from portal import api_annuaire_resources as made
from portal.api_annuaire_asked import Asked, Condition, Moments
from portal.api_annuaire_fits import fits, keys_of, role_fits
from portal.api_annuaire_resources import Facts

LOOKED_AT = 20_000  # cards read for one page at most; then the list goes on behind its link
IN_ONE_PLACE = 5_000  # people of one structure
STEP = 200  # cards whose last changes are read at once


class NotThere(NotFound):
    """No such resource."""

    def __init__(self) -> None:
        super().__init__("aucune ressource de cet identifiant", "no such resource")


@dataclass(frozen=True, slots=True)
class Leading:
    """Cards among which the answer is. `counted`: they are all of them, and few enough to be counted."""

    cards: Iterable[Numbered]
    counted: bool


@dataclass(frozen=True, slots=True)
class Page:
    """What is shown, and where the next page begins: after this card; None: nothing is left."""

    found: list[Any]
    after: int | None


class Search:
    """One search over one edition."""

    def __init__(self, annuaire: Annuaire, reader: Reader, asked: Asked, base: str) -> None:
        self._annuaire = annuaire
        self._reader = reader
        self._asked = asked
        self._base = base
        self._built = annuaire.read(built_at)
        self._type = STRUCTURE if asked.type == "Organization" else PERSON

    def bundle(self) -> fhir.Bundle:
        """Raises BadSearch, DatabaseDown."""
        asked, leading = self._asked, self._leading()
        links = [fhir.Link(relation="self", url=_url(asked, self._base, asked.after))]
        every = list(self._matches(leading.cards)) if leading.counted else None
        page = self._page(((number, found) for number, found in every if number > asked.after) if every is not None
                          else self._matches(self._looked_at(leading.cards)))  # fmt: skip
        if page.after is not None and asked.count:
            links.append(fhir.Link(relation="next", url=_url(asked, self._base, page.after)))
        entries = [self._entry(resource, "match") for resource in page.found]
        entries += [self._entry(resource, "include") for resource in self._included(page.found)]
        total = sum(len(found) for _, found in every) if every is not None else self._count()
        return fhir.Bundle(total=None if asked.total == "none" else total, link=links, entry=entries or None)

    def _page(self, matches: Iterable[tuple[int, list[Any]]]) -> Page:
        """A card's resources stay together, so that the next page begins with another card."""
        shown: list[Any] = []
        last = self._asked.after
        for number, found in matches:
            if found and len(shown) >= max(1, self._asked.count):
                return Page(shown, last)
            shown, last = shown + found if self._asked.count else [], number
        return Page(shown, self._left_at)

    _left_at: int | None = None

    def _looked_at(self, cards: Iterable[Numbered]) -> Iterator[Numbered]:
        """Of all cards no more than one page may cost; where they were left is where the next page begins."""
        number = -1
        for number, one in enumerate(islice(cards, LOOKED_AT), 1):  # noqa: B007  the last one counts
            yield one
        if number >= LOOKED_AT:
            self._left_at = one.number

    def _leading(self) -> Leading:
        asked = self._asked
        for name in ("_id", "identifier", "practitioner"):
            found = asked.one(name)
            keys = [key for value in found.values for key in keys_of(value)] if found else []
            if found and keys and not any(value.endswith("|") for value in found.values):
                return Leading(by_keys(self._reader, keys), counted=True)
        for listed in (self._by_box(), self._by_place(), self._by_words(), self._by_change()):
            if listed is not None:
                return Leading(listed, counted=True)
        return Leading(everything(self._reader, self._type, asked.after), counted=False)

    def _by_box(self) -> list[Numbered] | None:
        box = self._asked.one("mailbox-mss")
        if box is None:
            return None
        if box.modifier == "contains":
            return by_piece_of_address(self._reader, box.values[0]) if len(box.values) == 1 else None
        if box.modifier == "exact":
            return [one for value in box.values for one in by_address(self._reader, value)]
        return by_beginning(self._reader, box.values)

    def _by_place(self) -> list[Numbered] | None:
        place = self._asked.one("organization")
        if not place:
            return None
        keys = [key for value in place.values for key in keys_of(value)]
        people = [person for key in keys for person in self._reader.people_of_structure(key, IN_ONE_PLACE)]
        return by_keys(self._reader, list(dict.fromkeys(people)))

    def _by_words(self) -> list[Numbered] | None:
        """None where no words are asked for, or too many cards have them."""
        every: dict[int, Numbered] = {}
        looked_up = _words(self._asked)
        for name, where, inside in looked_up:
            found = by_words(self._reader, name, where, inside=inside)
            if found is None:
                return None
            every.update((one.number, one) for one in found)
        return [every[number] for number in sorted(every)] if looked_up else None

    def _by_change(self) -> list[Numbered] | None:
        """None where the whole edition may be as new as that."""
        dates = self._asked.one("_lastUpdated")
        earliest = min(Moments.of(value).earliest for value in dates.values) if dates else 0
        if earliest <= self._built:
            return None
        keys = self._annuaire.read(changed_since, earliest)
        boxed = [one for key in keys if "@" in key for one in by_address(self._reader, key)]
        found = {one.number: one for one in boxed + by_keys(self._reader, [key for key in keys if "@" not in key])}
        return [found[number] for number in sorted(found)]

    def _matches(self, cards: Iterable[Numbered]) -> Iterator[tuple[int, list[Any]]]:
        """Every card's number, with its resources that fit."""
        rest = iter(cards)
        while some := list(islice(rest, STEP)):
            changed = self._changed([one.card for one in some]) if self._asked.one("_lastUpdated") else None
            for one in some:
                facts = self.facts(one.card, changed)
                found = self._found(facts)
                yield one.number, found

    def _changed(self, cards: list[Card]) -> dict[str, int]:
        return self._annuaire.read(last_changes, [key for card in cards for key in _keys(card)])

    def facts(self, card: Card, changed: dict[str, int] | None = None) -> Facts:
        """With the moment of its last change, read by itself where it was not read for many."""
        noted = self._changed([card]) if changed is None else changed
        return Facts(self._reader, card, max([self._built, *(noted.get(key, 0) for key in _keys(card))]))

    def _found(self, facts: Facts) -> list[Any]:
        """The card's resources that fit."""
        asked = self._asked
        if facts.card.type != self._type or not all(fits(facts, one, asked.type) for one in asked.conditions):
            return []
        if asked.type != "PractitionerRole":
            return [made.resource_of(facts)]
        return [
            made.practitioner_role(facts, role)
            for role in made.roles_of(facts)
            if all(role_fits(facts.card, role, one) for one in asked.conditions)
        ]

    def _count(self) -> int | None:
        """Of everything, where that is asked for; to count by conditions would take too long."""
        if not self._asked.total or self._asked.type == "PractitionerRole":
            return None
        return self._reader.count_of(self._type) if all(map(_is_any, self._asked.conditions)) else None

    def _included(self, found: list[Any]) -> Iterator[Any]:
        """What the roles on this page speak of, or the roles of whom it shows, once each."""
        wanted: dict[str, None] = {}
        for resource in found:
            if isinstance(resource, fhir.PractitionerRole):
                wanted.update(dict.fromkeys(_spoken_of(resource, self._asked.include)))
            elif self._asked.reverse:
                yield from self._roles_of(resource)
        for one in by_keys(self._reader, [reference.partition("/")[2] for reference in wanted]):
            yield made.resource_of(self.facts(one.card))

    def _roles_of(self, resource: fhir.Practitioner | fhir.Organization) -> Iterator[fhir.PractitionerRole]:
        key = str(resource.id)
        here = isinstance(resource, fhir.Organization)
        people = self._reader.people_of_structure(key, IN_ONE_PLACE) if here else [key]
        for one in by_keys(self._reader, people):
            facts = self.facts(one.card)
            for role in made.roles_of(facts):
                if not here or role.activity.structure_id == key:
                    yield made.practitioner_role(facts, role)

    def _entry(self, resource: Any, mode: Any) -> fhir.BundleEntry:
        url = f"{self._base}/{resource.resourceType}/{resource.id}"
        return fhir.BundleEntry(fullUrl=url, resource=resource, search=fhir.EntrySearch(mode=mode))


def find(annuaire: Annuaire, asked: Asked, base: str) -> fhir.Bundle:
    """One page. Raises BadSearch, DatabaseDown."""
    reader = annuaire.reader()
    if reader is None:
        link = fhir.Link(relation="self", url=_url(asked, base, asked.after))
        return fhir.Bundle(total=0, link=[link])
    return Search(annuaire, reader, asked, base).bundle()


def one(annuaire: Annuaire, type_: str, id_: str) -> Any:
    """Raises NotThere."""
    reader = annuaire.reader()
    if reader is None or len(id_) > 64:
        raise NotThere
    search = Search(annuaire, reader, Asked.of(type_, []), "")
    for numbered in by_keys(reader, [id_.partition(".")[0]]):
        facts = search.facts(numbered.card)
        if facts.card.type != (STRUCTURE if type_ == "Organization" else PERSON):
            continue
        if type_ != "PractitionerRole" and facts.card.key == id_:
            return made.resource_of(facts)
        for role in made.roles_of(facts) if type_ == "PractitionerRole" else ():
            if role.id == id_:
                return made.practitioner_role(facts, role)
    raise NotThere


def _words(asked: Asked) -> list[tuple[str, str, bool]]:
    """Name and place to look up, and whether inside words; several values of one parameter are several look-ups."""
    names = [one for name in ("name", "family", "given") if (one := asked.one(name))]
    whole = [one for one in names if one.modifier != "contains"]
    places = [one for name in ("address-city", "address-postalcode") if (one := asked.one(name)) and not one.modifier]
    leading = (whole or names)[:1]
    if not leading and not places:
        return []
    wheres = places[0].values if places else ("",)
    firsts = leading[0].values if leading else ("",)
    rest = " ".join(one.values[0] for one in whole[1:] if len(one.values) == 1)
    found = [(f"{first} {rest}".strip(), where, not whole) for first in firsts for where in wheres]
    return [(name, where, inside) for name, where, inside in found if words_of(name) or words_of(where)]


def _is_any(condition: Condition) -> bool:
    """A condition that every resource fits."""
    return condition.name == "active" and condition.values == ("true",) and not condition.modifier


def _keys(card: Card) -> list[str]:
    """Under which imports note what changed of a card."""
    return [card.key, *(box.address for box in card.boxes)]


def _spoken_of(role: fhir.PractitionerRole, include: frozenset[str]) -> Iterator[str]:
    if include & {"*", "PractitionerRole:practitioner"}:
        yield role.practitioner.reference
    if role.organization and include & {"*", "PractitionerRole:organization"}:
        yield role.organization.reference


def _url(asked: Asked, base: str, after: int) -> str:
    pairs = [*asked.pairs, *([("_after", str(after))] if after >= 0 else [])]
    return f"{base}/{asked.type}" + (f"?{urlencode(pairs)}" if pairs else "")
