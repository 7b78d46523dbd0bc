"""A CDA that says all that a submission requires."""

import base64

from directory.patients import Identity
from tests.support.record_files import text_pdf


def full_cda(
    patient: Identity,
    *,
    number: str = "1",
    code: str = "57833-6",
    label: str = "Prescription de produits de santé",
    pdf: bytes | None = None,
    text: str = "",
    without: str = "",
    replaces: str = "",
) -> bytes:
    """Level 1 around a PDF, or level 3 with this text. `without`: a fragment to leave out."""
    carried = base64.b64encode(pdf or text_pdf("ORDONNANCE", "RAMIPRIL 5 mg")).decode()
    level1 = f'<nonXMLBody><text mediaType="application/pdf" representation="B64">{carried}</text></nonXMLBody>'
    level3 = f"<structuredBody><component><section><text>{text}</text></section></component></structuredBody>"
    related = (
        f'<relatedDocument typeCode="RPLC"><parentDocument><id root="{replaces}"/></parentDocument></relatedDocument>'
    )
    person = "<assignedPerson><name><family>INVENTÉE</family><given>Hélène</given></name></assignedPerson>"
    house = '<representedOrganization><id root="1.2.250.1.71.4.2.2" extension="3990000001"/><name>Cabinet & Cie</name>'
    parts = [
        f'<id root="2.25.41" extension="{number}"/>',
        f'<code code="{code}" codeSystem="2.16.840.1.113883.6.1" displayName="{label}"/>',
        "<title>Ordonnance du 1er juin</title>",
        '<effectiveTime value="20260601090000+0200"/>',
        '<confidentialityCode code="N" codeSystem="2.16.840.1.113883.5.25" displayName="Normal"/>',
        '<languageCode code="fr-FR"/>',
        f'<recordTarget><patientRole><id extension="{patient.ins.matricule}" root="{patient.ins.oid}"/>'
        f'<id extension="local^7" root="1.2.3.4"/><patient><name><family qualifier="BR">{patient.family}</family>'
        f'<given qualifier="BR">{patient.given}</given></name><administrativeGenderCode code="{patient.sex}"/>'
        f'<birthTime value="{patient.birth_date.replace("-", "")}"/></patient></patientRole></recordTarget>',
        f'<author><functionCode code="PCP" displayName="Médecin traitant"/><assignedAuthor>'
        f'<id extension="899000042015" root="1.2.250.1.71.4.2.1"/><code code="G15_10/SM54"'
        f' codeSystem="1.2.250.1.213.1.1.4.5" displayName="Médecine générale"/>{person}'
        f"{house.replace('&', '&amp;')}</representedOrganization></assignedAuthor></author>",
        f'<legalAuthenticator><assignedEntity><id extension="899000042015" root="1.2.250.1.71.4.2.1"/>{person}'
        "</assignedEntity></legalAuthenticator>",
        '<documentationOf><serviceEvent><effectiveTime><low value="20260531"/></effectiveTime>'
        "<performer><assignedEntity><representedOrganization>"
        '<standardIndustryClassCode code="AMBULATOIRE" codeSystem="1.2.250.1.213.1.1.4.9"/>'
        "</representedOrganization></assignedEntity></performer></serviceEvent></documentationOf>",
        related if replaces else "",
        '<componentOf><encompassingEncounter><location><healthCareFacility><code code="SA07"'
        ' codeSystem="1.2.250.1.71.4.2.4"/></healthCareFacility></location></encompassingEncounter></componentOf>',
        f"<component>{level3 if text else level1}</component>",
    ]
    kept = "".join(part for part in parts if not without or f"<{without}" not in part[: len(without) + 1])
    root = f'<ClinicalDocument xmlns="urn:hl7-org:v3">{kept}</ClinicalDocument>'
    return f'<?xml version="1.0" encoding="UTF-8"?>{root}'.encode()
