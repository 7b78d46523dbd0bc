"""The published set of queries: what people type for somebody of the invented annuaire, and who is a right answer.

Drawn with a seed from the truth, by kinds. Spellings that sound alike are made by ear's rules, whatever our own key of
sounds thinks of them. Right is whoever has all that was typed: the same family name, and given name, town and
profession where these were said; so a homonym in the same town is as right as the person drawn.
"""

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from directory.edition.card import PERSON, Card, unpack
from directory.edition.readers import Reader
from directory.words import folded

SEED = 11
SECOND = 12  # of a set for which nothing was ever tuned
EACH = 60


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of the edition, as those who look for them know them."""

    key: str
    given: str
    family: str
    town: str
    job: str
    postcode: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What is typed, and what a right answer has: folded texts, empty where nothing was said of it."""

    text: str
    family: str
    given: str = ""
    town: str = ""
    job: str = ""

    def fits(self, card: Card) -> bool:
        """Whether this card is a right answer."""
        towns = {folded(place.city) for place in card.places}
        return (
            card.type == PERSON
            and folded(card.family) == self.family
            and self.given in ("", folded(card.given))
            and self.job in ("", folded(card.profession))
            and (not self.town or self.town in towns)
        )


def people(reader: Reader, draw: random.Random, count: int) -> Iterator[Person]:
    """People drawn at random."""
    found = 0
    while found < count:
        for _, text in reader.cards([draw.randrange(reader.size) for _ in range(50)]):
            card = unpack(text)
            if card.type == PERSON and card.places and card.places[0].city and len(folded(card.family)) > 4:
                found += 1
                place = card.places[0]
                yield Person(card.key, card.given, card.family, place.city, card.profession, place.postcode)
                if found == count:
                    return


def typo(draw: random.Random, word: str) -> str:
    """One slip of the finger: a letter less, more, another, or two swapped; never the first."""
    place = draw.randrange(1, len(word) - 1)
    letter = draw.choice("abcdefghijklmnoprstuv")
    return (
        word[:place] + word[place + 1 :],
        word[:place] + letter + word[place:],
        word[:place] + letter + word[place + 1 :],
        word[:place] + word[place + 1] + word[place] + word[place + 2 :],
    )[draw.randrange(4)]


# How French ears write what they hear: at the end of a word, then anywhere.
_ENDS = (
    "eau|ot|aud|aut|aux|o",
    "et|ay|ais|ait",
    "ard|art|are",
    "in|ain|ein",
    "and|ant|an",
    "ont|ond|on",
    "ier|ie",
    "ez|er",
)
_PAIRS = (
    "ph|f", "qu|k", "qu(?=[ao])|c", "ck|k", "c(?=[aourlt])|k", "th|t", "(?<=.)h|", "y|i", "i|y", "au(?=.)|o", "ai|e",
    "ain|in", "in(?=[^aeiouyn])|ain", "an(?=[^aeiouyn])|en", "en(?=[^aeiouyn])|an", "ss|c(?=[ei])", "c(?=[ei])|s",
    "ge(?=[ao])|j", "g(?=[ei])|j", "gn(?=[aeo])|ni", "(?<=[aeiou])s(?=[aeiou])|z", "z|s", "([lnrtpm])\\1|\\1",
    "(?<=[aeiou])([lnrt])(?=[aeiou])|\\1\\1", "f(?=.)|ph", "k|qu", "mb|nb", "mp|np",
)  # fmt: skip


def heard(draw: random.Random, word: str) -> str:
    """The word as somebody writes it who has only heard it: two changes where there is room for two."""
    changed = _other_end(draw, word)
    pairs = [pair.split("|") for pair in _PAIRS]
    draw.shuffle(pairs)
    for before, after in pairs:
        if changed != word and draw.random() < 0.5:
            break
        other = changed[0] + re.sub(before, after, changed[1:], count=1)
        if other != changed:
            changed = other
            if changed != word and draw.random() < 0.5:
                break
    return changed


def _other_end(draw: random.Random, word: str) -> str:
    for ends in (one.split("|") for one in _ENDS):
        held = max((end for end in ends if word.endswith(end)), key=len, default="")
        if held and len(word) > len(held) + 2 and draw.random() < 0.7:
            return word[: -len(held)] + draw.choice([end for end in ends if end != held])
    return word


def _one_word(draw: random.Random, family: str, change: Callable[[random.Random, str], str]) -> str:
    """The longest word of a family name changed."""
    words = folded(family).split()
    longest = max(range(len(words)), key=lambda place: len(words[place]))
    words[longest] = change(draw, words[longest])
    return " ".join(words)


def _shuffled(draw: random.Random, one: Person) -> str:
    names = [one.given, one.family]
    draw.shuffle(names)
    return " ".join([*names, one.town])


Maker = Callable[[random.Random, Person], str]
# Kind: what is typed of a person, and which facts it says beside the family name.
KINDS: dict[str, tuple[Maker, str]] = {
    "name and town, in any order": (_shuffled, "given town"),
    "without accents": (lambda _, one: folded(f"{one.given} {one.family} {one.town}"), "given town"),
    "unfinished": (lambda _, one: folded(f"{one.town} {one.given} {one.family}")[:-2], "given town"),
    "family name and profession": (lambda _, one: f"{one.family} {one.job}", "job"),
    "family name and town": (lambda _, one: folded(f"{one.family} {one.town}"), "town"),
    "a typo, with the profession": (lambda d, one: f"{_one_word(d, one.family, typo)} {folded(one.job)}", "job"),
    "a typo, with given name": (lambda d, one: f"{folded(one.given)} {_one_word(d, one.family, typo)}", "given"),
    "sounds alike, alone with the profession": (
        lambda d, one: f"{_one_word(d, one.family, heard)} {folded(one.job)}", "job"
    ),
    "sounds alike, with given name": (
        lambda d, one: f"{folded(one.given)} {_one_word(d, one.family, heard)}", "given"
    ),
    "sounds alike, with the town": (
        lambda d, one: f"{_one_word(d, one.family, heard)} {folded(one.town)}", "town"
    ),
}  # fmt: skip


def queries(reader: Reader, each: int = EACH, seed: int = SEED) -> dict[str, list[Asked]]:
    """The set, by kind; the same for the same edition and seed."""
    draw = random.Random(seed)
    found: dict[str, list[Asked]] = {kind: [] for kind in KINDS}
    for kind, (make, facts) in KINDS.items():
        for one in people(reader, draw, each * 3):
            text, family = make(draw, one), folded(one.family)
            if len(found[kind]) == each or (kind.startswith("sounds") and family in text):
                continue
            said = {name: folded(getattr(one, name)) for name in facts.split()}
            found[kind].append(Asked(text, family, **said))
    return found


def other_queries(reader: Reader, each: int = EACH) -> dict[str, list[str]]:
    """More that is typed, for the clock alone."""
    some = list(people(reader, random.Random(5), each))
    return {
        "one word": [one.family for one in some],
        "three letters": [folded(one.family)[:3] for one in some],
        "given name and town": [f"{one.given} {one.town}" for one in some],
        "given name and profession": [f"{one.given} {one.job}" for one in some],
        "profession and town": [f"{one.job} {one.town}" for one in some],
        "profession and postcode": [f"{one.job} {one.postcode}" for one in some],
        "pharmacy and town": [f"pharmacie {one.town}" for one in some],
        "RPPS": [one.key[1:] for one in some],
    }
