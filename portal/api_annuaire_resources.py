"""Cards and lines of the annuaire → the resources of the ANS API v2 (profiles AS-DP, open data).

Ids are made of national identifiers: the same resource has the same id from one edition to the next.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from core.clock import from_epoch_ms
from directory.edition.card import PERSON, Box, Card
from directory.edition.kinds import FINESS, RPPS, SKILLS
from directory.edition.readers import Reader
from directory.extracts.finess import Establishment, row_of
from directory.extracts.rpps import Activity, activity_of
from directory.extracts.skills import Skill, skill_of
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


_ORGANIZATION_TYPES = f"{_PROFILES}/as-ext-organization-types"
_V2_3307 = "https://hl7.fr/ig/fhir/core/CodeSystem/fr-core-cs-v2-3307"
_KINDS_OF_TYPE = {
    _V2_3307: "organizationType",
    f"{_NOS}/TRE_R02-SecteurActivite/FHIR/TRE-R02-SecteurActivite": "secteurActiviteRASS",
    f"{_NOS}/TRE_R75-InseeNAFrev2Niveau5/FHIR/TRE-R75-InseeNAFrev2Niveau5": "activiteINSEE",
}


@dataclass(frozen=True, slots=True)
class Role:
    """One activity of a person, with its id."""

    id: str
    activity: Activity


class Facts:
    """A card, and what else is known of it: read when somebody asks. `changed`: when it changed last, epoch ms."""

    def __init__(self, reader: Reader, card: Card, changed: int) -> None:
        self._reader = reader
        self.card = card
        self.changed = changed

    @cached_property
    def lines(self) -> list[tuple[str, str]]:
        """Source and text of a person's lines."""
        return self._reader.lines_of_person(self.card.key)

    @cached_property
    def activities(self) -> list[Activity]:
        return [activity_of(text) for source, text in self.lines if source == RPPS]

    @cached_property
    def skills(self) -> list[Skill]:
        return [skill_of(text) for source, text in self.lines if source == SKILLS]

    @cached_property
    def establishment(self) -> Establishment | None:
        """What FINESS says of a structure."""
        lines = self._reader.lines_of_structure(self.card.key, FINESS, 4)
        rows = (row_of(text) for _, text in lines)
        return next((row for row in rows if isinstance(row, Establishment)), None)


def practitioner(facts: Facts) -> fhir.Practitioner:
    """An *exercice professionnel*, with the mailboxes that hang on the person."""
    card = facts.card
    identifiers = [_identifier("IDNPS", IDNPS, card.key)]
    if card.rpps:
        identifiers.append(_identifier("RPPS", RPPS_SYSTEM, card.rpps))
    name = fhir.HumanName(
        family=card.family,
        given=card.given.split(" ") if card.given else None,
        prefix=[card.title] if card.title else None,
    )
    there = {place.structure_id for place in card.places}
    own = [box for box in card.boxes if not box.structure_id or box.structure_id not in there]
    return fhir.Practitioner(
        id=practitioner_id(card.key),
        meta=_meta("as-dp-practitioner", facts.changed),
        identifier=identifiers,
        name=[name],
        telecom=_mailboxes(own),
        qualification=_qualifications(facts),
    )


def roles_of(facts: Facts) -> list[Role]:
    """The person's activities, in the order of the extraction."""
    return [Role(f"{facts.card.key}.{number}", activity) for number, activity in enumerate(facts.activities, 1)]


def boxes_there(card: Card, activity: Activity) -> list[Box]:
    """The mailboxes that hang on this person at this structure, those of the red list left out."""
    structure = activity.structure_id
    return [box for box in card.boxes if structure and box.structure_id == structure and not box.red_list]


def practitioner_role(facts: Facts, role: Role) -> fhir.PractitionerRole:
    """A *situation d'exercice*, with the mailboxes that hang on person and structure."""
    card, activity = facts.card, role.activity
    codes = [
        _concept("TRE_R22-GenreActivite", "TRE-R22-GenreActivite", activity.genre_code, activity.genre),
        _concept("TRE_R23-ModeExercice", "TRE-R23-ModeExercice", activity.mode_code, activity.mode),
        _concept("TRE_R21-Fonction", "TRE-R21-Fonction", activity.role_code, activity.role),
        _concept("TRE_G15-ProfessionSante", "TRE-G15-ProfessionSante", activity.profession_code, activity.profession),
    ]
    there = boxes_there(card, activity)
    structure = activity.structure_id
    return fhir.PractitionerRole(
        id=role.id,
        meta=_meta("as-dp-practitionerrole", facts.changed),
        practitioner=fhir.Reference(reference=f"Practitioner/{practitioner_id(card.key)}"),
        organization=fhir.Reference(reference=f"Organization/{organization_id(structure)}") if structure else None,
        code=[code for code in codes if code] or None,
        telecom=(_mailboxes(there) or []) + _phones(activity.phone, activity.fax) or None,
    )


