"""A prescription's text → proposed lines. Pure rules; each line is a proposal that counts for nothing before the
pharmacist has confirmed it.

Numbers and units are never guessed: what may be a misread µg (ug, Ug, ig) is shown as `µg ?`, never as mg. Nothing here
checks a dose or an interaction: that would be another trade, and another law.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace

from record import posology
from record.spelled import in_digits

TEXT_LINES = 400
LINE_CHARACTERS = 300
LINES_PROPOSED = 40
NAME, STRENGTH, FORM, DOSE, DURATION = "name", "strength", "form", "dose", "duration"


@dataclass(frozen=True, slots=True, repr=False)
class Line:
    """One proposed medicine. Absent fields are empty; `to_confirm` names the fields that are doubtful or missing."""

    raw: str
    name: str
    strength: str = ""
    form: str = ""
    dose: str = ""
    moments: tuple[str, ...] = ()  # matin, midi, soir, coucher
    frequency: str = ""
    intake: str = ""  # à jeun, au milieu des repas
    duration: str = ""
    quantity: str = ""
    if_needed: bool = False
    renewals: int | None = None
    not_substitutable: bool = False
    reason: str = ""  # MTE, EFG, CIF
    confidence: float = 0.0  # 0 to 1, a sorting aid, no probability
    to_confirm: tuple[str, ...] = ()
    confirmed: bool = False
    cis: str = ""  # the medicine's code where one alone is meant
    warnings: tuple[str, ...] = ()  # keys of what the reference data says of it
    origin: str = ""  # where the line was read, a key of PROVENANCE


_NUMBER = r"[0-9]{1,3}(?:[ ][0-9]{3})+(?![0-9])|[0-9]{1,6}(?:[.,][0-9]{1,4})?"
_FORMS = (
    "comprimé|cpr?s?|cachet|gélule|gél|capsule|sachet|suppositoire|suppo|ampoule|sirop|solution|suspension|gouttes|"
    "pommade|crème|gel|collyre|spray|patch|dispositif|inhalateur|ovule|injectable|stylo|flacon|pastille|poudre|"
    "lotion|mousse|granulés|lyophilisat|aérosol|bain de bouche|unidose"
)
_SURE = (
    r"mg|g|µg|mcg|microgrammes?|milligrammes?|grammes?|ml|cl|ui|u\.i\.?|mui|m\.u\.i\.?|%|pour\scent|mmol|meq|[kmg]bq|"
    # 100 unités/ml is a strength, and 500 unités before a form; 10 unités alone a dose
    rf"ch|dh|(?:unit[ée]s?(?:\sinternationales)?|m?u)(?=\s?/)|unit[ée]s?(?=\s?,\s?(?:{_FORMS}))|mu(?=\s?[(,])"
)
_MICRO = r"[uil|pj]g"  # what readers of pictures make of µg
_A_TIME = r"doses?|bouffée|inhalation|pulvérisation"
_PER_UNIT = rf"ml|l|litre|h|heures?|goutte|g(?:ramme)?|mg|µg|sachet|comprimé|cm2|cm²|m2|m²|{_A_TIME}"
_IODINE = r"(?:\s(?:(?:d')?i(?:ode)?|(?:anti)?[- ]?a?xa)(?=\s?(?:/|par\s)))?"  # 350 mg d'I/mL, 2 000 UI anti-Xa/0,2 ml
_OF = rf"\s?(?:/|par(?=\s(?:[0-9]{{1,3}}\s)?(?:ml|g|sachet|comprimé|{_A_TIME})(?!\w)))\s?"
_PER = rf"(?:{_OF}(?:(?:{_NUMBER})\s?)?(?:{_PER_UNIT})(?![a-zà-ÿ0-9]))?"
_AMOUNT = rf"(?:{_NUMBER})\s?(?:{_SURE}|{_MICRO})(?![a-zà-ÿ0-9]){_IODINE}{_PER}"
_ONE_UNIT = rf"(?:(?:{_NUMBER})\s?/\s?){{0,2}}"  # 250/50 µg
_STRENGTH = re.compile(
    rf"(?<![\w.,/-]){_ONE_UNIT}{_AMOUNT}(?:\s?[/+]\s?{_AMOUNT}){{0,3}}(?:{_OF}(?:{_PER_UNIT})(?![a-zà-ÿ0-9]))?",
    re.IGNORECASE,
)
_DOUBTFUL_UNIT = re.compile(rf"((?:{_NUMBER})\s?){_MICRO}(?![a-zà-ÿ0-9])", re.IGNORECASE)
# Digits with an O or an l among them before a unit: misread, so not a number at all.
_MISREAD = re.compile(
    rf"(?<![\w])(?=[0-9OolI.,]*[OolI])(?=[OolI]*[0-9])[0-9OolI][0-9OolI.,]{{0,7}}\s?(?:{_SURE})(?!\w)"
)
_DOTTED = re.compile(r"[0-9]\.[0-9]{3}(?![0-9])")  # a thousand to some, a decimal to others
_MICROGRAM = re.compile(r"(?<=[0-9\s])(?:mcg|microgrammes?)(?!\w)", re.IGNORECASE)

_FORM = re.compile(rf"(?<!\w)(?:{_FORMS})s?(?!\w)", re.IGNORECASE)
_LABEL_ENDS = re.compile(rf",(?![0-9])|[:;(]|\s-\s|(?<!\w)(?:{_FORMS})s?(?!\w)", re.IGNORECASE)
_BULLET = re.compile(r"^[\s\-–—•*·►>]*(?:[0-9]{1,2}\s?[.)°/]\s+)?[\s\-–—•*·]*")
_WORD = r"[^\W\d_](?:[\w'’.\-/]{0,60})"
_ASIDE = r"[(\"][^()\"]{1,30}[)\"]"
_NAME = re.compile(rf"^({_WORD}(?:[ ]+(?:{_WORD}|{_ASIDE}|[/+](?=[ ][^\W\d_])|[0-9]{{1,4}}(?=[ ]))){{0,8}})")
# A name and a number of which nobody says what it counts, then how much is taken: `TAHOR 10 : 1 le soir`.
_BARE_NUMBER = re.compile(rf"^({_WORD}(?: {_WORD}){{0,3}}) ({_NUMBER})(?=[\s,:;]|$)")
_ANOTHER = re.compile(r"^(?:[0-9]{1,2}\s?[.)]\s|[-•*►]\s?)?[A-ZÀ-Ý][A-ZÀ-Ý/' -]{4,}")
_LABEL_END = re.compile(rf"\s?,\s?(?:{_FORMS})s?(?!\w)", re.IGNORECASE)
_SHORT_NAME = re.compile(r"[A-Z] [0-9]{2,4}")  # A 313
_NOT_A_NAME = frozenset(
    word
    for line in (
        "prendre pendant appliquer faire si en le la les un une deux trois puis boire instiller injecter matin",
        "midi soir au aux à avec avant après par dose soit ou et poids taille né née nom prénom docteur dr mme",
        "madame monsieur mr m tél tel téléphone rpps adeli finess rue avenue place bd boulevard ordonnance date",
        "patient patiente âge qsp arrêt arrêter continuer augmenter diminuer posologie renouveler renouvelable non",
        "ne pas jour jours semaine mois heure heures fois comprimé comprimés gélule gélules sachet sachets total",
        "quantité remarque cabinet signature inscrire substituer maximum minimum entre tous toutes chaque selon",
        "dès pour sur sous dans clairance créatinine tension imc",
    )
    for word in line.split()
)


def posology_text(line: Line) -> str:
    """How it is taken, as one French text: `1 comprimé, matin et soir, si besoin`."""
    *before, last = line.moments or ("",)
    moments = f"{', '.join(before)} et {last}" if before else last
    parts = (line.dose, moments, line.frequency, line.intake, "si besoin" if line.if_needed else "")
    return ", ".join(part for part in parts if part)


def propose(text: str) -> tuple[Line, ...]:
    """The medicines that the text seems to prescribe, in its order; nothing when it is not a prescription."""
    found: list[Line] = []
    for head, block in _blocks(_clean(text)):
        found.append(_line(head, block))
        if len(found) == LINES_PROPOSED:
            break
    return tuple(found)


def _clean(text: str) -> list[str]:
    """NFKC, one kind of µ and of space, bounded. The Greek letter and the micro sign are one to the eye."""
    plain = unicodedata.normalize("NFKC", text[: TEXT_LINES * LINE_CHARACTERS])
    plain = plain.replace("μ", "µ").replace("\u2044", "/").replace("’", "'")
    lines = (" ".join(line.split())[:LINE_CHARACTERS] for line in plain.splitlines()[:TEXT_LINES])
    return [line for line in lines if line]


@dataclass(frozen=True, slots=True)
class _Head:
    """The beginning of a medicine's block: its name, and the rest of that line. `bare`: a strength without a unit."""

    raw: str
    name: str
    rest: str
    bare: str = ""


