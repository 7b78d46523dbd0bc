"""Small pieces that every resource uses: times, references, codings, bundles. FHIR R4."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from record.pack.codes import CLASS_NAMES, CLASSES, LOINC, TYPES_A05, VISIBILITY, class_of
from record.pack.facts import utc
from record.pack.fhir import SYSTEMS

Resource = dict[str, Any]
ACT_CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
MASKED = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
_OUTCOMES = {400: "invalid", 401: "login", 403: "forbidden", 404: "not-found", 406: "not-supported", 503: "transient"}


def instant(ms: int) -> str:
    """A table's time as FHIR's `instant`, UTC."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def hl7_time(written: str) -> str:
    """HL7 TS → date or dateTime in UTC; empty where it is no time."""
    exact = utc(written)
    try:
        datetime.strptime(exact[:8], "%Y%m%d")
    except ValueError:
        return ""
    day = f"{exact[:4]}-{exact[4:6]}-{exact[6:8]}"
    return f"{day}T{exact[8:10]}:{exact[10:12]}:{exact[12:14]}Z" if len(exact) == 14 else day


def type_of(code: str, title: str) -> Resource:
    """The type code of a document in its system; a text alone where it has none."""
    if not code:
        return {"text": title or "Document"}
    system = LOINC if "-" in code and code[:1].isdigit() else TYPES_A05
    return {"coding": [{"system": SYSTEMS[system], "code": code}], "text": title or code}


def category_of(type_code: str) -> list[Resource]:
    found = class_of(type_code)
    named = {"system": SYSTEMS[CLASSES], "code": found, "display": CLASS_NAMES.get(found, found)}
    return [{"coding": [named]}] if found else []


def label_of(code: str) -> Resource:
    """A confidentiality or visibility code."""
    system = ACT_CONFIDENTIALITY if code in {"N", "R", "V", "L", "M", "U"} else SYSTEMS[VISIBILITY]
    return {"coding": [{"system": system, "code": code}]}


def own_id(document_id: str) -> Resource:
    """`root^extension` as FHIR writes it."""
    root, _hat, extension = document_id.partition("^")
    if extension:
        return {"system": f"urn:oid:{root}", "value": extension}
    return {"system": "urn:ietf:rfc:3986", "value": f"urn:oid:{root}"}


def searchset(resources: Sequence[Resource], base: str, asked: str, total: int, following: str = "") -> Resource:
    """A page of a search. `asked` and `following` are the addresses of this page and the next, under `base`."""
    links = [{"relation": "self", "url": asked}] + ([{"relation": "next", "url": following}] if following else [])
    entries = [
        {"fullUrl": f"{base}/{each['resourceType']}/{each['id']}", "resource": each, "search": {"mode": "match"}}
        for each in resources
    ]
    found: Resource = {"resourceType": "Bundle", "type": "searchset", "total": total, "link": links}
    return found | ({"entry": entries} if entries else {})


def outcome(status: int, text: str, severity: str = "error") -> Resource:
    """An OperationOutcome for a person."""
    issue = {"severity": severity, "code": _OUTCOMES.get(status, "processing"), "diagnostics": text}
    return {"resourceType": "OperationOutcome", "issue": [issue]}
