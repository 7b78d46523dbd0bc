"""French numbers in words → digits, where what they count follows: `dix milligrammes` is `10 milligrammes`.

The law asks for words on some prescriptions (CSP R5132-29). Only what is certain is changed; everything else stays.
"""

import re

_FIRST = "zéro un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize"
_UNITS = {word: number for number, word in enumerate(_FIRST.split(" "))} | {"une": 1}
_TENS = {"vingt": 20, "trente": 30, "quarante": 40, "cinquante": 50, "soixante": 60}
_WORD = "|".join(sorted((*_UNITS, *_TENS, "vingts", "cents?", "mille"), key=len, reverse=True))
_COUNTED = (
    r"milligrammes?|microgrammes?|grammes?|mg|µg|g|millilitres?|ml|unités?|ui|"
    r"jours?|semaines?|mois|ans?|heures?|fois|comprimés?|gélules?|sachets?|ampoules?|gouttes?|bouffées?|patchs?"
)
_NUMBER = re.compile(
    rf"(?<![\w-])(?P<words>(?:{_WORD})(?:(?:[ -]et)?[ -](?:{_WORD})){{0,6}})(?= (?:{_COUNTED})(?!\w))", re.IGNORECASE
)


def in_digits(text: str) -> str:
    """The text with these numbers in digits; words that make no number together are left as they are."""

    def digits(found: re.Match[str]) -> str:
        value = value_of(found["words"])
        return found[0] if value is None else str(value)

    return _NUMBER.sub(digits, text)


def value_of(words: str) -> int | None:
    """`quatre-vingt-dix` → 90; None for what is no number (`deux trois`, `cent quatre-vingt vingt`)."""
    below, thousands, seen = 0, 0, False
    parts = [part for part in re.split(r"[ -]", words.lower()) if part != "et"]
    for place, part in enumerate(parts):
        if part == "mille":
            if thousands or (seen and not below):
                return None
            thousands, below = (below or 1) * 1000, 0
        else:
            added = _added(below, part, parts[place - 1] if place else "")
            if added is None:
                return None
            below = added
        seen = True
    return thousands + below


def _added(below: int, part: str, before: str) -> int | None:
    """The number so far with one more word; None where French does not count so."""
    tail = below % 100
    if part in ("cent", "cents"):
        return below * 100 if 1 < below < 10 else 100 if below == 0 else None
    if part in ("vingt", "vingts") and tail == 4 and before == "quatre":
        return below + 76
    if part in _TENS or part == "vingts":
        return below + _TENS[part] if tail == 0 and part in _TENS else None
    unit = _UNITS[part]
    if unit == 0:
        return 0 if not before else None
    most = 19 if tail in (60, 80) else 16 if tail == 0 else 9 if tail in (20, 30, 40, 50) else 0
    if tail in (10, 70, 90) and before == "dix":
        return below + unit if 7 <= unit <= 9 else None
    return below + unit if unit <= most else None
