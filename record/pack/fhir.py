"""FHIR R4 out: a DocumentReference with its content inside (ITI-105), a submission bundle (ITI-65).

Shapes: PDSm 3.1 and the DMP's interface 2.10; subject by identifier, author contained, SHA-1 of the bytes in base64.
"""

import base64
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from core.errors import BadInput
from core.ins import Ins
from record.pack.codes import CLASSES, FORMATS, LOINC, TYPES_A05, VISIBILITY, Code
from record.pack.facts import Author, DocumentFacts, Numbered

Resource = dict[str, Any]

SIMPLIFIED = "https://interop.esante.gouv.fr/ig/fhir/pdsm/StructureDefinition/pdsm-simplified-publish"
COMPREHENSIVE = "https://interop.esante.gouv.fr/ig/fhir/pdsm/StructureDefinition/pdsm-comprehensive-document-reference"
BUNDLE = "https://interop.esante.gouv.fr/ig/fhir/pdsm/StructureDefinition/pdsm-comprehensive-provide-document-bundle"
SET = "https://interop.esante.gouv.fr/ig/fhir/pdsm/StructureDefinition/pdsm-submissionset-comprehensive"

_NOS = "https://mos.esante.gouv.fr/NOS"
_MHD = "https://profiles.ihe.net/ITI/MHD"
SYSTEMS = {
    LOINC: "http://loinc.org",
    CLASSES: f"{_NOS}/TRE_A03-ClasseDocument/FHIR/TRE-A03-ClasseDocument",
    TYPES_A05: f"{_NOS}/TRE_A05-TypeDocComplementaire/FHIR/TRE-A05-TypeDocComplementaire",
    VISIBILITY: f"{_NOS}/TRE_A07-StatusVisibiliteDocument/FHIR/TRE-A07-StatusVisibiliteDocument",
    FORMATS: "http://ihe.net/fhir/ihe.formatcode.fhir/CodeSystem/formatcode",
    "2.16.840.1.113883.5.25": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality",
}
_URI = "urn:ietf:rfc:3986"
_AUTHOR, _PATIENT = "author", "patient-source"
_SEXES = {"M": "male", "F": "female"}


@dataclass(frozen=True, slots=True, repr=False)
class Filed:
    """One document to be filed. `replaces` is the id, at the receiver's, of the DocumentReference that it replaces."""

    facts: DocumentFacts
    content: bytes
    media_type: str = "application/xml"
    visibility: tuple[Code, ...] = ()
    replaces: str = ""


def publish(filed: Filed) -> Resource:
    """ITI-105: one DocumentReference, its content inline."""
    encoded = base64.b64encode(filed.content).decode()
    return _reference(filed, SIMPLIFIED, {"data": encoded})


def submit(documents: tuple[Filed, ...], source_oid: str, at: datetime) -> Resource:
    """ITI-65: the submission set, and for each document its reference and its Binary; a PATCH where one is replaced.

    `at` is aware. Raises BadInput: nothing to submit, or documents of several patients.
    """
    if not documents:
        raise BadInput("rien à transmettre", "no document")
    if len({filed.facts.subject.ins.number for filed in documents}) > 1:
        raise BadInput("un envoi ne concerne qu'un patient", "documents of several patients")
    entries: list[Resource] = []
    members: list[Resource] = []
    for filed in documents:
        binary, key = f"urn:uuid:{uuid4()}", f"urn:uuid:{uuid4()}"
        members.append({"item": {"reference": key}})
        entries.append(_entry(key, "POST", "DocumentReference", _reference(filed, COMPREHENSIVE, {"url": binary})))
        if filed.replaces:
            patched = f"DocumentReference/{filed.replaces}"
            entries.append(_entry(f"urn:uuid:{uuid4()}", "PATCH", patched, _superseded()))
        entries.append(_entry(binary, "POST", "Binary", _binary(filed)))
    listed = _entry(f"urn:uuid:{uuid4()}", "POST", "List", _set(documents[0].facts, source_oid, at, members))
    return {
        "resourceType": "Bundle",
        "meta": {"profile": [BUNDLE]},
        "type": "transaction",
        "entry": [listed, *entries],
    }


def subject_of(ins: Ins) -> Resource:
    """The patient by identifier alone: no name travels in a reference."""
    return _subject(Numbered(ins.matricule, ins.oid))


def _reference(filed: Filed, profile: str, where: Resource) -> Resource:
    facts = filed.facts
    found: Resource = {
        "resourceType": "DocumentReference",
        "meta": {"profile": [profile]},
        "contained": [_patient(facts), *_authors(facts)],
        "masterIdentifier": _identifier(facts.unique_id),
        "status": "current",
        "type": _concept(facts.type),
        "category": [_concept(facts.kind)],
        "subject": _subject(facts.subject.ins),
        "date": _time(facts.created),
        "author": [{"reference": f"#{_AUTHOR}-{number}"} for number in range(1, len(facts.authors) + 1)],
        "authenticator": {"reference": f"#{_AUTHOR}-0"},
        "relatesTo": _replaced(facts),
        "securityLabel": [_concept(code) for code in (*facts.confidentiality, *filed.visibility)],
        "content": [{"attachment": _attachment(filed, where), "format": _coding(facts.format)}],
        "context": _context(facts),
    }
    return {name: value for name, value in found.items() if value}


