"""CDA eP-MED (LOINC 57833-6, template 1.2.250.1.213.1.1.1.39): the lines as the prescriber's software wrote them.

Structured values first; where a value is only told in the narrative block, the reference leads there.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

from record.lines import LINE_CHARACTERS, LINES_PROPOSED, Line, propose
from record.unpack.cda_tree import attribute, find, find_all, text
from record.unpack.facts import Unreadable
from record.unpack.xml import Element, local_name, parse

NUMBER_ROOT = "1.2.250.1.215.500.1.1"  # DOMAIN.md §13
CIS_SYSTEM = "1.2.250.1.213.2.3.1"
STEPS, NARRATIVE_IDS = 6, 5000
_ENTRIES = "component/structuredBody/component/section/entry/substanceAdministration"
_MATERIAL = "consumable/manufacturedProduct/manufacturedMaterial"
_UNITS = {"d": "jours", "wk": "semaines", "mo": "mois", "a": "ans", "h": "heures"}
_FORMS = {"1": "", "tablet": "comprimé", "capsule": "gélule", "drop": "goutte", "puff": "bouffée", "spray": "bouffée"}
_REASONS = (("marge", "MTE"), ("pédiatr", "EFG"), ("enfant", "EFG"), ("excipient", "CIF"), ("contre-indication", "CIF"))
_BOX = "30009000"  # EDQM
_DAY = re.compile(r"[0-9]{8}")


@dataclass(frozen=True, slots=True, repr=False)
class Prescription:
    """The lines, and the number under which the Assurance maladie keeps them; empty when there is none."""

    lines: tuple[Line, ...] = ()
    number: str = ""


def read(data: bytes) -> Prescription:
    """Nothing when it is no structured prescription. Never raises on hostile bytes."""
    try:
        root = parse(data)
    except Unreadable:
        return Prescription()
    told = _narrative(root)
    entries = find_all(root, _ENTRIES)[:LINES_PROPOSED]
    lines = tuple(line for entry in entries if (line := _line(entry, told)))
    return Prescription(lines, _number(root))


def _number(root: Element) -> str:
    ids = (attribute(node, "extension") for node in find_all(root, "documentationOf/serviceEvent/id")
           if attribute(node, "root") == NUMBER_ROOT)  # fmt: skip
    return next((number for number in ids if re.fullmatch(r"[0-9A-Z]{10,30}", number)), "")


def _narrative(root: Element) -> dict[str, str]:
    """ID → text, of the narrative blocks."""
    found: dict[str, str] = {}
    for block in find_all(root, "component/structuredBody/component/section/text"):
        for node in block.iter():
            if isinstance(node.tag, str) and (name := node.get("ID")) and len(found) < NARRATIVE_IDS:
                found.setdefault(name, text(node))
    return found


def _line(entry: Element, told: dict[str, str]) -> Line | None:
    material = find(entry, _MATERIAL)
    code = find(material, "code")
    label = text(find(material, "name")) or attribute(code, "displayName") or _referred(code, "originalText", told)
    if not label:
        return None
    steps = [entry, *find_all(entry, "entryRelationship/substanceAdministration")[:STEPS]]
    substitution = _substitution(entry)
    cis = attribute(code, "code") if attribute(code, "codeSystem") == CIS_SYSTEM else ""
    kept = substitution is not None and attribute(substitution, "code") == "N"
    return replace(
        _named(label) if cis else Line(label, label[:LINE_CHARACTERS]),
        raw=label[:LINE_CHARACTERS],
        dose=_joined(_dose(step, told) for step in steps),
        moments=(),
        frequency=_joined(_frequency(step, told) for step in steps),
        duration=_duration(entry),
        quantity=_quantity(entry),
        renewals=_count(attribute(find(entry, "repeatNumber"), "value")),
        not_substitutable=kept,
        reason=_reason(_referred(substitution, "originalText", told)) if kept else "",
        cis=cis,
        confidence=1.0,
        to_confirm=(),
    )


def _named(label: str) -> Line:
    """Name, strength and form out of the label; the label is the name where it has another shape."""
    found = propose(label)
    return found[0] if len(found) == 1 else Line(label, label[:LINE_CHARACTERS])


def _referred(node: Element | None, path: str, told: dict[str, str]) -> str:
    """The narrative text that a node's original text leads to, or that text itself. Some references lack their #."""
    origin = find(node, path)
    reference = attribute(find(origin, "reference"), "value").lstrip("#")
    return told.get(reference, "") if reference else text(origin)


def _dose(step: Element, told: dict[str, str]) -> str:
    """As told; else the value with its unit: `1 cp`, `1 à 2 cp`."""
    quantity = find(step, "doseQuantity")
    bounds = [find(quantity, "low"), find(quantity, "high")] if find(quantity, "low") is not None else [quantity]
    said = [_referred(find(bound, "translation"), "originalText", told) or _value(bound) for bound in bounds]
    return " à ".join(dict.fromkeys(one for one in said if one))


def _value(node: Element | None) -> str:
    unit = attribute(node, "unit").strip("{}")
    return " ".join(part for part in (attribute(node, "value"), _FORMS.get(unit, unit)) if part)


def _frequency(step: Element, told: dict[str, str]) -> str:
    for time in find_all(step, "effectiveTime"):
        for node in time.iter():
            if isinstance(node.tag, str) and local_name(node) == "period":
                said = _referred(find(node, "translation"), "originalText", told)
                unit = _UNITS.get(attribute(node, "unit"), attribute(node, "unit"))
                return said or f"toutes les {attribute(node, 'value')} {unit}"
    return ""


def _duration(entry: Element) -> str:
    """From the bounds of the treatment, or its width."""
    for time in find_all(entry, "effectiveTime"):
        width = find(time, "width")
        if width is not None:
            return f"{attribute(width, 'value')} {_UNITS.get(attribute(width, 'unit'), attribute(width, 'unit'))}"
        days = _days(attribute(find(time, "low"), "value"), attribute(find(time, "high"), "value"))
        if days:
            return f"{days} jours"
    return ""


def _days(low: str, high: str) -> int:
    try:
        first, last = (date.fromisoformat(day[:8]) for day in (low, high) if _DAY.match(day))
    except ValueError:
        return 0
    return max(0, (last - first).days)


def _quantity(entry: Element) -> str:
    amount = find(entry, "entryRelationship/supply/quantity")
    value = attribute(amount, "value")
    if attribute(amount, "unit") == _BOX:
        return f"{value} boîte" if value == "1" else f"{value} boîtes"
    return _value(amount)


def _substitution(entry: Element) -> Element | None:
    """The code of the entry FR-Autorisation-Substitution."""
    for act in find_all(entry, "entryRelationship/act"):
        if any(attribute(one, "root") == "1.2.250.1.213.1.1.3.87" for one in find_all(act, "templateId")):
            return find(act, "code")
    return None


def _reason(said: str) -> str:
    return next((short for word, short in _REASONS if word in said.casefold()), "")


def _count(value: str) -> int | None:
    return int(value) if re.fullmatch(r"[0-9]{1,2}", value) else None


def _joined(parts: Iterable[str]) -> str:
    return ", puis ".join(dict.fromkeys(part for part in parts if part))[:LINE_CHARACTERS]