def _blocks(lines: list[str]) -> Iterator[tuple[_Head, str]]:
    """A medicine's line with the posology that follows on the same and on the next lines."""
    head: _Head | None = None
    block: list[str] = []
    for line, following in zip(lines, (*lines[1:], ""), strict=False):
        begun = _head(line, following)
        if begun is None:
            if head and _is_another(line):
                yield head, " ".join(block)
                head = None
            elif head and (posology.speaks_of_it(line) or posology.goes_on(block[-1])):
                block.append(in_digits(line))
            continue
        if head:
            yield head, " ".join(block)
        head, block = begun, [begun.rest]
    if head:
        yield head, " ".join(block)


def _is_another(line: str) -> bool:
    """The name of something that is not understood: what follows is not about the medicine above it."""
    strength = _STRENGTH.search(line)
    if strength and _BULLET.sub("", line, count=1)[:1].isupper() and _LABEL_END.match(line, strength.end()):
        return True
    return bool(_ANOTHER.match(line)) and bool(strength or not posology.speaks_of_it(line))


def _head(line: str, following: str) -> _Head | None:
    """A name, then a strength or a form; or a bare number, when a dose comes next."""
    bare = in_digits(_BULLET.sub("", line, count=1))
    return _bare_head(line, bare, following) or _named_head(line, bare)