def _attachment(filed: Filed, where: Resource) -> Resource:
    return {
        "contentType": filed.media_type,
        "language": filed.facts.language,
        **where,
        "size": len(filed.content),
        "hash": base64.b64encode(hashlib.sha1(filed.content, usedforsecurity=False).digest()).decode(),
        "title": filed.facts.title,
        "creation": _time(filed.facts.created),
    }


def _context(facts: DocumentFacts) -> Resource:
    period = {"start": _time(facts.service_start), "end": _time(facts.service_stop)}
    return {
        "period": {name: value for name, value in period.items() if value},
        "facilityType": _concept(facts.facility),
        "practiceSetting": _concept(facts.practice),
        "sourcePatientInfo": {"reference": f"#{_PATIENT}"},
    }


def _patient(facts: DocumentFacts) -> Resource:
    subject = facts.subject
    found: Resource = {
        "resourceType": "Patient",
        "id": _PATIENT,
        "identifier": [{"system": f"urn:oid:{n.oid}", "value": n.number} for n in {subject.ins: 0, subject.local: 0}],
        "name": [{"use": "official", "family": subject.family, "given": subject.given.split()}],
        "gender": _SEXES.get(subject.sex, "unknown"),
    }
    day = _time(subject.birth_date)
    return found | ({"birthDate": day} if day else {})


def _authors(facts: DocumentFacts) -> list[Resource]:
    """The signer is number 0, the authors follow."""
    return [_author(author, number) for number, author in enumerate((facts.signer, *facts.authors))]


def _author(author: Author, number: int) -> Resource:
    name = {"family": author.family} | ({"given": author.given.split()} if author.given else {})
    return {
        "resourceType": "Practitioner",
        "id": f"{_AUTHOR}-{number}",
        "identifier": [{"system": f"urn:oid:{author.id.oid}", "value": author.id.number}],
        "name": [name],
    }


def _set(facts: DocumentFacts, source_oid: str, at: datetime, members: list[Resource]) -> Resource:
    kind, source = f"{_MHD}/StructureDefinition/ihe-designationType", f"{_MHD}/StructureDefinition/ihe-sourceId"
    listed = {"system": f"{_MHD}/CodeSystem/MHDlistTypes", "code": "submissionset"}
    return {
        "resourceType": "List",
        "meta": {"profile": [SET]},
        "contained": [_patient(facts), *_authors(facts)],
        "identifier": [{"use": "usual", "system": _URI, "value": f"urn:oid:2.25.{uuid4().int}"}],
        "extension": [
            {"url": kind, "valueCodeableConcept": _concept(facts.kind)},
            {"url": source, "valueIdentifier": {"system": _URI, "value": f"urn:oid:{source_oid}"}},
            {
                "url": f"{_MHD}/StructureDefinition/ihe-sourcePatientId",
                "valueReference": {"reference": f"#{_PATIENT}"},
            },
        ],
        "status": "current",
        "mode": "working",
        "code": {"coding": [listed]},
        "subject": _subject(facts.subject.ins),
        "date": at.astimezone(UTC).isoformat(timespec="seconds"),
        "source": {"reference": f"#{_AUTHOR}-1"},
        "entry": members,
    }


def _binary(filed: Filed) -> Resource:
    data = base64.b64encode(filed.content).decode()
    return {"resourceType": "Binary", "contentType": filed.media_type, "data": data}


def _superseded() -> Resource:
    """FHIR Patch: the earlier document's status. FHIR R4 §3.1.0.6"""
    parts = [("type", "valueCode", "replace"), ("path", "valueString", "DocumentReference.status")]
    parts.append(("value", "valueCode", "superseded"))
    listed = [{"name": name, kind: value} for name, kind, value in parts]
    return {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": listed}]}


def _entry(key: str, method: str, url: str, resource: Resource) -> Resource:
    return {"fullUrl": key, "resource": resource, "request": {"method": method, "url": url}}


def _replaced(facts: DocumentFacts) -> list[Resource]:
    return [{"code": "replaces", "target": {"identifier": _identifier(id_)}} for id_ in facts.replaces]


def _identifier(unique_id: str) -> Resource:
    """`root` as a URI; `root^extension` as a number in the system of its root."""
    root, _hat, extension = unique_id.partition("^")
    if extension:
        return {"system": f"urn:oid:{root}", "value": extension}
    return {"system": _URI, "value": f"urn:oid:{root}"}


def _subject(number: Numbered) -> Resource:
    return {"reference": f"Patient?identifier=urn:oid:{number.oid}|{number.number}"}


def _concept(code: Code) -> Resource:
    return {"coding": [_coding(code)]}


def _coding(code: Code) -> Resource:
    return {"system": SYSTEMS.get(code.system, f"urn:oid:{code.system}"), "code": code.code, "display": code.name}


def _time(written: str) -> str:
    """DTM of XDS, which is UTC → dateTime of FHIR, as exact as it is."""
    day = "-".join(part for part in (written[:4], written[4:6], written[6:8]) if part)
    return f"{day}T{written[8:10]}:{written[10:12]}:{written[12:14]}+00:00" if len(written) == 14 else day
