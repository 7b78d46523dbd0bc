"""What somebody typed, taken apart: an address, a number, or words, the last of which may not be finished."""

from dataclasses import dataclass

from directory.words import PARTICLES, TITLES, words_of

LONGEST = 200
MOST_WORDS = 8


@dataclass(frozen=True, slots=True)
class Query:
    """`words`: folded, without titles and particles where others are left; `number`: digits of an RPPS, FINESS, SIRET;
    `address`: an address or its beginning. `profession` and `place`: words that must stand there."""

    words: tuple[str, ...] = ()
    number: str = ""
    address: str = ""
    profession: tuple[str, ...] = ()
    place: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not (self.words or self.number or self.address or self.profession or self.place)


def parse(text: str, profession: str = "", place: str = "") -> Query:
    """Never fails: of a text that is too long the beginning counts."""
    text = " ".join(_cut(text).split())
    job, where = _words(_cut(profession)), _words(_cut(place))
    if "@" in text and " " not in text:
        return Query(address=text.lower(), profession=job, place=where)
    number = text.replace(" ", "").replace(".", "").upper()
    if _is_number(number):
        return Query(number=number, profession=job, place=where)
    return Query(_words(text), profession=job, place=where)


def _cut(text: str) -> str:
    """Half a letter, which JSON can hold, is none."""
    return text[:LONGEST].encode("utf-8", "ignore").decode()


def _is_number(text: str) -> bool:
    """From eight characters on: RPPS 11, FINESS 9 (2A and 2B in Corsica), SIRET 14, ADELI 9; postcodes are shorter."""
    digits = text[:1] + text[2:] if text[1:2] in ("A", "B") else text
    return 8 <= len(text) <= 16 and digits.isdigit() and digits.isascii()


def _words(text: str) -> tuple[str, ...]:
    """The last word is kept whatever it is: `des` may become a name."""
    found = words_of(text)
    small = PARTICLES | TITLES
    kept = tuple(
        word for place, word in enumerate(found, 1) if word not in small or (place == len(found) and len(word) > 1)
    )
    return (kept or found)[:MOST_WORDS]
