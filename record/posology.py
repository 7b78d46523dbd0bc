"""How much, when, how long: the words of a French posology, read by rules."""

import re
from collections.abc import Callable
from dataclasses import dataclass

_COUNT = r"(?:[0-9]{1,3}(?:[.,][0-9]{1,2})?(?:\s?/\s?[0-9])?|½|une?\sdemie?|une?|deux|trois|quatre|cinq|six|demie?)"
_UNIT = (
    r"(?:comprimés?|cpr?s?|cachets?|gélules?|gél|capsules?|sachets?|suppositoires?|ampoules?|gouttes?|bouffées?|pulvérisations?|"
    r"cuillères?(?:\s(?:à|a)\s(?:café|soupe))?|cuillerées?|applications?|injections?|doses?|patchs?|mesures?|unités?|ui|ml|"
    r"unidoses?|ovules?|pastilles?|bains? de bouche)"
)
_PERIOD = r"(?:jours?|j|semaines?|sem|mois|ans?)"
_DOSE = re.compile(rf"(?<![\w.,/]){_COUNT}\s?{_UNIT}(?!\w)", re.IGNORECASE)
_SCHEME_COUNT = r"([0-9](?:[.,]5)?|½|1/2)"
_SCHEME = re.compile(
    rf"(?<![\w\-/.,]){_SCHEME_COUNT}\s?-\s?{_SCHEME_COUNT}\s?-\s?{_SCHEME_COUNT}(?:\s?-\s?{_SCHEME_COUNT})?(?![\w\-/]|[.,][0-9])"
)
_MOMENTS = (
    ("matin", re.compile(r"(?<!\w)(?:matins?|lever|petit[- ]déjeuner)(?!\w)", re.IGNORECASE)),
    ("midi", re.compile(r"(?<!\w)(?:midis?|déjeuner)(?!\w)(?<!petit déjeuner)(?<!petit-déjeuner)", re.IGNORECASE)),
    ("soir", re.compile(r"(?<!\w)(?:soirs?|dîner)(?!\w)", re.IGNORECASE)),
    ("coucher", re.compile(r"(?<!\w)(?:coucher|nuit)(?!\w)", re.IGNORECASE)),
)
_EACH_MEAL = re.compile(r"(?:chaque|trois|3|aux|des)\s(?:principaux\s)?repas", re.IGNORECASE)
_FREQUENCY = re.compile(
    rf"(?<!\w)(?:(?:maxi?(?:mum)?\.?\s)?[0-9]{{1,2}}\s(?:max(?:imum)?\s)?par\s(?:jour|semaine|mois)|{_COUNT}\s?(?:fois|x)\s?(?:par|/)\s?{_PERIOD}|toutes?\sles\s[0-9]{{1,2}}\s?(?:h|heures?)|"
    rf"tous\sles\s(?:[0-9]{{1,2}}\s)?(?:jours?|mois)|(?:une\sfois\s)?par\s(?:jour|semaine|mois)|/\s?j(?:our)?|"
    r"x\s?[0-9]\s?(?:par\s|/\s?)j(?:our)?|un\sjour\ssur\sdeux|chaque\s(?:jour|semaine|mois))(?!\w)",
    re.IGNORECASE,
)
_DURATION = re.compile(
    rf"(?<!\w)(?:pendant|durant|pdt|pour|x)\s?(?:une\sdurée\sde\s)?([0-9]{{1,3}})\s?({_PERIOD})(?!\w)", re.IGNORECASE
)
_QSP = re.compile(rf"(?<!\w)q\.?\s?s\.?\s?p\.?\s?:?\s?([0-9]{{1,3}})\s?({_PERIOD})(?!\w)", re.IGNORECASE)
_QSP_ITEMS = re.compile(r"(?<!\w)q\.?\s?s\.?\s?p\.?\s?:?\s?[0-9]{1,3}\s[^\W\d_]{2,20}", re.IGNORECASE)
_BOXES = re.compile(r"(?<!\w)([0-9]{1,3}|une|deux|trois)\s?(bo[iî]tes?|flacons?|tubes?|bt)(?!\w)", re.IGNORECASE)
_RENEW = re.compile(
    r"(?<!\w)(?:à\s?renouveler|a\s?renouveler|renouvelable|renouveler|ar)\s?:?\s?(?:x\s?)?([0-9]{1,2}|une|deux|trois|quatre|cinq|six)(?!\w)(?:\s?(?:fois|x))?",
    re.IGNORECASE,
)
_NO_RENEW = re.compile(r"(?<!\w)(?:non|ne\spas)\s(?:renouvelable|renouveler)(?!\w)", re.IGNORECASE)
_KEEP = re.compile(r"(?<!\w)(?:non[\s-]substituable|ne\spas\ssubstituer)(?!\w)|(?<!\w)NS(?!\w)", re.IGNORECASE)
_REASON = re.compile(r"(?<!\w)(MTE|EFG|CIF)(?!\w)")
_IF_NEEDED = re.compile(r"(?<!\w)(?:si\s(?:besoin|nécessaire|douleurs?|fièvre)|en\scas\sde)(?!\w)", re.IGNORECASE)
_UNFINISHED = re.compile(
    r"(?<!\w)(?:pendant|durant|pdt|pour|q\.?s\.?p\.?|toutes|les|à|renouveler|ar|et|ou|puis|par|fois|matin,|midi,|[0-9]{1,3})$",
    re.IGNORECASE,
)
_NUMBERS = {"un": 1, "une": 1, "deux": 2, "trois": 3, "quatre": 4, "cinq": 5, "six": 6}
_LONG = {"j": "jours", "jour": "jours", "sem": "semaines", "semaine": "semaines", "an": "ans"}
_NAMES = ("matin", "midi", "soir", "coucher")


