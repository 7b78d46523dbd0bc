"""METADATA.XML of one submission set, written strictly. IHE ITI TF-3 §4.2, ebRIM 3.0; schemes: DOMAIN.md §7."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from lxml import etree

from record.pack.codes import Code
from record.pack.facts import PERSONS, STRUCTURES, Author, DocumentFacts, Numbered, Subject

RIM, LCM = "urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0", "urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0"
_SET, _DOCUMENT = "a54d6aa5-d40d-43f9-88c5-b4633d873bdd", "7edca82f-054d-47f2-a032-9b2a5b5186c1"
_SET_AUTHOR, _CONTENT_TYPE = "a7058bb9-b4e4-4307-ba5b-e3f0ab85e12d", "aa543740-bdda-424e-8c96-df4873be8500"
_SET_IDS = {
    "patientId": "6b5aea1a-874d-4603-a4bc-96a0a7b38446",
    "sourceId": "554ac39e-e3fe-47fe-b233-965d2a147832",
    "uniqueId": "96fdda7c-d067-4183-912e-bf5ee74998a8",
}
_AUTHOR = "93606bcf-9494-43ec-9b4e-a7748d1a838d"
_CODES = {
    "kind": "41a5887f-8865-4c09-adf7-e362475b143a",
    "type": "f0306f51-975f-434e-a61c-c59651d33983",
    "format": "a09d5840-386c-46f2-b5ad-9c3699a4309d",
    "facility": "f33fb8ac-18af-42cc-ae0e-ed0b0bdb91e1",
    "practice": "cccf5598-8b07-4b77-a05e-ae952c785ead",
}
_CONFIDENTIALITY = "f4f85eac-e6cb-4883-b524-f2705394840f"
_IDS = {
    "patientId": "58a6f841-87b3-4a3e-92fd-a8ffeff98427",
    "uniqueId": "2e82c1f6-a085-4c72-9da3-8640a32e42ab",
}
_TRANSFORMED = "urn:ihe:iti:2007:AssociationType:XFRM"
_MEMBER = "urn:oasis:names:tc:ebxml-regrep:AssociationType:HasMember"
_PACKAGE = "urn:oasis:names:tc:ebxml-regrep:ObjectType:RegistryObject:RegistryPackage"
_APPROVED = "urn:oasis:names:tc:ebxml-regrep:StatusType:Approved"

_Element = etree._Element


@dataclass(frozen=True, slots=True, repr=False)
class File:
    """One file of the set: its name in the set's folder, its bytes, and what is known of it.

    `transforms` is the entry of the document that this file shows in another form. `action` is empty, C (it replaces
    the document that its CDA names) or D (it is to be removed where it was filed): DOMAIN.md §7.
    """

    name: str
    media_type: str
    content: bytes
    facts: DocumentFacts
    entry: UUID
    unique_id: str
    confidentiality: tuple[Code, ...]
    transforms: UUID | None = None
    action: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Submission:
    """What is said of the set as a whole."""

    entry: UUID
    unique_id: str
    source_id: str
    content_type: Code
    at: datetime
    author: Author
    subject: Subject
    title: str = ""


def metadata(submission: Submission, files: Iterable[File]) -> bytes:
    """The document, UTF-8 with its declaration."""
    root = etree.Element(f"{{{LCM}}}SubmitObjectsRequest", nsmap={"lcm": LCM, "rim": RIM})
    objects = _sub(root, "RegistryObjectList")
    listed = list(files)
    for file in listed:
        _document(objects, file)
    _package(objects, submission)
    marked = f"urn:uuid:{submission.entry}"
    _sub(objects, "Classification", id=_id(), classifiedObject=marked, classificationNode=f"urn:uuid:{_SET}")
    for file in listed:
        _associations(objects, submission, file)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)


def cx(number: Numbered, kind: str) -> str:
    """HL7 CX: a patient's number."""
    return f"{_safe(number.number)}^^^&{number.oid}&ISO^{kind}"


def xcn(author: Author) -> str:
    """HL7 XCN: a person, or a device where there is no given name."""
    kind, code = ("D", "IDNPS") if author.given or author.id.oid == PERSONS else ("U", "EI")
    name = f"{_safe(author.family)}^{_safe(author.given)}"
    return f"{_safe(author.id.number)}^{name}^^^^^^&{author.id.oid}&ISO^{kind}^^^{code}"


def xon(author: Author) -> str:
    """HL7 XON: the structure; empty where its name is not known."""
    if not author.institution:
        return ""
    number = author.institution_id
    if number is None:
        return _safe(author.institution)
    return f"{_safe(author.institution)}^^^^^&{number.oid or STRUCTURES}&ISO^IDNST^^^{_safe(number.number)}"


def _safe(text: str) -> str:
    """HL7's separators have no place inside a component."""
    return "".join(" " if letter in "^&~|\\" else letter for letter in text)


