"""The patient summary as an IPS document (HL7 International Patient Summary, FHIR R4): a Bundle of type document.

What is coded is what a pharmacist confirmed; the rest are extracts of documents as narrative, each with its source.
Where nothing is known the section says so (`absent-unknown-uv-ips`): an empty list would say "none".
"""

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from directory.patients import Identity
from record.access import Shown
from record.extracts import LABEL, Extract
from record.fhir import resources
from record.fhir.words import MASKED, Resource, instant
from record.lines import Line, posology_text
from record.order_facts import Order

PROFILE = "http://hl7.org/fhir/uv/ips/StructureDefinition"
ABSENT = "http://hl7.org/fhir/uv/ips/CodeSystem/absent-unknown-uv-ips"
CIS = "urn:oid:1.2.250.1.213.2.3.1"
_CLINICAL = "http://terminology.hl7.org/CodeSystem"
# LOINC section, title, and the codes of documents' sections that go into it.
_SECTIONS = (
    ("48765-2", "Allergies et intolérances", ("48765-2",)),
    ("11450-4", "Problèmes", ("11450-4", "46240-8", "11348-0")),
    ("10160-0", "Médicaments", ("10160-0",)),
    ("11369-6", "Vaccinations", ("11369-6",)),
    ("30954-2", "Résultats", ("30954-2",)),
    ("47519-4", "Actes", ("47519-4",)),
    ("46264-8", "Dispositifs", ("46264-8",)),
    ("18776-5", "Plan de soins", ("18776-5",)),
)
_REQUIRED = frozenset({"48765-2", "11450-4", "10160-0"})
_DOCUMENTS = "55107-7"  # addendum document: the list of what lies in the record


@dataclass(frozen=True, slots=True, repr=False)
class Dispensed:
    """One line that a pharmacist confirmed, and its order."""

    line: Line
    order: Order


@dataclass(frozen=True, slots=True, repr=False)
class Facts:
    """What a summary is made of; `at` in epoch milliseconds."""

    patient_id: int
    identity: Identity
    extracts: tuple[Extract, ...]
    medicines: tuple[Dispensed, ...]
    documents: tuple[Shown, ...]
    at: int
    is_masked: bool = True


