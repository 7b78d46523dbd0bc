"""A mailbox in the national annuaire, as FHIR Patch tells of it (ANS API-MSS: a draft, not open yet).

A mailbox is a `telecom` of its carrier (Practitioner, PractitionerRole, Organization), known by its address; address
and kind never change. Pure: resources and operations are JSON values.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from core.errors import Refused

METADATA = "https://interop.esante.gouv.fr/ig/fhir/annuaire/StructureDefinition/as-ext-mailbox-mss-metadata"
KIND_SYSTEM = "https://mos.esante.gouv.fr/NOS/TRE_R256-TypeMessagerie/FHIR/TRE-R256-TypeMessagerie"
KINDS_OF = {
    "Practitioner": frozenset({"PER", "CAB"}),
    "PractitionerRole": frozenset({"PER"}),
    "Organization": frozenset({"ORG", "APP"}),
}
# The guide's examples write `valueCode`, the published OpenAPI `valueCodeableConcept`: the operator chooses.
Encoding = Literal["code", "concept"]
Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Mailbox:
    """What is told of one mailbox. `rank`: 1 is the preferred one, 0 says nothing."""

    address: str
    kind: str
    red_list: bool = False
    rank: int = 0
    service: str = ""


def read_mailbox(telecom: Json) -> Mailbox | None:
    """A mailbox of a carrier, its kind in either encoding; None for a telephone or a plain address."""
    found = [one for one in telecom.get("extension", ()) if one.get("url") == METADATA]
    if telecom.get("system") != "email" or not found:
        return None
    facts = {one.get("url"): one for one in found[0].get("extension", ())}
    return Mailbox(
        str(telecom.get("value", "")),
        _kind(facts.get("type", {})),
        bool(facts.get("listeRouge", {}).get("valueBoolean")),
        int(telecom.get("rank") or 0),
        str(facts.get("service", {}).get("valueString", "")),
    )


def contact_point(mailbox: Mailbox, encoding: Encoding) -> dict[str, Any]:
    """The `telecom` of a mailbox."""
    facts: list[dict[str, Any]] = [
        {"url": "type", **_kind_value(mailbox.kind, encoding)},
        {"url": "listeRouge", "valueBoolean": mailbox.red_list},
    ]
    if mailbox.service and mailbox.kind in KINDS_OF["Organization"]:
        facts.append({"url": "service", "valueString": mailbox.service})
    rank = {"rank": mailbox.rank} if mailbox.rank else {}
    return {
        "system": "email",
        "value": mailbox.address,
        **rank,
        "extension": [{"url": METADATA, "extension": facts}],
    }


def changes(
    carrier: str, telecoms: Sequence[Json], address: str, wanted: Mailbox | None, encoding: Encoding
) -> dict[str, Any] | None:
    """The `Parameters` that make a carrier hold `wanted` at `address`, or nothing there; None: it is so already.

    Raises Refused: a kind that this carrier never has, or another one than the annuaire holds.
    """
    held = next((box for one in telecoms if (box := read_mailbox(one)) and same_address(box.address, address)), None)
    if wanted is None:
        return _parameters(_delete(carrier, held.address)) if held else None
    if wanted.kind not in KINDS_OF[carrier]:
        raise Refused("ce porteur n'a pas de boîte de ce type", "kind and carrier do not go together")
    if held is None:
        return _parameters(_insert(carrier, contact_point(wanted, encoding)))
    if held.kind != wanted.kind:
        raise Refused("l'annuaire tient cette adresse pour une boîte d'un autre type", "kind cannot change")
    if _told(held) == _told(wanted):
        return None
    return _parameters(_replace(carrier, held.address, contact_point(wanted, encoding)))


def same_address(one: str, other: str) -> bool:
    """Annuaires differ in case."""
    return one.casefold() == other.casefold()


def _told(box: Mailbox) -> tuple[bool, int, str]:
    return box.red_list, box.rank, box.service if box.kind in KINDS_OF["Organization"] else ""


def _kind(fact: Json) -> str:
    """`valueCode`, or the code of a coding whatever its system: R256 and R257 are both seen."""
    if "valueCode" in fact:
        return str(fact["valueCode"])
    codings = fact.get("valueCodeableConcept", {}).get("coding") or [fact.get("valueCoding", {})]
    return next((str(one["code"]) for one in codings if one.get("code")), "")


def _kind_value(kind: str, encoding: Encoding) -> dict[str, Any]:
    if encoding == "code":
        return {"valueCode": kind}
    return {"valueCodeableConcept": {"coding": [{"system": KIND_SYSTEM, "code": kind}]}}


def _parameters(*operations: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "resourceType": "Parameters",
        "parameter": [{"name": "operation", "part": parts} for parts in operations],
    }


def _insert(carrier: str, value: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"name": "type", "valueCode": "insert"},
        {"name": "path", "valueString": f"{carrier}.telecom"},
        {"name": "index", "valueInteger": 0},
        {"name": "value", "valueContactPoint": value},
    ]


def _replace(carrier: str, address: str, value: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"name": "type", "valueCode": "replace"},
        {"name": "path", "valueString": _path(carrier, address)},
        {"name": "value", "valueContactPoint": value},
    ]


def _delete(carrier: str, address: str) -> list[dict[str, Any]]:
    return [{"name": "type", "valueCode": "delete"}, {"name": "path", "valueString": _path(carrier, address)}]


def _path(carrier: str, address: str) -> str:
    """FHIRPath, the address as one of its string literals: nothing in it ends the literal."""
    quoted = address.replace("\\", "\\\\").replace("'", "\\'")
    return f"{carrier}.telecom.where(value = '{quoted}')"
