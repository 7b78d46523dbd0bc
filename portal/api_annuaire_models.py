"""The few FHIR R4 resources that the annuaire gives, as small models: what is empty is left out."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Part(BaseModel):
    """A piece of a resource."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class Coding(Part):
    system: str | None = None
    code: str
    display: str | None = None


class CodeableConcept(Part):
    extension: list["Extension"] | None = None
    coding: list[Coding] | None = None
    text: str | None = None


class Extension(Part):
    url: str
    extension: list["Extension"] | None = None
    valueCode: str | None = None
    valueCoding: Coding | None = None
    valueCodeableConcept: CodeableConcept | None = None
    valueString: str | None = None
    valueBoolean: bool | None = None


class Identifier(Part):
    use: str | None = None
    type: CodeableConcept | None = None
    system: str
    value: str


class HumanName(Part):
    use: str | None = "usual"
    family: str
    given: list[str] | None = None
    prefix: list[str] | None = None


class ContactPoint(Part):
    extension: list[Extension] | None = None
    system: Literal["phone", "email", "fax"]
    value: str
    rank: int | None = None


class Address(Part):
    line: list[str] | None = None
    city: str | None = None
    postalCode: str | None = None
    district: str | None = None


class Reference(Part):
    reference: str


class Qualification(Part):
    code: CodeableConcept


class Meta(Part):
    source: str | None = None
    lastUpdated: str | None = None
    profile: list[str] | None = None
    tag: list[Coding] | None = None


class Resource(Part):
    resourceType: str
    id: str | None = None
    meta: Meta | None = None


class Practitioner(Resource):
    resourceType: Literal["Practitioner"] = "Practitioner"
    language: str = "fr"
    identifier: list[Identifier]
    active: bool = True
    name: list[HumanName]
    telecom: list[ContactPoint] | None = None
    qualification: list[Qualification] | None = None


class PractitionerRole(Resource):
    resourceType: Literal["PractitionerRole"] = "PractitionerRole"
    language: str = "fr"
    identifier: list[Identifier] | None = None
    active: bool = True
    practitioner: Reference
    organization: Reference | None = None
    code: list[CodeableConcept] | None = None
    specialty: list[CodeableConcept] | None = None
    telecom: list[ContactPoint] | None = None


class Organization(Resource):
    resourceType: Literal["Organization"] = "Organization"
    language: str = "fr"
    identifier: list[Identifier]
    active: bool = True
    type: list[CodeableConcept] | None = None
    name: str | None = None
    telecom: list[ContactPoint] | None = None
    address: list[Address] | None = None


class Link(Part):
    relation: str
    url: str


class EntrySearch(Part):
    mode: Literal["match", "include"]


class BundleEntry(Part):
    fullUrl: str
    resource: Practitioner | PractitionerRole | Organization
    search: EntrySearch


class Bundle(Resource):
    resourceType: Literal["Bundle"] = "Bundle"
    type: Literal["searchset"] = "searchset"
    total: int | None = None
    link: list[Link]
    entry: list[BundleEntry] | None = None


class Issue(Part):
    severity: Literal["error", "warning", "information"] = "error"
    code: str
    diagnostics: str


class OperationOutcome(Resource):
    resourceType: Literal["OperationOutcome"] = "OperationOutcome"
    issue: list[Issue] = Field(min_length=1)


def dump(resource: Resource) -> dict[str, Any]:
    """As JSON values; nothing empty in it."""
    return resource.model_dump(exclude_none=True, by_alias=True)