def _bare_head(line: str, bare: str, following: str) -> _Head | None:
    found = _BARE_NUMBER.match(bare)
    if found is None or not _is_name(found[1]):
        return None
    rest = bare[found.end() :]
    if not posology.begins_with_a_dose(rest if rest.strip(" ,:;.") else in_digits(following)):
        return None
    return _Head(line, found[1].strip(" ,.:-"), rest, found[2])


def _named_head(line: str, bare: str) -> _Head | None:
    at = [found.start() for pattern in (_STRENGTH, _MISREAD, _FORM) if (found := pattern.search(bare))]
    name = _NAME.match(bare[: min(at)]) if at else None
    if name is None or not _is_name(name[1]) or bare[name.end() : min(at)].strip(" ,:-("):
        return None
    return _Head(line, name[1].strip(" ,.:-"), bare[min(at) :])


def _is_name(text: str) -> bool:
    if _SHORT_NAME.fullmatch(text.strip()):
        return True
    words = text.split()
    first = words[0].strip(".,:'").lower()
    return first not in _NOT_A_NAME and first[:2] not in {"l'", "d'"} and sum(letter.isalpha() for letter in text) >= 3


def _line(head: _Head, block: str) -> Line:
    strength, doubtful = (f"{head.bare} ?", True) if head.bare else _strength(head.rest)
    read = posology.read(_behind_label(block) if strength and not head.bare else block)
    line = Line(
        raw=head.raw,
        name=head.name,
        strength=strength,
        form=_form(head.rest),
        dose=read.dose,
        moments=read.moments,
        frequency=read.frequency,
        intake=read.intake,
        duration=read.duration,
        quantity=read.quantity,
        if_needed=read.if_needed,
        renewals=read.renewals,
        not_substitutable=read.not_substitutable,
        reason=read.reason,
    )
    return _weigh(line, doubtful, changes=read.changes)


def _behind_label(block: str) -> str:
    """Without the strength, and without what else counts before the form or the posology begins."""
    found = _STRENGTH.search(block)
    if found is None or _MISREAD.match(block):
        return block
    ends = _LABEL_ENDS.search(block, found.end())
    end = ends.start() if ends else found.end()
    return _STRENGTH.sub(lambda each: " " if each.start() < end else each[0], block)


def _strength(rest: str) -> tuple[str, bool]:
    """The strength as it is to be shown, and whether it is doubtful."""
    misread = _MISREAD.search(rest)
    if misread and misread.start() < 60:
        return misread[0] + " ?", True
    found = _STRENGTH.search(rest)
    if found is None:
        return "", False
    shown = _MICROGRAM.sub("µg", " ".join(found[0].split()))
    doubted = _DOUBTFUL_UNIT.sub(lambda match: match[1].rstrip() + " µg ?", shown)
    return doubted, doubted != shown or bool(_DOTTED.search(shown)) or _is_cut(rest[found.end() :])


def _is_cut(after: str) -> bool:
    """Whether more of the strength stands behind it that was not understood: `/mi`, `ADRENALINE 0,005 mg`."""
    before_form = _LABEL_ENDS.split(after, maxsplit=1)[0]
    return bool(re.match(r"\s?[/+]", after)) or bool(_STRENGTH.search(before_form))


def _form(rest: str) -> str:
    """The form when it stands before the posology begins, that is before any number that is not the strength."""
    plain = _STRENGTH.sub(" ", rest, count=1)
    found = _FORM.search(plain)
    return found[0].lower() if found and not re.search(r"[0-9]", plain[: found.start()]) else ""


def _weigh(line: Line, doubtful: bool, *, changes: bool) -> Line:
    """Which fields need an eye, and how sure the whole is. Doses that change are told, and never summed up."""
    missing = [
        (STRENGTH, doubtful or not line.strength, 0.4 if doubtful else 0.25),
        (DOSE, changes or not (line.dose or line.moments or line.frequency), 0.25),
        (DURATION, changes or not (line.duration or line.quantity), 0.1),
        (FORM, not line.form, 0.05),
    ]
    doubts = tuple(field for field, is_missing, _weight in missing if is_missing)
    weight = sum(weight for _field, is_missing, weight in missing if is_missing)
    return replace(line, confidence=round(max(0.1, 0.95 - weight), 2), to_confirm=doubts)