def organization(facts: Facts) -> fhir.Organization:
    """A structure, with its organisational mailboxes."""
    card = facts.card
    place = card.places[0] if card.places else None
    address = None
    if place and (place.city or place.street):
        address = fhir.Address(
            line=[place.street] if place.street else None,
            city=place.city or None,
            postalCode=place.postcode or None,
            district=place.department or None,
        )
    return fhir.Organization(
        id=organization_id(card.key),
        meta=_meta("as-dp-organization", facts.changed),
        identifier=_structure_identifiers(card.key),
        type=_organization_types(facts),
        name=card.family or None,
        telecom=(_mailboxes(card.boxes) or []) + _phones(place.phone if place else "", "") or None,
        address=[address] if address else None,
    )


def resource_of(facts: Facts) -> fhir.Practitioner | fhir.Organization:
    return practitioner(facts) if facts.card.type == PERSON else organization(facts)


def systems_of(card: Card) -> tuple[str, ...]:
    """The information systems that it comes from."""
    known = ("FINESS",) if card.key[:1] == "1" and card.type != PERSON else ("RPPS",)
    return (*known, "MSS") if any(not box.red_list for box in card.boxes) else known


def role_codes(activity: Activity) -> list[tuple[str, str]]:
    """System and code of what a role is, section of the pharmacists' table included."""
    found = [
        (_nos("TRE_R22-GenreActivite"), activity.genre_code),
        (_nos("TRE_R23-ModeExercice"), activity.mode_code),
        (_nos("TRE_R21-Fonction"), activity.role_code),
        (_nos("TRE_G15-ProfessionSante"), activity.profession_code),
        (_nos("TRE_R06-SectionTableauCNOP"), activity.section_code),
    ]
    return [one for one in found if one[1]]


def qualification_codes(facts: Facts) -> list[tuple[str, str]]:
    """System and code of profession, category and skills."""
    found = [(_nos("TRE_G15-ProfessionSante"), facts.card.profession_code)]
    found += [(_nos("TRE_R09-CategorieProfessionnelle"), one.category_code) for one in facts.activities]
    for type_, code, _ in _skills(facts):
        found += [(_skill_system(type_), code), ("", type_)]
    return [one for one in found if one[1]]


def organization_codes(facts: Facts) -> list[tuple[str, str]]:
    """System and code of kind, sector and category."""
    row = facts.establishment if facts.card.key[:1] == "1" else None
    found = [
        (_V2_3307, "GEOGRAPHICAL-ENTITY"),
        (_nos("TRE_R02-SecteurActivite"), facts.card.sector),
        (_nos("TRE_R66-CategorieEtablissement"), row.category_code if row else ""),
        (_nos("TRE_R75-InseeNAFrev2Niveau5"), row.ape if row else ""),
    ]
    return [one for one in found if one[1]]


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


def _qualifications(facts: Facts) -> list[fhir.Qualification] | None:
    """The profession with its category, then each skill."""
    card = facts.card
    codings = [
        Coding(system=_nos("TRE_G15-ProfessionSante"), code=card.profession_code, display=card.profession or None)
    ]
    category = next((one for one in facts.activities if one.category_code), None)
    if category:
        system = _nos("TRE_R09-CategorieProfessionnelle")
        codings.append(Coding(system=system, code=category.category_code, display=category.category or None))
    found = [CodeableConcept(coding=codings)] if card.profession_code else []
    for type_, code, label in _skills(facts):
        found.append(
            CodeableConcept(coding=[Coding(system=_skill_system(type_) or None, code=code, display=label or None)])
        )
    if card.specialty and len(found) < 2:
        found.append(CodeableConcept(text=card.specialty))
    return [fhir.Qualification(code=one) for one in found] or None


def _skills(facts: Facts) -> list[tuple[str, str, str]]:
    """Type, code and label, each once."""
    found = [(one.type_code, one.code, one.label) for one in facts.skills]
    found += [(one.skill_type_code, one.skill_code, one.skill) for one in facts.activities if one.skill_code]
    return list({code: (type_, code, label) for type_, code, label in reversed(found)}.values())[::-1]


def _skill_system(type_: str) -> str:
    """Of ordinal specialties the NOS' own list; the other lists are not in the guide."""
    return _nos("TRE_R38-SpecialiteOrdinale") if type_ == "S" else ""


def _organization_types(facts: Facts) -> list[CodeableConcept]:
    return [
        CodeableConcept(
            extension=[Extension(url=_ORGANIZATION_TYPES, valueCode=_KINDS_OF_TYPE[system])]
            if system in _KINDS_OF_TYPE
            else None,
            coding=[Coding(system=system, code=code)],
        )
        for system, code in organization_codes(facts)
    ]


def _nos(name: str) -> str:
    return f"{_NOS}/{name}/FHIR/{name.replace('_', '-')}"


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


def _meta(profile: str, changed: int) -> fhir.Meta:
    moment = from_epoch_ms(changed).isoformat(timespec="milliseconds")
    return fhir.Meta(source="https://annuaire.esante.gouv.fr", lastUpdated=moment, profile=[f"{_PROFILES}/{profile}"])
