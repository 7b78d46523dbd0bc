"""FHIR searches over the annuaire, read: every parameter of the guide, what is none of them refused."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from core.clock import epoch_ms
from core.errors import BadInput

PAGE, LARGEST_PAGE = 50, 1_000
VALUE = 200  # characters of one value
VALUES = 500  # the guide itself asks for a hundred types at once
PARAMETERS = {
    "Practitioner": (
        "_id", "_lastUpdated", "active", "data-information-system", "family", "given", "identifier", "identifier-type",
        "mailbox-mss", "name", "number-smartcard", "qualification-code",
    ),
    "PractitionerRole": (
        "_id", "_lastUpdated", "active", "data-information-system", "data-registration-authority", "identifier",
        "mailbox-mss", "organization", "practitioner", "role",
    ),
    "Organization": (
        "_id", "_lastUpdated", "active", "address", "address-city", "address-postalcode", "data-information-system",
        "identifier", "identifier-type", "mailbox-mss", "name", "partof", "pharmacy-licence", "type",
    ),
}  # fmt: skip
INCLUDES = {"PractitionerRole": ("*", "PractitionerRole:practitioner", "PractitionerRole:organization")}
REVERSE = {"Practitioner": ("PractitionerRole:practitioner",), "Organization": ("PractitionerRole:organization",)}
_DATES = frozenset({"_lastUpdated"})
_REFERENCES = frozenset({"organization", "practitioner", "partof"})
_TOKENS = frozenset(
    ("_id", "active", "data-information-system", "data-registration-authority", "identifier", "identifier-type",
     "qualification-code", "role", "type")
)  # fmt: skip
_MODIFIERS = {"string": ("", "exact", "contains"), "token": ("", "not"), "reference": ("",), "date": ("",)}
_RESULT = frozenset({"_count", "_total", "_include", "_revinclude", "_elements", "_after", "_format"})
_TOTALS = ("none", "estimate", "accurate")
_PREFIXES = ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")


class BadSearch(BadInput):
    """A parameter that is unknown, or a value that is not of its form."""


@dataclass(frozen=True, slots=True)
class Condition:
    """`values`: any of them fits."""

    name: str
    modifier: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """A search: all conditions must hold. `after`: the number of the last card of the page before."""

    type: str
    conditions: tuple[Condition, ...]
    pairs: tuple[tuple[str, str], ...]
    count: int = PAGE
    after: int = -1
    include: frozenset[str] = frozenset()
    reverse: frozenset[str] = frozenset()
    elements: frozenset[str] = frozenset()
    total: str = ""

    @classmethod
    def of(cls, type_: str, pairs: list[tuple[str, str]]) -> "Asked":
        """Raises BadSearch."""
        plain = dict(pairs)
        after = _number(plain["_after"]) if plain.get("_after") else -1
        if plain.get("_total", "none") not in _TOTALS:
            raise BadSearch("_total : none, estimate ou accurate", "unknown total")
        return cls(
            type_,
            tuple(_condition(type_, key, value) for key, value in pairs if key.partition(":")[0] not in _RESULT),
            tuple((key, value) for key, value in pairs if key != "_after"),
            min(_number(plain.get("_count", str(PAGE))), LARGEST_PAGE),
            after,
            _known(pairs, "_include", INCLUDES.get(type_, ("*",))),
            _known(pairs, "_revinclude", REVERSE.get(type_, ())),
            frozenset(plain.get("_elements", "").split(",")) - {""},
            plain.get("_total", ""),
        )

    def one(self, name: str) -> Condition | None:
        """The condition on this parameter by which the answer can be looked up."""
        return next((one for one in self.conditions if one.name == name and one.modifier != "not"), None)


def kind_of(name: str) -> str:
    """string, token, reference or date."""
    if name in _DATES:
        return "date"
    return "token" if name in _TOKENS else "reference" if name in _REFERENCES else "string"


def _condition(type_: str, key: str, value: str) -> Condition:
    name, _, modifier = key.partition(":")
    if name == "name" and modifier in ("family", "given"):  # as the guide of the ANS spells them
        name, modifier = modifier, ""
    if name not in PARAMETERS[type_] or modifier not in _MODIFIERS[kind_of(name)]:
        raise BadSearch("paramètre de recherche inconnu", "unknown search parameter")
    values = tuple(one for one in value.split(",") if one)
    if not values or len(values) > VALUES or max(map(len, values)) > VALUE:
        raise BadSearch("valeur de recherche vide ou trop longue", "search value out of range")
    if kind_of(name) == "date":
        for one in values:
            Moments.of(one)
    return Condition(name, modifier, values)


def _known(pairs: list[tuple[str, str]], name: str, known: tuple[str, ...]) -> frozenset[str]:
    asked = frozenset(value.strip() for key, value in pairs if key == name)
    if not asked <= frozenset(known):
        raise BadSearch(f"{name} inconnu", "unknown include")
    return asked


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise BadSearch("nombre attendu", "not a number")
    return int(text)


@dataclass(frozen=True, slots=True)
class Moments:
    """A date of `_lastUpdated`: all of a year, month, day or second, and how it is compared (FHIR R4 search, date)."""

    prefix: str
    start: int
    end: int

    @classmethod
    def of(cls, text: str) -> "Moments":
        """Raises BadSearch."""
        prefix = text[:2] if text[:2] in _PREFIXES else "eq"
        date = text.removeprefix(prefix)
        try:
            start, end = _span(date)
        except (ValueError, OverflowError):
            raise BadSearch("date attendue : AAAA, AAAA-MM, AAAA-MM-JJ, ou avec l'heure", "not a date") from None
        return cls(prefix, epoch_ms(start), epoch_ms(end))

    def fits(self, moment: int) -> bool:
        """Whether a moment (epoch ms) is as asked."""
        within = self.start <= moment < self.end
        return {
            "ne": not within,
            "gt": moment >= self.end,
            "sa": moment >= self.end,
            "ge": moment >= self.start,
            "lt": moment < self.start,
            "eb": moment < self.start,
            "le": moment < self.end,
        }.get(self.prefix, within)

    @property
    def earliest(self) -> int:
        """No moment before this one fits; 0: any may."""
        return self.start if self.prefix in ("eq", "ap", "gt", "sa", "ge") else 0


def _span(text: str) -> tuple[datetime, datetime]:
    if len(text) == 4:
        return datetime(int(text), 1, 1, tzinfo=UTC), datetime(int(text) + 1, 1, 1, tzinfo=UTC)
    if len(text) == 7:
        start = datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC)
        return start, (start + timedelta(days=31)).replace(day=1)
    start = datetime.fromisoformat(text.replace(" ", "+"))  # a plus sign that was not escaped
    start = start if start.tzinfo else start.replace(tzinfo=UTC)
    return start, start + (timedelta(days=1) if len(text) == 10 else timedelta(seconds=1))
