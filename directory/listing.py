"""Lists of cards for programs: exactly what was asked for, in an order that does not change, page after page."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from directory.edition.candidates import Group, Groups, Variant
from directory.edition.card import NAME, WHERE, Card, unpack
from directory.edition.readers import Reader
from directory.words import words_of

MOST = 5_000  # cards that words bring; where there are more, all cards are gone through, page by page
WORDS = 400


@dataclass(frozen=True, slots=True)
class Numbered:
    """A card with its number in the edition, by which a list goes on."""

    number: int
    card: Card


@dataclass(frozen=True, slots=True)
class Listed:
    """`whole`: these are all that there are."""

    cards: list[Numbered]
    whole: bool


def by_words(reader: Reader, name: str = "", place: str = "", *, inside: bool = False) -> list[Numbered] | None:
    """Cards whose names and places have words that begin so, all of them, or that hold these pieces anywhere; None:
    too many to be listed so."""
    asked = [(NAME, word, inside) for word in words_of(name)] + [(WHERE, word, inside) for word in words_of(place)]
    found = by_pieces(reader, asked, MOST) if asked else Listed([], whole=True)
    return found.cards if found.whole else None


def by_pieces(
    reader: Reader, asked: Iterable[tuple[str, str, bool]], most: int, words: int = WORDS, *, longer: bool = False
) -> Listed:
    """Cards that have all of these: fields, word, and whether it may stand inside a word. Of more than `most` cards,
    and of more than `words` words each, those that fit best. `longer`: not the very words, but those of which they are
    a piece."""
    groups: list[Group] = []
    broad: list[Group] = []
    whole = True
    for fields, word, inside in asked:
        each = [
            reader.containing(field, word, WORDS) if inside else reader.beginning(field + word, WORDS)
            for field in fields
        ]
        rows = [row for found in each for row in found if not longer or row[1][1:] != word]
        if not rows:
            return Listed([], whole=True)
        is_broad = max(map(len, each)) == WORDS  # a letter or two: the other words, if there are any, are narrower
        whole &= is_broad or len(rows) <= words
        (broad if is_broad else groups).append(
            _group(word, sorted(rows, key=lambda row: (row[1][1:] != word, -row[2]))[:words])
        )
    whole &= bool(groups)
    numbers = Groups(reader, groups or broad).numbers(most + 1) if groups or broad else []
    return Listed(_cards(reader, numbers[:most]), whole=whole and len(numbers) <= most)


def _group(word: str, rows: Iterable[tuple[int, str, int]]) -> Group:
    return Group(
        tuple(Variant(number, cards, 1.0 if text[1:] == word else 0.9, text[0] == NAME) for number, text, cards in rows)
    )


def by_keys(reader: Reader, keys: list[str]) -> list[Numbered]:
    return [Numbered(number, unpack(text)) for number, text in sorted(reader.cards_by_key(keys))]


def by_address(reader: Reader, address: str) -> list[Numbered]:
    """The card that holds this very address."""
    number = reader.box(address.lower())
    return _cards(reader, [number]) if number is not None else []


def by_beginning(reader: Reader, addresses: Iterable[str]) -> list[Numbered] | None:
    """Cards with an address that begins so, with one of several; None: too many to be listed so."""
    found = {number for address in addresses for number in reader.boxes(address.lower(), MOST + 1)}
    return _cards(reader, sorted(found)) if len(found) <= MOST else None


def by_beginning_first(reader: Reader, address: str, most: int) -> Listed:
    """The first cards with an address that begins so."""
    found = reader.boxes(address.lower(), most + 1)
    return Listed(_cards(reader, sorted(set(found[:most]))), whole=len(found) <= most)


def by_piece_of_address(reader: Reader, piece: str) -> list[Numbered] | None:
    """Cards with an address that holds this; None: too many to be listed so."""
    found = set(reader.boxes_holding(piece, MOST + 1))
    return _cards(reader, sorted(found)) if len(found) <= MOST else None


def everything(reader: Reader, type_: str, after: int, step: int = 200) -> Iterator[Numbered]:
    """All cards of a type, or of both, from number `after` on."""
    while rows := reader.cards_after(after, step, type_):
        for after, text in rows:  # noqa: PLR1704  the list goes on after the last one given
            yield Numbered(after, unpack(text))


def _cards(reader: Reader, numbers: list[int]) -> list[Numbered]:
    found = []
    for start in range(0, len(numbers), 500):
        found += [Numbered(number, unpack(text)) for number, text in reader.cards(numbers[start : start + 500])]
    return sorted(found, key=lambda one: one.number)
