"""How much, when, how long: the words of a French posology, read by rules."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

_ONE = r"(?:[0-9]{1,3}(?:[.,][0-9]{1,2})?(?:\s?/\s?[0-9])?|½|une?\sdemie?|une?|deux|trois|quatre|cinq|six|demie?)"
_COUNT = rf"(?:{_ONE}(?:\s?(?:à|ou|-)\s?{_ONE})?)"
_UNIT = (
    r"(?:comprimés?|cpr?s?|cachets?|gélules?|g[ée]l|capsules?|sachets?|sticks?|suppositoires?|ampoules?|gouttes?|"
    r"bouffées?|inhalations?|pulvérisations?|cuillères?(?:\s(?:à|a)\s(?:café|soupe))?|cuillerées?|applications?|"
    r"injections?|doses?(?:[ -]poids)?|patchs?|mesures?|pipettes?|unités?|ui|ml|unidoses?|dosettes?|ovules?|pastilles?|"
    r"granules?|bains? de bouche)(?:\set\sdemie?)?"
)
_PERIOD = r"(?:jours?|j|semaines?|sem|mois|ans?)"
_DOSE = re.compile(rf"(?<![\w.,/-]){_COUNT}\s?{_UNIT}(?!\w)", re.IGNORECASE)
_WHEN = r"(?:matins?|midis?|soirs?|coucher|lever|petit[- ]déjeuner|déjeuner|dîner|nuit)"
_BARE_DOSE = re.compile(
    rf"(?<![\w.,/-])(?:[0-9]{{1,2}}(?:[.,]5)?|½|[13]/[24]|une?|deux|trois)(?=\s(?:(?:le|au|à)\s)?{_WHEN}(?!\w))",
    re.IGNORECASE,
)
_AT_WHEN = re.compile(rf"(?:(?:,|\set)?\s(?:(?:le|au|à|du)\s)?{_WHEN}(?!\w))+", re.IGNORECASE)
_DOSES_APART, _DOSES_SPAN = 60, 160  # characters between doses of one medicine, and in all of them
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
_EACH_MEAL = re.compile(r"(?:chaque|trois|3|aux)\s(?:principaux\s)?repas", re.IGNORECASE)
_INTAKE = re.compile(
    r"(?<!\w)(?:à\sjeun|(?:[0-9]{1,3}\s?(?:min(?:utes?)?|h(?:eures?)?)\s)?"
    r"(?:avant|après|pendant|au\s(?:milieu|cours|début)\s(?:de|du|des)|à\sdistance\s(?:de|du|des)|en\sdehors\sdes)"
    r"\s?(?:le|les|chaque|des?)?\s?(?:repas|petit[- ]déjeuner))(?!\w)",
    re.IGNORECASE,
)
_TIMES = r"[0-9]{1,2}(?:\s?(?:à|ou|-)\s?[0-9]{1,2})?"
_DAY = r"(?:lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche)s?"
_A_DAY = r"(?:j(?:our)?|24\s?h(?:eures?)?)(?!\w)"
_MOST = rf"maxi?(?:mum)?\.?\s?:?\s?[0-9]{{1,4}}(?:[.,][0-9]{{1,2}})?\s?(?:mg|g|{_UNIT})\s?(?:/|par)\s?{_A_DAY}"
_FREQUENCY = re.compile(
    rf"(?<!\w)(?:{_MOST}|(?:maxi?(?:mum)?\.?\s)?{_TIMES}\s(?:max(?:imum)?\s)?par\s(?:jour|semaine|mois|24\s?h)|"
    rf"{_COUNT}\s?(?:fois|x)\s?(?:par|/)\s?{_PERIOD}|tou(?:te)?s?\sles\s(?:{_TIMES}\s?)?(?:heures?|h|jours?|j|semaines?|mois)|"
    rf"(?:une\sfois\s)?par\s(?:jour|semaine|mois)|x\s?{_TIMES}\s?(?:par\s|/\s?){_A_DAY}|"
    r"(?:un|[1-6])\sjours?\ssur\s(?:deux|trois|[2-7])|chaque\s(?:jour|semaine|mois)|"
    rf"(?:les?|chaque|tous\sles)\s{_DAY}(?!\s[0-9])(?:(?:,|\set)\s(?:les?\s)?{_DAY})*)(?!\w)|/\s?{_A_DAY}",
    re.IGNORECASE,
)
_FREQUENCIES = 3
_LONG_COUNT = r"([0-9]{1,3}(?:\s?(?:à|ou|-)\s?[0-9]{1,3})?|une?)"
_DURATION = re.compile(
    rf"(?<!\w)(?:pendant|durant|pdt|pour|x)\s?(?:une\sdurée\sde\s)?{_LONG_COUNT}\s?({_PERIOD})(?!\w)", re.IGNORECASE
)
_QSP = re.compile(rf"(?<!\w)q\.?\s?s\.?\s?p\.?\s?:?\s?([0-9]{{1,3}})\s?({_PERIOD})(?!\w)", re.IGNORECASE)
_BARE_LONG = re.compile(rf"(?<![\w.,/-]){_LONG_COUNT}\s?({_PERIOD})(?!\w)(?!\ssur)", re.IGNORECASE)
_ONLY_LONG = re.compile(rf"[\s\-–•*:,]*(?:durée\s?:?\s?)?{_LONG_COUNT}\s?({_PERIOD})[\s.]*", re.IGNORECASE)
_NOT_LONG = re.compile(
    r"(?<!\w)(?:les|sur|dans|sous|de|à|ou|après|avant|depuis|chaque|par|fois|(?:à\s)?renouvel\w*|ar|âge)\s?:?\s*$|[/x]\s*$",
    re.IGNORECASE,
)
_QSP_ITEMS = re.compile(r"(?<!\w)q\.?\s?s\.?\s?p\.?\s?:?\s?[0-9]{1,3}\s[^\W\d_]{2,20}", re.IGNORECASE)
# What is counted alike and is none: the most in a day, all that is given out, a syringe's volume behind its form.
_NO_DOSE = re.compile(rf"(?<!\w){_MOST}|{_QSP_ITEMS.pattern}|\([0-9.,]+\s?ml\)", re.IGNORECASE)
_BOXES = re.compile(r"(?<!\w)([0-9]{1,3}|une|deux|trois)\s?(bo[iî]tes?|flacons?|tubes?|bt)(?!\w)", re.IGNORECASE)
_RENEW = re.compile(
    r"(?<!\w)(?:à\s?renouveler|a\s?renouveler|renouvelable|renouveler|renouvellements?|ar)\s?:?\s?\(?(?:x\s?)?"
    rf"([0-9]{{1,2}}|une|deux|trois|quatre|cinq|six)(?!\w)(?!\s?{_PERIOD}(?!\w))(?:\s?(?:fois|x))?",
    re.IGNORECASE,
)
_NO_RENEW = re.compile(r"(?<!\w)(?:non|ne\spas)\s(?:renouvelable|renouveler)(?!\w)", re.IGNORECASE)
_KEEP = re.compile(r"(?<!\w)(?:non[\s-]substituable|ne\spas\ssubstituer)(?!\w)|(?<!\w)NS(?!\w)", re.IGNORECASE)
_REASON = re.compile(r"(?<!\w)(MTE|EFG|CIF)(?!\w)")
_IF_NEEDED = re.compile(
    r"(?<!\w)(?:si\s(?:besoin|nécessaire|douleurs?|fièvre|crises?|gêne|nausées?|toux|constipation|insomnie|anxiété)|"
    r"en\scas\sde)(?!\w)",
    re.IGNORECASE,
)
_CHANGES = re.compile(
    r"(?<!\w)(?:puis|ensuite|augmenter|diminuer|paliers?|dégressi\w+|décroissante?s?)(?!\w)", re.IGNORECASE
)
_UNFINISHED = re.compile(
    r"(?<!\w)(?:pendant|durant|pdt|pour|q\.?s\.?p\.?|toutes|les|à|renouveler|ar|et|ou|puis|par|fois|matin,|midi,|[0-9]{1,3})$",
    re.IGNORECASE,
)
_NUMBERS = {"un": 1, "une": 1, "deux": 2, "trois": 3, "quatre": 4, "cinq": 5, "six": 6}
_LONG = {"j": "jours", "jour": "jours", "sem": "semaines", "semaine": "semaines", "an": "ans"}
_NAMES = ("matin", "midi", "soir", "coucher")


@dataclass(frozen=True, slots=True)
class Posology:
    """`dose` is several doses as written where they differ; `changes`: they do so in the course of the treatment."""

    dose: str = ""
    moments: tuple[str, ...] = ()
    frequency: str = ""
    intake: str = ""
    duration: str = ""
    quantity: str = ""
    if_needed: bool = False
    renewals: int | None = None
    not_substitutable: bool = False
    reason: str = ""
    changes: bool = False


def read(text: str) -> Posology:
    """What the text says of it; what it does not say is empty."""
    kept = bool(_KEEP.search(text))
    dose, moments = _taken(text)
    return Posology(
        dose=dose,
        moments=moments,
        frequency=_all(_FREQUENCY, text),
        intake=_first(_INTAKE, text),
        duration=_duration(text),
        quantity=_quantity(text),
        if_needed=bool(_IF_NEEDED.search(text)),
        renewals=_renewals(text),
        not_substitutable=kept,
        reason=_first(_REASON, text) if kept else "",
        changes=bool(_CHANGES.search(text)),
    )


def speaks_of_it(line: str) -> bool:
    """Whether a line goes on about the medicine above it."""
    signs: tuple[Callable[[str], object], ...] = (
        *(
            pattern.search
            for pattern in (_DOSE, _SCHEME, _FREQUENCY, _DURATION, _QSP, _QSP_ITEMS, _BOXES, _RENEW, _NO_RENEW)
        ),
        *(pattern.search for pattern in (_KEEP, _IF_NEEDED, _EACH_MEAL, _INTAKE)),
        *(pattern.search for _name, pattern in _MOMENTS),
        _ONLY_LONG.fullmatch,
    )
    return any(sign(line) for sign in signs)


def goes_on(line: str) -> bool:
    """Whether the line ends in the middle of its sentence, so that the next one belongs to it."""
    return bool(_UNFINISHED.search(line))


def begins_with_a_dose(text: str) -> bool:
    """Whether how much to take is the first that is said: `1 cp le matin`, `1-0-1`, `2 le soir`, `1 par jour`."""
    bare = text.lstrip(" ,:;.-–")
    return any(found.match(bare) for found in (_SCHEME, _DOSE, _BARE_DOSE, _FREQUENCY)) and bare[:1] != "/"


def _first(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return " ".join(found[0].split()) if found else ""


def _all(pattern: re.Pattern[str], text: str) -> str:
    """The first few of what is said: `par jour, 5 jours sur 7`; the `/j` of `1 cp/j` is in words."""
    said = (" ".join(each[0].split()) for each in pattern.finditer(text))
    found = dict.fromkeys("par jour" if each.startswith("/") else each for each in said)
    return ", ".join(list(found)[:_FREQUENCIES])


def _taken(text: str) -> tuple[str, tuple[str, ...]]:
    """The dose and its moments. Where doses differ, they and their moments stay as written."""
    if scheme := _SCHEME.search(text):
        return _scheme_dose(scheme), _scheme_moments(scheme)
    plain = _NO_DOSE.sub(lambda found: " " * len(found[0]), text)
    doses = _near(_DOSE.finditer(plain)) or list(_BARE_DOSE.finditer(plain))[:1]
    if len({_compared(dose[0]) for dose in doses}) < 2:
        return (" ".join(doses[0][0].split()) if doses else ""), _moments(text)
    start, end = doses[0].start(), doses[-1].end()
    when = _AT_WHEN.match(plain, end)
    said = plain[start : when.end() if when else end]
    return " ".join(said.split()), () if _moments(said) else _moments(text)


def _near(doses: Iterable[re.Match[str]]) -> list[re.Match[str]]:
    """The first dose and those that go on from it, in the same sentence."""
    found: list[re.Match[str]] = []
    for dose in doses:
        if found and not _goes_on_to(dose, found):
            break
        found.append(dose)
    return found


def _goes_on_to(dose: re.Match[str], before: list[re.Match[str]]) -> bool:
    """Behind how long the first is to be taken comes another medicine, or `puis`."""
    between = dose.string[before[-1].end() : dose.start()]
    near = len(between) <= _DOSES_APART and dose.end() - before[0].start() <= _DOSES_SPAN
    ended = _QSP.search(between) or _DURATION.search(between)
    return near and (not ended or bool(_CHANGES.search(between)))


def _compared(dose: str) -> str:
    return "".join(dose.lower().split()).rstrip("s")


def _scheme_moments(scheme: re.Match[str]) -> tuple[str, ...]:
    return tuple(name for name, count in zip(_NAMES, scheme.groups(), strict=True) if count and count != "0")


def _scheme_dose(scheme: re.Match[str]) -> str:
    """`1-0-1` stays as written: the counts may differ from one moment to the next."""
    return "-".join(count for count in scheme.groups() if count)


def _moments(text: str) -> tuple[str, ...]:
    """Those that are named; `à chaque repas` names three."""
    named = tuple(name for name, pattern in _MOMENTS if pattern.search(text))
    return _NAMES[:3] if not named and _EACH_MEAL.search(text) else named


def _duration(text: str) -> str:
    found = _DURATION.search(text) or _QSP.search(text) or _bare_duration(text)
    if not found:
        return ""
    count = "1" if found[1].lower() in ("un", "une") else " ".join(found[1].split())
    unit = _LONG.get(found[2].lower(), found[2].lower())
    return f"{count} {unit.removesuffix('s') if count == '1' and unit != 'mois' else unit}"


def _bare_duration(text: str) -> re.Match[str] | None:
    """`1 cp le matin, 3 mois`: nothing says `pendant`, and nothing makes it something else."""
    found = (each for each in _BARE_LONG.finditer(text) if each[1].isdigit() or " " in each[1])
    return next((each for each in found if not _NOT_LONG.search(text[: each.start()])), None)


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
