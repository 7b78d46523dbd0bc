"""Cards and lines of the annuaire → the resources of the ANS API v2 (profiles AS-DP, open data).

Ids are made of national identifiers: the same resource has the same id from one edition to the next.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from directory.edition.card import PERSON, Box, Card
from directory.edition.readers import Reader
from directory.edition.sources import RPPS
from directory.extracts.rpps import Activity, activity_of
from portal import api_annuaire_models as fhir
from portal.api_annuaire_models import CodeableConcept, Coding, Extension, Identifier

_NOS = "https://mos.esante.gouv.fr/NOS"
_PROFILES = "https://interop.esante.gouv.fr/ig/fhir/annuaire/StructureDefinition"
_IDENTIFIERS = "https://hl7.fr/ig/fhir/core/CodeSystem/fr-core-cs-v2-0203"
IDNPS, RPPS_SYSTEM = "urn:oid:1.2.250.1.71.4.2.1", "https://rpps.esante.gouv.fr"
IDNST, FINESS_SYSTEM = "urn:oid:1.2.250.1.71.4.2.2", "https://finess.esante.gouv.fr"
SIRET_SYSTEM = "https://sirene.fr"
_EMAIL_TYPE = "https://hl7.fr/ig/fhir/core/StructureDefinition/fr-core-contact-point-email-type"
_METADATA = f"{_PROFILES}/as-ext-mailbox-mss-metadata"


@dataclass(frozen=True, slots=True)
class Role:
    """One activity of a person, with its id."""

    id: str
    activity: Activity


def practitioner(card: Card) -> fhir.Practitioner:
    """An *exercice professionnel*, with the mailboxes that hang on the person."""
    identifiers = [_identifier("IDNPS", IDNPS, card.key)]
    if card.rpps:
        identifiers.append(_identifier("RPPS", RPPS_SYSTEM, card.rpps))
    name = fhir.HumanName(
        family=card.family,
        given=card.given.split(" ") if card.given else None,
        prefix=[card.title] if card.title else None,
    )
    own = [box for box in card.boxes if not box.structure_id]
    return fhir.Practitioner(
        id=practitioner_id(card.key),
        meta=_meta("as-dp-practitioner"),
        identifier=identifiers,
        name=[name],
        telecom=_mailboxes(own),
        qualification=_qualifications(card),
    )


def roles_of(reader: Reader, card: Card) -> list[Role]:
    """The person's activities, in the order of the extraction."""
    lines = (activity_of(text) for source, text in reader.lines_of_person(card.key) if source == RPPS)
    return [Role(f"{card.key}.{number}", activity) for number, activity in enumerate(lines, 1)]


def practitioner_role(card: Card, role: Role) -> fhir.PractitionerRole:
    """A *situation d'exercice*, with the mailboxes that hang on person and structure."""
    activity = role.activity
    codes = [
        _concept("TRE_R22-GenreActivite", "TRE-R22-GenreActivite", activity.genre_code, activity.genre),
        _concept("TRE_R23-ModeExercice", "TRE-R23-ModeExercice", activity.mode_code, activity.mode),
        _concept("TRE_R21-Fonction", "TRE-R21-Fonction", activity.role_code, activity.role),
        _concept("TRE_G15-ProfessionSante", "TRE-G15-ProfessionSante", activity.profession_code, activity.profession),
    ]
    there = [box for box in card.boxes if box.structure_id and box.structure_id == activity.structure_id]
    structure = activity.structure_id
    return fhir.PractitionerRole(
        id=role.id,
        meta=_meta("as-dp-practitionerrole"),
        practitioner=fhir.Reference(reference=f"Practitioner/{practitioner_id(card.key)}"),
        organization=fhir.Reference(reference=f"Organization/{organization_id(structure)}") if structure else None,
        code=[code for code in codes if code] or None,
        telecom=(_mailboxes(there) or []) + _phones(activity.phone, activity.fax) or None,
    )


