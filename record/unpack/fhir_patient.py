"""Whom a FHIR resource speaks of: INS and traits, from a logical reference, an identifier, or the Patient it points at.

FR Core: the birth name is the name of use `official`. A number with a wrong key is read as it stands.
"""

from collections.abc import Callable, Iterator

from core.ins import OIDS
from record.unpack.facts import NO_TRAITS, InsClaim, Traits
from record.unpack.fhir_tree import Node, node, nodes, text, texts
from record.unpack.limits import CDA_CLAIMS

Resolve = Callable[[str, Node], Node]

_OID = "urn:oid:"
_BY_IDENTIFIER = "Patient?identifier="
_SEXES = {"male": "M", "female": "F", "other": "O", "unknown": "U"}


def patient_of(resource: Node, resolve: Resolve) -> tuple[tuple[InsClaim, ...], Traits]:
    """`subject` and `context.sourcePatientInfo`: every number they name, and the first traits found."""
    pointers = (node(resource, "subject"), node(node(resource, "context"), "sourcePatientInfo"))
    patients = [found for pointer in pointers if (found := resolve(reference_of(pointer), resource))]
    claims = [claim for pointer in pointers for claim in _pointed(pointer)]
    claims += [claim for patient in patients for claim in _identifiers(patient)]
    traits = (_traits(patient) for patient in patients)
    return tuple(dict.fromkeys(claims)), next((found for found in traits if found != NO_TRAITS), NO_TRAITS)


def reference_of(pointer: Node) -> str:
    """The literal reference; else the identifier."""
    return text(pointer, "reference") or identifier_text(node(pointer, "identifier"))


def identifier_text(identifier: Node) -> str:
    """As a CDA writes it: `root^extension`, or the root of `urn:oid:root`."""
    system, value = text(identifier, "system"), text(identifier, "value")
    return f"{system.removeprefix(_OID)}^{value}" if system.startswith(_OID) and value else value.removeprefix(_OID)


def _pointed(pointer: Node) -> Iterator[InsClaim]:
    reference = text(pointer, "reference")
    if _BY_IDENTIFIER in reference:
        system, _bar, value = reference.partition(_BY_IDENTIFIER)[2].partition("|")
        yield from _claim(system, value)
    identifier = node(pointer, "identifier")
    yield from _claim(text(identifier, "system"), text(identifier, "value"))


def _identifiers(patient: Node) -> Iterator[InsClaim]:
    for identifier in nodes(patient, "identifier")[:CDA_CLAIMS]:
        yield from _claim(text(identifier, "system"), text(identifier, "value"))


def _claim(system: str, value: str) -> Iterator[InsClaim]:
    oid = system.strip().removeprefix(_OID)
    if oid in OIDS and value.strip():
        yield InsClaim(value.strip(), oid)


def _traits(patient: Node) -> Traits:
    names = nodes(patient, "name")[:CDA_CLAIMS]
    official = next((name for name in names if text(name, "use") == "official"), None)
    others = [name for name in names if name is not official]
    return Traits(
        birth_family=text(official, "family") if official else "",
        other_families=tuple(family for name in others if (family := text(name, "family"))),
        birth_given=" ".join(texts(official, "given")) if official else "",
        other_given=tuple(given for name in others for given in texts(name, "given")),
        birth_date=text(patient, "birthDate").replace("-", ""),
        sex=_SEXES.get(text(patient, "gender"), ""),
    )
