"""What the neighbouring laboratory sends: a CDA R2 level 1 report with the patient's identity and a PDF inside."""

import base64
from datetime import datetime
from html import escape
from string import Template

from core.ids import token
from directory.patients import Identity

# Shape: ANS header of a level 1 document (XDS-SD), cut to what a reader needs.
_CDA = Template("""<?xml version="1.0" encoding="UTF-8"?>
<ClinicalDocument xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
 <realmCode code="FR"/><typeId root="2.16.840.1.113883.1.3" extension="POCD_HD000040"/>
 <templateId root="2.16.840.1.113883.2.8.2.1"/><templateId root="1.2.250.1.213.1.1.1.1"/>
 <templateId root="1.3.6.1.4.1.19376.1.2.20"/>
 <id root="1.2.250.1.213.1.4.99.1" extension="$number"/>
 <code code="11502-2" displayName="CR d'examens biologiques" codeSystem="2.16.840.1.113883.6.1"/>
 <title>Compte rendu d'examens biologiques</title><effectiveTime value="$at"/>
 <confidentialityCode code="N" codeSystem="2.16.840.1.113883.5.25"/><languageCode code="fr-FR"/>
 <recordTarget><patientRole><id extension="$ins" root="$oid"/><patient>
  <name><family qualifier="BR">$family</family><given qualifier="BR">$given</given></name>
  <administrativeGenderCode code="$sex" codeSystem="2.16.840.1.113883.5.1"/><birthTime value="$born"/>
 </patient></patientRole></recordTarget>
 <author><time value="$at"/><assignedAuthor><id extension="899000042010" root="1.2.250.1.71.4.2.1"/>
  <assignedPerson><name><family>QUÉRÉ</family><given>Loïc</given></name></assignedPerson>
  <representedOrganization><name>Laboratoire du Vieux-Port</name></representedOrganization></assignedAuthor></author>
 <component><nonXMLBody><text mediaType="application/pdf" representation="B64">$pdf</text></nonXMLBody></component>
</ClinicalDocument>
""")


def report(patient: Identity, pdf: bytes, now: datetime) -> bytes:
    """The document, UTF-8; each one has an id of its own."""
    facts = {
        "number": token(9),
        "at": now.strftime("%Y%m%d%H%M%S+0000"),
        "ins": patient.ins.matricule,
        "oid": patient.ins.oid,
        "family": patient.family,
        "given": patient.given,
        "sex": patient.sex,
        "born": patient.birth_date.replace("-", ""),
    }
    text = {name: escape(value) for name, value in facts.items()}
    return _CDA.substitute(text, pdf=base64.b64encode(pdf).decode()).encode()