def organization(card: Card) -> fhir.Organization:
    """A structure, with its organisational mailboxes."""
    place = card.places[0] if card.places else None
    address = None
    if place and (place.city or place.street):
        address = fhir.Address(
            line=[place.street] if place.street else None,
            city=place.city or None,
            postalCode=place.postcode or None,
            district=place.department or None,
        )
    kind = _concept("TRE_R02-SecteurActivite", "TRE-R02-SecteurActivite", card.sector, "")
    return fhir.Organization(
        id=organization_id(card.key),
        meta=_meta("as-dp-organization"),
        identifier=_structure_identifiers(card.key),
        type=[kind] if kind else None,
        name=card.family or None,
        telecom=(_mailboxes(card.boxes) or []) + _phones(place.phone if place else "", "") or None,
        address=[address] if address else None,
    )


def resource_of(card: Card) -> fhir.Practitioner | fhir.Organization:
    return practitioner(card) if card.type == PERSON else organization(card)


def practitioner_id(key: str) -> str:
    return key


def organization_id(key: str) -> str:
    return key


def _identifier(kind: str, system: str, value: str) -> Identifier:
    return Identifier(
        use="official",
        type=CodeableConcept(coding=[Coding(system=_IDENTIFIERS, code=kind)]),
        system=system,
        value=value,
    )


def _structure_identifiers(key: str) -> list[Identifier]:
    found = [_identifier("IDNST", IDNST, key)]
    if key[:1] == "1":
        found.append(_identifier("FINEG", FINESS_SYSTEM, key[1:]))
    if key[:1] == "3":
        found.append(_identifier("SIRET", SIRET_SYSTEM, key[1:]))
    return found


def _qualifications(card: Card) -> list[fhir.Qualification] | None:
    found = [_concept("TRE_G15-ProfessionSante", "TRE-G15-ProfessionSante", card.profession_code, card.profession)]
    qualifications = [fhir.Qualification(code=one) for one in found if one]
    if card.specialty:
        qualifications.append(fhir.Qualification(code=CodeableConcept(text=card.specialty)))
    return qualifications or None


def _concept(folder: str, name: str, code: str, display: str) -> CodeableConcept | None:
    if not code:
        return None
    return CodeableConcept(coding=[Coding(system=f"{_NOS}/{folder}/FHIR/{name}", code=code, display=display or None)])


def _mailboxes(boxes: Iterable[Box]) -> list[fhir.ContactPoint] | None:
    """As the guide has it: the type MSSANTE, and what else is known of the box. Red-listed ones are never here."""
    found = [
        fhir.ContactPoint(
            system="email",
            value=box.address,
            rank=box.rank or None,
            extension=[
                Extension(url=_EMAIL_TYPE, valueCoding=_email_type()),
                Extension(url=_METADATA, extension=_metadata(box)),
            ],
        )
        for box in boxes
        if not box.red_list
    ]
    return found or None


def _metadata(box: Box) -> list[Extension]:
    kind = CodeableConcept(coding=[Coding(system=f"{_NOS}/TRE_R257-TypeBAL/FHIR/TRE-R257-TypeBAL", code=box.kind)])
    found = [
        Extension(url="type", valueCodeableConcept=kind),
        Extension(url="digitization", valueBoolean=box.digital),
    ]
    if box.service:
        found.append(Extension(url="service", valueString=box.service))
    return found


def _email_type() -> Coding:
    return Coding(system=f"{_NOS}/TRE_R256-TypeMessagerie/FHIR/TRE-R256-TypeMessagerie", code="MSSANTE")


def _phones(phone: str, fax: str) -> list[fhir.ContactPoint]:
    found = [fhir.ContactPoint(system="phone", value=phone)] if phone else []
    return found + ([fhir.ContactPoint(system="fax", value=fax)] if fax else [])


def _meta(profile: str) -> fhir.Meta:
    return fhir.Meta(source="https://annuaire.esante.gouv.fr", profile=[f"{_PROFILES}/{profile}"])
