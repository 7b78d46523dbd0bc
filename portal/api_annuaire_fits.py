"""Whether a card, or one activity of a person, is what a FHIR search asks for: one test a parameter."""

from collections.abc import Callable, Iterable

from directory.edition.card import PERSON, Card
from directory.words import folded
from portal import api_annuaire_resources as made
from portal.api_annuaire_asked import BadSearch, Condition, Moments
from portal.api_annuaire_resources import Facts, Role

# Identifier system: how keys begin that are of it.
KEYS = {
    made.IDNPS: "",
    made.RPPS_SYSTEM: "8",
    made.IDNST: "",
    made.FINESS_SYSTEM: "1",
    made.SIRET_SYSTEM: "3",
}
_PEOPLES = frozenset({made.IDNPS, made.RPPS_SYSTEM})
_TYPES = {"IDNPS": (PERSON, ""), "RPPS": (PERSON, "8"), "IDNST": ("S", ""), "FINEG": ("S", "1"), "SIRET": ("S", "3")}
_OF_ROLES = frozenset(("role", "organization", "data-registration-authority", "_id", "identifier", "mailbox-mss"))


def keys_of(value: str) -> list[str]:
    """Keys of cards for `system|value`, `value`, or `Type/id`; none for `system|`. Raises BadSearch on another
    system."""
    system, bar, number = value.rpartition("|")
    number = number.rpartition("/")[2].partition(".")[0]
    if not bar or not system:
        return [number, *(prefix + number for prefix in ("8", "1", "3"))]
    if system not in KEYS:
        raise BadSearch("système d'identification inconnu", "unknown identifier system")
    return [KEYS[system] + number] if number else []


def fits(facts: Facts, asked: Condition, type_: str) -> bool:
    """A card of the type that is searched. What is asked of roles is looked at role by role."""
    if type_ == "PractitionerRole" and asked.name in _OF_ROLES:
        return True
    found = any(_TESTS[asked.name](facts, value, asked.modifier) for value in asked.values)
    return found != (asked.modifier == "not")


def role_fits(card: Card, role: Role, asked: Condition) -> bool:
    if asked.name not in _OF_ROLES:
        return True
    found = any(_ROLE_TESTS[asked.name](card, role, value, asked.modifier) for value in asked.values)
    return found != (asked.modifier == "not")


def _text(field: Callable[[Card], Iterable[str]]) -> Callable[[Facts, str, str], bool]:
    return lambda facts, value, modifier: _holds(field(facts.card), value, modifier)


def _holds(texts: Iterable[str], value: str, modifier: str) -> bool:
    """String parameters: without accents and case, from the beginning of a word on; :exact and :contains besides."""
    if modifier == "exact":
        return value in texts
    wanted = folded(value)
    for text in map(folded, texts):
        if modifier == "contains" and wanted in text:
            return True
        if text.startswith(wanted) or f" {wanted}" in text:
            return True
    return False


def _name(facts: Facts, value: str, modifier: str) -> bool:
    """A whole name, title included; its words may stand in any order."""
    card = facts.card
    if modifier:
        return _holds((card.name, card.family), value, modifier)
    return all(_holds((f"{card.title} {card.name}",), word, "") for word in value.split())


def _address(addresses: Iterable[str], value: str, modifier: str) -> bool:
    wanted = value.lower()
    if modifier == "contains":
        return any(wanted in address for address in addresses)
    if modifier == "exact":
        return wanted in addresses
    return any(address.startswith(wanted) for address in addresses)


def _code(codings: Iterable[tuple[str, str]], value: str) -> bool:
    """`code`, `system|code`, or `system|`."""
    system, bar, code = value.rpartition("|")
    return any(code in ("", own) and (not bar or system in ("", of)) for of, own in codings)


def _identifier(facts: Facts, value: str, _: str) -> bool:
    system, bar, number = value.rpartition("|")
    if bar and system and not number:
        is_person = facts.card.type == PERSON
        return (system in _PEOPLES) == is_person and facts.card.key.startswith(KEYS.get(system, "?"))
    return facts.card.key in keys_of(value)


def _identifier_type(facts: Facts, value: str, _: str) -> bool:
    type_, start = _TYPES.get(value.rpartition("|")[2], ("?", ""))
    return facts.card.type == type_ and facts.card.key.startswith(start)


def _shown(card: Card) -> list[str]:
    return [box.address for box in card.boxes if not box.red_list]


def _nobody(*_: object) -> bool:
    """What the open data does not hold."""
    return False


_TESTS: dict[str, Callable[[Facts, str, str], bool]] = {
    "_id": lambda facts, value, _: facts.card.key == value,
    "_lastUpdated": lambda facts, value, _: Moments.of(value).fits(facts.changed),
    "active": lambda _facts, value, _: value.rpartition("|")[2] == "true",
    "address": _text(lambda card: (f"{place.street} {place.text}" for place in card.places)),
    "address-city": _text(lambda card: (place.city for place in card.places)),
    "address-postalcode": _text(lambda card: (place.postcode for place in card.places)),
    "data-information-system": lambda facts, value, _: value.rpartition("|")[2].upper() in made.systems_of(facts.card),
    "family": _text(lambda card: (card.family,)),
    "given": _text(lambda card: (card.given,)),
    "identifier": _identifier,
    "identifier-type": _identifier_type,
    "mailbox-mss": lambda facts, value, modifier: _address(_shown(facts.card), value, modifier),
    "name": _name,
    "number-smartcard": _nobody,
    "partof": _nobody,
    "pharmacy-licence": _nobody,
    "practitioner": lambda facts, value, _: facts.card.key in keys_of(value),
    "qualification-code": lambda facts, value, _: _code(made.qualification_codes(facts), value),
    "type": lambda facts, value, _: _code(made.organization_codes(facts), value),
}
_ROLE_TESTS: dict[str, Callable[[Card, Role, str, str], bool]] = {
    "_id": lambda _card, role, value, _: role.id == value,
    "data-registration-authority": lambda _card, role, value, _: (
        folded(value.rpartition("|")[2]) == folded(role.activity.authority)
    ),
    "identifier": lambda card, role, value, _: (
        card.key in keys_of(value) and (value.rpartition("|")[2].partition(".")[1] == "" or value.endswith(role.id))
    ),
    "mailbox-mss": lambda card, role, value, modifier: _address(
        [box.address for box in made.boxes_there(card, role.activity)], value, modifier
    ),
    "organization": lambda _card, role, value, _: role.activity.structure_id in keys_of(value),
    "role": lambda _card, role, value, _: _code(made.role_codes(role.activity), value),
}
