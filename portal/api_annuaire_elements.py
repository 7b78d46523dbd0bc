"""`_elements`: of each resource that fits only the elements asked for, said so by a tag (FHIR R4 search, _elements)."""

from typing import Any

ALWAYS = frozenset({"resourceType", "id", "meta", "identifier", "active"})
SUBSETTED = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
    "code": "SUBSETTED",
    "display": "Resource encoded in summary mode",
}


def narrowed(bundle: dict[str, Any], elements: frozenset[str]) -> dict[str, Any]:
    """The same bundle; what a role must say of whom it is stays, too. Without elements nothing is left out."""
    for entry in bundle.get("entry", ()) if elements else ():
        if entry["search"]["mode"] == "match":
            entry["resource"] = _kept(entry["resource"], elements | ALWAYS)
    return bundle


def _kept(resource: dict[str, Any], names: frozenset[str]) -> dict[str, Any]:
    kept = {name: value for name, value in resource.items() if name in names or name == "practitioner"}
    return kept | {"meta": resource.get("meta", {}) | {"tag": [SUBSETTED]}}