@dataclass(frozen=True, slots=True)
class Posology:
    dose: str = ""
    moments: tuple[str, ...] = ()
    frequency: str = ""
    duration: str = ""
    quantity: str = ""
    if_needed: bool = False
    renewals: int | None = None
    not_substitutable: bool = False
    reason: str = ""


def read(text: str) -> Posology:
    """What the text says of it; what it does not say is empty."""
    kept = bool(_KEEP.search(text))
    scheme = _SCHEME.search(text)
    return Posology(
        dose=_scheme_dose(scheme) if scheme else _first(_DOSE, text),
        moments=_scheme_moments(scheme) if scheme else _moments(text),
        frequency=_first(_FREQUENCY, text),
        duration=_duration(text),
        quantity=_quantity(text),
        if_needed=bool(_IF_NEEDED.search(text)),
        renewals=_renewals(text),
        not_substitutable=kept,
        reason=_first(_REASON, text) if kept else "",
    )


def speaks_of_it(line: str) -> bool:
    """Whether a line goes on about the medicine above it."""
    signs: tuple[Callable[[str], object], ...] = (
        *(
            pattern.search
            for pattern in (_DOSE, _SCHEME, _FREQUENCY, _DURATION, _QSP, _QSP_ITEMS, _BOXES, _RENEW, _NO_RENEW)
        ),
        *(pattern.search for pattern in (_KEEP, _IF_NEEDED, _EACH_MEAL)),
        *(pattern.search for _name, pattern in _MOMENTS),
    )
    return any(sign(line) for sign in signs)


def goes_on(line: str) -> bool:
    """Whether the line ends in the middle of its sentence, so that the next one belongs to it."""
    return bool(_UNFINISHED.search(line))


def _first(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return " ".join(found[0].split()) if found else ""


def _scheme_moments(scheme: re.Match[str]) -> tuple[str, ...]:
    return tuple(name for name, count in zip(_NAMES, scheme.groups(), strict=True) if count and count != "0")


def _scheme_dose(scheme: re.Match[str]) -> str:
    """`1-0-1` stays as written: the counts may differ from one moment to the next."""
    return "-".join(count for count in scheme.groups() if count)


def _moments(text: str) -> tuple[str, ...]:
    if _EACH_MEAL.search(text):
        return _NAMES[:3]
    return tuple(name for name, pattern in _MOMENTS if pattern.search(text))


def _duration(text: str) -> str:
    found = _DURATION.search(text) or _QSP.search(text)
    return f"{found[1]} {_LONG.get(found[2].lower(), found[2].lower())}" if found else ""


def _quantity(text: str) -> str:
    found = _BOXES.search(text)
    if found:
        return " ".join(found[0].split()).lower()
    return "QSP" if _QSP.search(text) else _first(_QSP_ITEMS, text)


def _renewals(text: str) -> int | None:
    if _NO_RENEW.search(text):
        return 0
    found = _RENEW.search(text)
    if found is None:
        return None
    word = found[1].lower()
    return _NUMBERS[word] if word in _NUMBERS else int(word)
