"""Strengths as exact values: `1 g` is `1000 mg`, `2,5` is never `25`, and nothing here is fuzzy.

A strength is the sequence of its amounts: `500 mg/62,5 mg` has two, `50 µg/dose` has 50 µg and one dose.
"""

import enum
import re
from dataclasses import dataclass
from decimal import Decimal

from record.medicines.names import plain

AMOUNTS = 8
_MASS, _VOLUME, _UNITS, _HOURS = "µg", "ml", "ui", "h"
_SCALES: dict[str, tuple[str, str]] = {
    **dict.fromkeys(("µg", "mcg", "microgramme", "microgrammes", "gamma"), (_MASS, "1")),
    **dict.fromkeys(("ng", "nanogramme", "nanogrammes"), (_MASS, "0.001")),
    **dict.fromkeys(("mg", "milligramme", "milligrammes"), (_MASS, "1000")),
    **dict.fromkeys(("g", "gramme", "grammes"), (_MASS, "1000000")),
    **dict.fromkeys(("kg",), (_MASS, "1000000000")),
    **dict.fromkeys(("µl",), (_VOLUME, "0.001")),
    **dict.fromkeys(("ml", "millilitre", "millilitres"), (_VOLUME, "1")),
    **dict.fromkeys(("cl",), (_VOLUME, "10")),
    **dict.fromkeys(("l", "litre", "litres"), (_VOLUME, "1000")),
    **dict.fromkeys(("ui", "u.i.", "u.i", "unite", "unites", "unites internationales", "u"), (_UNITS, "1")),
    **dict.fromkeys(("mui", "m.u.i.", "m.u.i", "mu", "million ui", "millions ui"), (_UNITS, "1000000")),
    **dict.fromkeys(("h", "heure", "heures"), (_HOURS, "1")),
    **dict.fromkeys(("%", "pour cent", "p. cent", "p.cent"), ("%", "1")),
    **dict.fromkeys(("dose", "doses", "bouffee", "inhalation", "pulverisation"), ("dose", "1")),
    **dict.fromkeys(("cm2", "cm²"), ("cm2", "1")),
    **{unit: (unit, "1") for unit in ("mmol", "meq", "mbq", "gbq", "kbq", "ch", "dh", "goutte", "sachet", "comprime")},
}
_UNIT = "|".join(re.escape(unit) for unit in sorted(_SCALES, key=len, reverse=True))
_NUMBER = r"[0-9]{1,3}(?: [0-9]{3})+(?![0-9])|[0-9]{1,9}(?:[.,][0-9]{1,6})?"
_TOKEN = re.compile(
    rf"(?<![a-z0-9.,])(?P<number>{_NUMBER})(?![0-9,.]*[0-9])(?: ?(?P<unit>{_UNIT})(?![a-z0-9µ%])|(?![a-z]))"
    rf"|(?P<per>/|\bpar ) ?(?P<of>{_UNIT})(?![a-z0-9µ%])|(?P<plus>\+)"
)
_ASIDE = re.compile(r"\(([^()]*)\)")


class Gate(enum.Enum):
    """What a written strength is to a medicine's: equal; the beginning of it (`500 mg` of `500 mg/62,5 mg`); other."""

    EXACT = 2
    PARTIAL = 1
    SHUT = 0


@dataclass(frozen=True, slots=True)
class Amount:
    """A value in the base unit of its kind, and the number as written; a bare number has no unit."""

    value: Decimal
    unit: str
    written: Decimal


@dataclass(frozen=True, slots=True)
class Strength:
    """The amounts in their order; `several` when they are joined by + (a box with two strengths)."""

    amounts: tuple[Amount, ...]
    several: bool = False

    def __bool__(self) -> bool:
        return bool(self.amounts)


def parse(text: str, *, bare: bool = False) -> Strength:
    """The amounts in the text; numbers without a unit only with `bare`."""
    found: list[Amount] = []
    several = False
    for token in _TOKEN.finditer(plain(text)):
        if token["plus"]:
            several = several or bool(found)
        elif (amount := _amount(token)) and (amount.unit or bare):
            found.append(amount)
    return Strength(tuple(found[:AMOUNTS]), several and len(found) > 1)


def variants(text: str) -> tuple[Strength, ...]:
    """What a label may be called by: `4 000 UI (40 mg)/0,4 ml` is one of UI, one of mg, and the whole."""
    ways = [text]
    if aside := _ASIDE.search(text):
        ways += [text[: aside.start()] + text[aside.end() :]]
        before = _last_amount(text[: aside.start()])
        ways += [text[:before] + aside[1] + text[aside.end() :]]
    return tuple(dict.fromkeys(strength for way in ways if (strength := parse(way))))


def gate(asked: Strength, known: tuple[Strength, ...]) -> Gate:
    """The exact gate. Without anything asked, or known, it cannot be passed: that is for the caller to see first."""
    found = [_against(asked, one) for one in known]
    return max(found, key=lambda way: way.value, default=Gate.SHUT)


def _against(asked: Strength, known: Strength) -> Gate:
    pairs = list(zip(asked.amounts, known.amounts, strict=False))
    if not pairs or len(asked.amounts) > len(known.amounts) or not all(_same(a, b) for a, b in pairs):
        return Gate.SHUT
    if len(asked.amounts) == len(known.amounts):
        return Gate.EXACT if asked.several == known.several or not asked.several else Gate.SHUT
    return Gate.SHUT if known.several else Gate.PARTIAL


def _same(asked: Amount, known: Amount) -> bool:
    """A bare number is the number as written, or the same in mg."""
    if asked.unit:
        return (asked.value, asked.unit) == (known.value, known.unit)
    return asked.written == known.written or (known.unit == _MASS and asked.written * 1000 == known.value)


def _amount(token: re.Match[str]) -> Amount | None:
    if token["of"]:
        base, scale = _SCALES[token["of"]]
        return Amount(Decimal(scale), base, Decimal(1))
    number = Decimal(token["number"].replace(" ", "").replace(",", "."))
    base, scale = _SCALES[token["unit"]] if token["unit"] else ("", "1")
    return Amount((number * Decimal(scale)).normalize(), base, number.normalize())


def _last_amount(text: str) -> int:
    """Where the last amount of the text begins, in the text as it is."""
    starts = [found.start() for found in re.finditer(rf"(?<![\w.,])(?:{_NUMBER}) ?[^\W\d_.]", text)]
    return starts[-1] if starts else len(text)
