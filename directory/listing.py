"""Lists of cards for programs: exactly what was asked for, in an order that does not change, page after page."""

from collections.abc import Iterator
from dataclasses import dataclass

from directory.edition.candidates import Group, Groups, Variant
from directory.edition.card import NAME, WHERE, Card, unpack
from directory.edition.readers import Reader
from directory.words import words_of

MOST = 5_000  # cards that words bring; whoever gets so many asks more narrowly
BEGINNINGS = 400


@dataclass(frozen=True, slots=True)
class Numbered:
    """A card with its number in the edition, by which a list goes on."""

    number: int
    card: Card


def by_words(reader: Reader, name: str = "", place: str = "") -> list[Numbered]:
    """Cards whose names and places have words that begin so, all of them."""
    asked = [(NAME, word) for word in words_of(name)] + [(WHERE, word) for word in words_of(place)]
    groups = []
    for field, word in asked:
        variants = tuple(
            Variant(number, cards, 1.0, field == NAME)
            for number, _, cards in reader.beginning(field + word, BEGINNINGS)
        )
        if not variants:
            return []
        groups.append(Group(variants))
    return _cards(reader, Groups(reader, groups).numbers(MOST)) if groups else []


def by_keys(reader: Reader, keys: list[str]) -> list[Numbered]:
    return [Numbered(number, unpack(text)) for number, text in sorted(reader.cards_by_key(keys))]


def by_address(reader: Reader, address: str) -> list[Numbered]:
    """The card that holds this very address."""
    number = reader.box(address.lower())
    return _cards(reader, [number]) if number is not None else []


def everything(reader: Reader, type_: str, after: int, step: int = 200) -> Iterator[Numbered]:
    """All cards of a type, from number `after` on."""
    while rows := reader.cards_after(after, step, type_):
        for after, text in rows:  # noqa: PLR1704  the list goes on after the last one given
            yield Numbered(after, unpack(text))


def _cards(reader: Reader, numbers: list[int]) -> list[Numbered]:
    found = []
    for start in range(0, len(numbers), 500):
        found += [Numbered(number, unpack(text)) for number, text in reader.cards(numbers[start : start + 500])]
    return sorted(found, key=lambda one: one.number)
