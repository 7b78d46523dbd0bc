"""From a CDA's header to the metadata of XDS: one reading for METADATA.XML and for FHIR. IG-CDA, DOMAIN.md §7 and §8.

Strict: what a submission requires and the header does not say is an error that names the field, never the value.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from core.errors import BadInput
from core.ins import OIDS
from record.pack.codes import CLASS_NAMES, CLASSES, FORMATS, PDF_FORMAT, SUFFICIENT_FORMAT, TEXT_FORMAT, Code, class_of
from record.unpack.cda_tree import ROOT, attribute, find, find_all, id_text, text
from record.unpack.facts import Unreadable
from record.unpack.xml import Element, parse

PERSONS, STRUCTURES = "1.2.250.1.71.4.2.1", "1.2.250.1.71.4.2.2"
_TIME = re.compile(r"([0-9]{8})(?:([0-9]{2})([0-9]{2})([0-9]{2})?)?(?:\.[0-9]+)?([+-][0-9]{4})?")


@dataclass(frozen=True, slots=True, repr=False)
class Numbered:
    """A number under the OID of whoever gave it."""

    number: str
    oid: str


@dataclass(frozen=True, slots=True, repr=False)
class Author:
    """A person, or a device where there is no name; institution, role and specialty if known."""

    id: Numbered
    family: str
    given: str
    institution: str = ""
    institution_id: Numbered | None = None
    role: str = ""
    specialty: Code | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Subject:
    """The patient as the header writes them."""

    ins: Numbered
    local: Numbered
    family: str
    given: str
    birth_date: str  # YYYYMMDD
    sex: str


@dataclass(frozen=True, slots=True, repr=False)
class DocumentFacts:
    """The metadata of one CDA document. Times are UTC, YYYYMMDD[hhmmss]."""

    unique_id: str  # root^extension
    type: Code
    kind: Code  # the class
    title: str
    created: str
    confidentiality: tuple[Code, ...]
    language: str
    subject: Subject
    authors: tuple[Author, ...]
    signer: Author
    service_start: str
    service_stop: str
    practice: Code
    facility: Code
    format: Code
    replaces: tuple[str, ...]


def facts_of(cda: bytes, class_code: str = "") -> DocumentFacts:
    """Raises BadInput: no CDA, or a required field is missing. `class_code` is for types whose class we do not know."""
    try:
        root = parse(cda)
    except Unreadable:
        raise BadInput("document illisible", "no readable CDA") from None
    if root.tag != ROOT:
        raise BadInput("ce document n'est pas un CDA", "root is no ClinicalDocument")
    event = find(root, "documentationOf/serviceEvent")
    type_code = _code(find(root, "code"), "typeCode")
    kind = class_code or class_of(type_code.code)
    return DocumentFacts(
        unique_id=_need(id_text(find(root, "id")), "uniqueId"),
        type=type_code,
        kind=Code(_need(kind, "classCode"), CLASSES, CLASS_NAMES.get(kind, kind)),
        title=_need(text(find(root, "title")), "title"),
        created=_need(utc(attribute(find(root, "effectiveTime"), "value")), "creationTime"),
        confidentiality=(_code(find(root, "confidentialityCode"), "confidentialityCode"),),
        language=_need(attribute(find(root, "languageCode"), "code"), "languageCode"),
        subject=_subject(find(root, "recordTarget/patientRole")),
        authors=_authors(root),
        signer=_author(find(root, "legalAuthenticator/assignedEntity"), "legalAuthenticator"),
        service_start=_need(utc(attribute(find(event, "effectiveTime/low"), "value")), "serviceStartTime"),
        service_stop=utc(attribute(find(event, "effectiveTime/high"), "value")),
        practice=_practice(event),
        facility=_code(find(root, "/".join(_FACILITY)), "healthcareFacilityTypeCode"),
        format=_format(root),
        replaces=tuple(_replaced(root)),
    )


_FACILITY = ("componentOf", "encompassingEncounter", "location", "healthCareFacility", "code")


def utc(written: str) -> str:
    """HL7 TS → DTM of XDS, in UTC; empty where it is no time. A date without an hour has no zone."""
    found = _TIME.fullmatch(written)
    if not found:
        return ""
    day, hour, minute, second, zone = found.groups()
    if not hour:
        return str(day)
    try:
        at = datetime.strptime(f"{day}{hour}{minute}{second or '00'}", "%Y%m%d%H%M%S").replace(tzinfo=_zone(zone))
        return at.astimezone(UTC).strftime("%Y%m%d%H%M%S")
    except (ValueError, OverflowError):
        return ""


def _zone(written: str | None) -> timezone:
    if not written:
        return UTC
    sign = -1 if written[0] == "-" else 1
    return timezone(sign * timedelta(hours=int(written[1:3]), minutes=int(written[3:5])))


def _need(value: str, field: str) -> str:
    if not value:
        raise BadInput(f"le document ne dit pas tout ce qu'un envoi exige : {field}", f"missing {field}")
    return value


def _code(node: Element | None, field: str) -> Code:
    code = _need(attribute(node, "code"), field)
    return Code(code, _need(attribute(node, "codeSystem"), field), attribute(node, "displayName") or code)


def _subject(role: Element | None) -> Subject:
    numbers = [_number(node) for node in find_all(role, "id")]
    ins = next((found for found in numbers if found.oid in OIDS and found.number), None)
    if ins is None:
        raise BadInput("le document ne porte pas d'INS", "missing patientId")
    local = next((found for found in numbers if found.oid not in OIDS and found.number), ins)
    return Subject(
        ins,
        local,
        _name(role, "family"),
        _name(role, "given"),
        attribute(find(role, "patient/birthTime"), "value")[:8],
        attribute(find(role, "patient/administrativeGenderCode"), "code"),
    )


def _name(role: Element | None, which: str) -> str:
    """The name at birth where it is marked, else the first."""
    found = find_all(role, f"patient/name/{which}")
    at_birth = [node for node in found if node.get("qualifier") == "BR"]
    return _need(text(next(iter(at_birth or found), None)), f"sourcePatientInfo {which}")


def _number(node: Element | None) -> Numbered:
    return Numbered(attribute(node, "extension"), attribute(node, "root"))


def _authors(root: Element) -> tuple[Author, ...]:
    nodes = find_all(root, "author")
    found = tuple(_author(find(node, "assignedAuthor"), "authorPerson", _role(node)) for node in nodes)
    if not found:
        _need("", "authorPerson")
    return found


def _role(author: Element) -> str:
    return attribute(find(author, "functionCode"), "displayName") or attribute(find(author, "functionCode"), "code")


def _author(node: Element | None, field: str, role: str = "") -> Author:
    number, name = _number(find(node, "id")), find(node, "assignedPerson/name")
    device = text(find(node, "assignedAuthoringDevice/softwareName"))
    house, code = find(node, "representedOrganization"), find(node, "code")
    house_id = _number(find(house, "id"))
    return Author(
        Numbered(_need(number.number, field), number.oid or PERSONS),
        _need(text(find(name, "family")) or device, field),
        text(find(name, "given")),
        text(find(house, "name")),
        house_id if house_id.number else None,
        role,
        _code(code, field) if attribute(code, "code") and attribute(code, "codeSystem") else None,
    )


def _practice(event: Element | None) -> Code:
    path = "performer/assignedEntity/representedOrganization/standardIndustryClassCode"
    return _code(find(event, path), "practiceSettingCode")


def _format(root: Element) -> Code:
    """Level 1 by what it carries; level 3 by its media type alone: the table by model (ASS_A11) is not held here."""
    body = find(root, "component/nonXMLBody/text")
    if body is None:
        return Code(SUFFICIENT_FORMAT, FORMATS, "mimeType Sufficient")
    carried = attribute(body, "mediaType")
    code = {"application/pdf": PDF_FORMAT, "text/plain": TEXT_FORMAT}.get(carried, SUFFICIENT_FORMAT)
    return Code(code, FORMATS, "Document à corps non structuré")


def _replaced(root: Element) -> list[str]:
    related = [node for node in find_all(root, "relatedDocument") if node.get("typeCode") == "RPLC"]
    return [found for node in related if (found := id_text(find(node, "parentDocument/id")))]
