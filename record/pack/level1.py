"""A CDA R2 level 1 around a PDF that somebody here wrote: header as CI-SIS wants it, body in base64. DOMAIN.md §8.

Strict: what the header has to say and the annuaire does not know is an error that names the field.
"""

import base64
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from lxml import etree

from core.errors import BadInput
from directory.extracts.entry import Entry
from directory.patients import Identity
from record.pack.codes import LOINC, Code
from record.pack.facts import PERSONS, STRUCTURES
from record.unpack.cda_tree import NS, ROOT

AMBULATORY = Code("AMBULATOIRE", "1.2.250.1.213.1.1.4.9", "Ambulatoire")
SECTORS = "1.2.250.1.71.4.2.4"
LETTERS = (  # what a clinician writes here by hand: JDV_J07
    Code("11488-4", LOINC, "CR ou fiche de consultation ou de visite"),
    Code("60591-5", LOINC, "Synthèse médicale"),
    Code("11490-0", LOINC, "Lettre de liaison à la sortie"),
)
_TEMPLATES = ("2.16.840.1.113883.2.8.2.1", "1.2.250.1.213.1.1.1.1", "1.3.6.1.4.1.19376.1.2.20")
_UNKNOWN = {"nullFlavor": "UNK"}

_Element = etree._Element


@dataclass(frozen=True, slots=True)
class Writer:
    """Who writes: a person of the annuaire and their structure, numbers with the digit of their kind."""

    number: str
    family: str
    given: str
    structure: str
    structure_number: str
    sector: str

    @classmethod
    def of(cls, entry: Entry | None) -> "Writer":
        """Raises BadInput: the entry is missing, or does not say who, where, in which sector."""
        needed = {"numéro": "national_id", "nom": "family", "structure": "structure_name", "secteur": "sector"}
        missing = [word for word, name in needed.items() if entry is None or not getattr(entry, name)]
        if entry is None or missing:
            raise BadInput(
                f"votre fiche d'annuaire ne dit pas tout ce qu'un envoi XDM exige ({', '.join(missing)}) : "
                "choisissez « PDF seul »",
                "annuaire entry incomplete for CDA",
            )
        return cls(entry.national_id, entry.family, entry.given, entry.structure_name, entry.structure_id, entry.sector)


def level1(pdf: bytes, patient: Identity, writer: Writer, kind: Code, title: str, at: datetime, number: UUID) -> bytes:
    """The document. `at` is aware; `number` makes its unique id. Raises BadInput: a text that XML cannot hold."""
    root = etree.Element(ROOT, nsmap={None: NS})
    now = at.astimezone(UTC).strftime("%Y%m%d%H%M%S+0000")
    try:
        _head(root, kind, title, now, number)
        _patient(root, patient)
        _people(root, writer, now)
        _event(root, writer, now)
    except ValueError:
        raise BadInput("ce texte contient des caractères interdits", "text that XML cannot hold") from None
    body = _put(_put(root, "component"), "nonXMLBody")
    _put(body, "text", base64.b64encode(pdf).decode(), mediaType="application/pdf", representation="B64")
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def _head(root: _Element, kind: Code, title: str, now: str, number: UUID) -> None:
    _put(root, "realmCode", code="FR")
    _put(root, "typeId", root="2.16.840.1.113883.1.3", extension="POCD_HD000040")
    for template in _TEMPLATES:
        _put(root, "templateId", root=template)
    _put(root, "id", root=f"2.25.{number.int}")
    _code(root, "code", kind)
    _put(root, "title", title)
    _put(root, "effectiveTime", value=now)
    _code(root, "confidentialityCode", Code("N", "2.16.840.1.113883.5.25", "Normal"))
    _put(root, "languageCode", code="fr-FR")
    _put(root, "setId", root=f"2.25.{number.int}")
    _put(root, "versionNumber", value="1")


def _patient(root: _Element, patient: Identity) -> None:
    """The four traits as they were qualified; the birthplace is not known here, and said so."""
    role = _put(_put(root, "recordTarget"), "patientRole")
    _put(role, "id", root=patient.ins.oid, extension=patient.ins.matricule)
    _nowhere(role)
    who = _put(role, "patient")
    name = _put(who, "name")
    _put(name, "given", patient.given, qualifier="BR")
    _put(name, "family", patient.family, qualifier="BR")
    _code(who, "administrativeGenderCode", Code(patient.sex, "2.16.840.1.113883.5.1", patient.sex))
    _put(who, "birthTime", value=patient.birth_date.replace("-", ""))
    _put(_put(_put(_put(who, "birthplace"), "place"), "addr"), "county", **_UNKNOWN)


def _people(root: _Element, writer: Writer, now: str) -> None:
    """Author, keeper, and who answers for it: the same person here."""
    author = _put(root, "author")
    _put(author, "time", value=now)
    assigned = _put(author, "assignedAuthor")
    _person(assigned, writer)
    _structure(_put(assigned, "representedOrganization"), writer)
    keeper = _put(_put(root, "custodian"), "assignedCustodian")
    _structure(_put(keeper, "representedCustodianOrganization"), writer)
    signer = _put(root, "legalAuthenticator")
    _put(signer, "time", value=now)
    _put(signer, "signatureCode", code="S")
    entity = _put(signer, "assignedEntity")
    _person(entity, writer)
    _structure(_put(entity, "representedOrganization"), writer)


def _event(root: _Element, writer: Writer, now: str) -> None:
    event = _put(_put(root, "documentationOf"), "serviceEvent")
    _put(_put(event, "effectiveTime"), "low", value=now[:8])
    entity = _put(_put(event, "performer", typeCode="PRF"), "assignedEntity")
    _person(entity, writer)
    house = _put(entity, "representedOrganization")
    _structure(house, writer)
    _code(house, "standardIndustryClassCode", AMBULATORY)
    meeting = _put(_put(root, "componentOf"), "encompassingEncounter")
    _put(_put(meeting, "effectiveTime"), "low", value=now[:8])
    place = _put(_put(meeting, "location"), "healthCareFacility")
    _code(place, "code", Code(writer.sector, SECTORS, writer.sector))


def _person(node: _Element, writer: Writer) -> None:
    _put(node, "id", root=PERSONS, extension=writer.number)
    _nowhere(node)
    name = _put(_put(node, "assignedPerson"), "name")
    _put(name, "family", writer.family)
    if writer.given:
        _put(name, "given", writer.given)


def _structure(node: _Element, writer: Writer) -> None:
    if writer.structure_number:
        _put(node, "id", root=STRUCTURES, extension=writer.structure_number)
    _put(node, "name", writer.structure)
    _put(node, "telecom", **_UNKNOWN)
    _put(node, "addr", **_UNKNOWN)


def _nowhere(node: _Element) -> None:
    """Addresses that we do not know are said to be unknown."""
    _put(node, "addr", **_UNKNOWN)
    _put(node, "telecom", **_UNKNOWN)


def _code(node: _Element, name: str, code: Code) -> None:
    _put(node, name, code=code.code, codeSystem=code.system, displayName=code.name)


def _put(parent: _Element, name: str, text: str = "", **attributes: str) -> _Element:
    node = etree.SubElement(parent, f"{{{NS}}}{name}", attributes)
    node.text = text or None
    return node