def _document(objects: _Element, file: File) -> None:
    facts, key = file.facts, f"urn:uuid:{file.entry}"
    node = _sub(objects, "ExtrinsicObject", id=key, mimeType=file.media_type, objectType=f"urn:uuid:{_DOCUMENT}")
    node.set("status", _APPROVED)
    for name, values in _document_slots(file).items():
        _slot(node, name, values)
    if file.action:
        _slot(node, "action", (file.action,))
    _name(node, facts.title)
    for author in facts.authors:
        _author(node, key, _AUTHOR, author)
    for field, scheme in _CODES.items():
        _classified(node, key, scheme, getattr(facts, field))
    for code in file.confidentiality:
        _classified(node, key, _CONFIDENTIALITY, code)
    _identifier(node, key, _IDS["patientId"], cx(facts.subject.ins, "NH"), "XDSDocumentEntry.patientId")
    _identifier(node, key, _IDS["uniqueId"], file.unique_id, "XDSDocumentEntry.uniqueId")


def _document_slots(file: File) -> dict[str, tuple[str, ...]]:
    facts, subject = file.facts, file.facts.subject
    source = "PI" if subject.local != subject.ins else "NH"
    return {
        "creationTime": (facts.created,),
        "hash": (hashlib.sha1(file.content, usedforsecurity=False).hexdigest(),),
        "languageCode": (facts.language,),
        "legalAuthenticator": (xcn(facts.signer),),
        "serviceStartTime": (facts.service_start,),
        "serviceStopTime": (facts.service_stop,),
        "size": (str(len(file.content)),),
        "sourcePatientId": (cx(subject.local, source),),
        "sourcePatientInfo": (
            f"PID-5|{_safe(subject.family)}^{_safe(subject.given)}^^^^^L",
            f"PID-7|{subject.birth_date}",
            f"PID-8|{subject.sex}",
        ),
        "URI": (file.name,),
    }


def _package(objects: _Element, submission: Submission) -> None:
    key = f"urn:uuid:{submission.entry}"
    node = _sub(objects, "RegistryPackage", id=key, objectType=_PACKAGE, status=_APPROVED)
    _slot(node, "submissionTime", (submission.at.strftime("%Y%m%d%H%M%S"),))
    if submission.title:
        _name(node, submission.title)
    _author(node, key, _SET_AUTHOR, submission.author)
    _classified(node, key, _CONTENT_TYPE, submission.content_type)
    values = {
        "patientId": cx(submission.subject.ins, "NH"),
        "sourceId": submission.source_id,
        "uniqueId": submission.unique_id,
    }
    for field, value in values.items():
        _identifier(node, key, _SET_IDS[field], value, f"XDSSubmissionSet.{field}")


def _associations(objects: _Element, submission: Submission, file: File) -> None:
    key = f"urn:uuid:{file.entry}"
    member = _association(objects, _MEMBER, f"urn:uuid:{submission.entry}", key)
    _slot(member, "SubmissionSetStatus", ("Original",))
    if file.transforms:
        _association(objects, _TRANSFORMED, key, f"urn:uuid:{file.transforms}")


def _association(objects: _Element, kind: str, source: str, target: str) -> _Element:
    ends = {"sourceObject": source, "targetObject": target}
    return _sub(objects, "Association", id=_id(), associationType=kind, **ends)


def _sub(parent: _Element, tag: str, **attributes: str) -> _Element:
    return etree.SubElement(parent, f"{{{RIM}}}{tag}", attributes)


def _slot(parent: _Element, name: str, values: tuple[str, ...]) -> None:
    """Nothing where there is no value: an empty slot says something else than no slot."""
    if not any(values):
        return
    listed = _sub(_sub(parent, "Slot", name=name), "ValueList")
    for value in values:
        _sub(listed, "Value").text = value


def _name(parent: _Element, text: str) -> None:
    language = {"{http://www.w3.org/XML/1998/namespace}lang": "fr-FR", "charset": "UTF-8", "value": text}
    _sub(_sub(parent, "Name"), "LocalizedString", **language)


def _classified(parent: _Element, key: str, scheme: str, code: Code) -> None:
    node = _sub(parent, "Classification", id=_id(), classificationScheme=f"urn:uuid:{scheme}", classifiedObject=key)
    node.set("nodeRepresentation", code.code)
    _slot(node, "codingScheme", (code.system,))
    _name(node, code.name)


def _author(parent: _Element, key: str, scheme: str, author: Author) -> None:
    node = _sub(parent, "Classification", id=_id(), classificationScheme=f"urn:uuid:{scheme}", classifiedObject=key)
    node.set("nodeRepresentation", "")
    _slot(node, "authorPerson", (xcn(author),))
    _slot(node, "authorInstitution", (xon(author),))
    _slot(node, "authorRole", (author.role,))
    specialty = author.specialty
    _slot(
        node, "authorSpecialty", (f"{specialty.code}^{_safe(specialty.name)}^{specialty.system}" if specialty else "",)
    )


def _identifier(parent: _Element, key: str, scheme: str, value: str, name: str) -> None:
    node = _sub(parent, "ExternalIdentifier", id=_id(), identificationScheme=f"urn:uuid:{scheme}", registryObject=key)
    node.set("value", value)
    _name(node, name)


def _id() -> str:
    return f"urn:uuid:{uuid4()}"