def summary(facts: Facts) -> Resource:
    """The document. Ids are made of the patient's and the place of each entry: the same facts, the same ids."""
    patient = _patient(facts)
    medicines = [_medicine(facts, number, each) for number, each in enumerate(facts.medicines)]
    documents = [_document(facts, each) for each in facts.documents if each.meta]
    absent = [] if _said(facts, "48765-2") else [_no_allergy(facts)]
    absent += [] if _said(facts, "11450-4") else [_no_problem(facts)]
    absent += [] if medicines or _said(facts, "10160-0") else [_no_medicine(facts)]
    everything = [patient, *absent, *medicines, *documents]
    sections = [found for each in _SECTIONS if (found := _section(facts, each, [*absent, *medicines]))]
    composition = _composition(facts, [*sections, *_listed(facts, documents)])
    return {
        "resourceType": "Bundle",
        "id": _id(facts, "bundle"),
        "meta": {"profile": [f"{PROFILE}/Bundle-uv-ips"]},
        "identifier": {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{_id(facts, f'bundle {facts.at}')}"},
        "type": "document",
        "timestamp": instant(facts.at),
        "entry": [{"fullUrl": _url(each), "resource": each} for each in (composition, *everything)],
    }


def _composition(facts: Facts, sections: list[Resource]) -> Resource:
    return {
        "resourceType": "Composition",
        "id": _id(facts, "composition"),
        "meta": {"profile": [f"{PROFILE}/Composition-uv-ips"]},
        "text": _narrative(f"<p>{html.escape(LABEL)}</p>"),
        "status": "final",
        "type": {"coding": [{"system": "http://loinc.org", "code": "60591-5", "display": "Patient summary Document"}]},
        "subject": {"reference": f"urn:uuid:{_id(facts, 'patient')}"},
        "date": instant(facts.at),
        "author": [{"display": "Pli, à partir des documents du dossier"}],
        "title": "Synthèse du dossier : extraits sans interprétation",
        "section": sections,
    }


def _section(facts: Facts, kind: tuple[str, str, tuple[str, ...]], coded: list[Resource]) -> Resource | None:
    code, title, sources = kind
    told = [each for each in facts.extracts if each.code in sources]
    entries = [each for each in coded if _belongs(each, code)]
    if not told and not entries and code not in _REQUIRED:
        return None
    found: Resource = {
        "title": title,
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "text": _narrative(_told(told) + _listing(entries)),
    }
    return found | ({"entry": [{"reference": _url(each)} for each in entries]} if entries else {})


def _listed(facts: Facts, documents: list[Resource]) -> list[Resource]:
    if not documents:
        return []
    titles = [each.meta.title or "Document" for each in facts.documents if each.meta]
    items = "".join(f"<li>{html.escape(title)}</li>" for title in titles)
    return [
        {
            "title": "Documents du dossier",
            "code": {"coding": [{"system": "http://loinc.org", "code": _DOCUMENTS}]},
            "text": _narrative(f"<ul>{items}</ul>"),
            "entry": [{"reference": _url(each)} for each in documents],
        }
    ]


def _belongs(resource: Resource, code: str) -> bool:
    kinds = {"48765-2": "AllergyIntolerance", "11450-4": "Condition", "10160-0": "MedicationStatement"}
    return str(resource["resourceType"]) == kinds.get(code)


def _said(facts: Facts, section: str) -> bool:
    sources = next(codes for code, _title, codes in _SECTIONS if code == section)
    return any(each.code in sources for each in facts.extracts)


def _told(extracts: Sequence[Extract]) -> str:
    quoted = (
        f"<blockquote>{html.escape(each.text).replace(chr(10), '<br/>')}{' […]' if each.is_cut else ''}</blockquote>"
        f"<p>Source : {html.escape(each.source or 'document')} (DocumentReference/{each.document_id})</p>"
        for each in extracts
    )
    return "".join(quoted)


def _listing(entries: list[Resource]) -> str:
    words = [_words(each) for each in entries]
    return "<ul>" + "".join(f"<li>{html.escape(word)}</li>" for word in words) + "</ul>" if words else ""


def _words(entry: Resource) -> str:
    if entry["resourceType"] == "MedicationStatement":
        dosage = entry.get("dosage", [{}])[0].get("text", "")
        return " : ".join(part for part in (entry["medicationCodeableConcept"]["text"], dosage) if part)
    return str(entry["code"]["coding"][0]["display"])


def _patient(facts: Facts) -> Resource:
    found = resources.patient(facts.patient_id, facts.identity) | {"id": _id(facts, "patient")}
    if not facts.is_masked:
        ins = facts.identity.ins
        found["identifier"] = [{"use": "official", "system": f"urn:oid:{ins.oid}", "value": ins.matricule}]
    return found


def _document(facts: Facts, shown: Shown) -> Resource:
    """Its patient is inside the bundle; its content stays at the interface."""
    found = resources.document(shown, facts.patient_id)
    subject = {"reference": f"urn:uuid:{_id(facts, 'patient')}"}
    return found | {"id": _id(facts, f"document {shown.row.id}"), "subject": subject}


def _medicine(facts: Facts, number: int, dispensed: Dispensed) -> Resource:
    """What was confirmed at the counter; whether it is still taken is not known."""
    line, order = dispensed.line, dispensed.order
    concept: dict[str, Any] = {"text": " ".join(part for part in (line.name, line.strength, line.form) if part)}
    concept |= {"coding": [{"system": CIS, "code": line.cis}]} if line.cis else {}
    dose = ", ".join(part for part in (posology_text(line), line.duration) if part)
    found: Resource = _entry(facts, "MedicationStatement", f"medicine {number}") | {
        "status": "unknown",
        "medicationCodeableConcept": concept,
        "effectiveDateTime": instant(order.created_at),
        "informationSource": {"display": "Ligne confirmée par la pharmacie"},
    }
    return found | ({"dosage": [{"text": dose}]} if dose else {})


def _no_allergy(facts: Facts) -> Resource:
    status = {"coding": [{"system": f"{_CLINICAL}/allergyintolerance-clinical", "code": "active"}]}
    found = _entry(facts, "AllergyIntolerance", "no allergy", "patient")
    return found | {"clinicalStatus": status, "code": _unknown("no-allergy-info", "No information about allergies")}


def _no_problem(facts: Facts) -> Resource:
    status = {"coding": [{"system": f"{_CLINICAL}/condition-clinical", "code": "active"}]}
    category = [{"coding": [{"system": f"{_CLINICAL}/condition-category", "code": "problem-list-item"}]}]
    found = _entry(facts, "Condition", "no problem") | {"clinicalStatus": status, "category": category}
    return found | {"code": _unknown("no-problem-info", "No information about problems")}


def _no_medicine(facts: Facts) -> Resource:
    concept = _unknown("no-medication-info", "No information about medications")
    hidden = {"extension": [{"url": MASKED, "valueCode": "unknown"}]}
    found = _entry(facts, "MedicationStatement", "no medicine") | {"status": "unknown", "_effectiveDateTime": hidden}
    return found | {"medicationCodeableConcept": concept | {"text": "Aucune information"}}


def _unknown(code: str, display: str) -> Resource:
    return {"coding": [{"system": ABSENT, "code": code, "display": display}]}


def _entry(facts: Facts, kind: str, name: str, subject: str = "subject") -> Resource:
    reference = {"reference": f"urn:uuid:{_id(facts, 'patient')}"}
    return {"resourceType": kind, "id": _id(facts, name), subject: reference}


def _narrative(inside: str) -> Resource:
    whole = inside or "<p>Aucune information dans les documents du dossier.</p>"
    return {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml" lang="fr">{whole}</div>'}


def _id(facts: Facts, name: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"pli:patient:{facts.patient_id}:{name}"))


def _url(resource: Resource) -> str:
    return f"urn:uuid:{resource['id']}"
