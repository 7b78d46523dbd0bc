"""Codes and code systems that our archives and FHIR resources name. DOMAIN.md §7; classes: CI-SIS ASS_X04, TRE_A03."""

from dataclasses import dataclass

LOINC, TYPES_A05 = "2.16.840.1.113883.6.1", "1.2.250.1.213.1.1.4.12"
CLASSES = "1.2.250.1.213.1.1.4.1"
FORMATS = "1.3.6.1.4.1.19376.1.2.3"
VISIBILITY = "1.2.250.1.213.1.1.4.13"
CONTENT_TYPES = "1.2.250.1.213.2.2"

PDF_FORMAT, TEXT_FORMAT = "urn:ihe:iti:xds-sd:pdf:2008", "urn:ihe:iti:xds-sd:text:2008"
SUFFICIENT_FORMAT = "urn:ihe:iti:xds:2017:mimeTypeSufficient"

REPORT, SUMMARY, IMAGING, PRESCRIPTION, DISPENSING, DEPOSITED = "10", "11", "31", "42", "43", "90"
CLASS_NAMES = {
    REPORT: "Compte rendu",
    SUMMARY: "Synthèse",
    IMAGING: "Imagerie médicale",
    PRESCRIPTION: "Prescription",
    DISPENSING: "Dispensation",
    DEPOSITED: "Autres documents déposés par le patient",
}
_CLASS_OF = {
    "11502-2": REPORT,
    "11490-0": REPORT,
    "11488-4": REPORT,
    "60591-5": SUMMARY,
    "18748-4": IMAGING,
    "85895-1": IMAGING,
    "57833-6": PRESCRIPTION,
    "57828-6": PRESCRIPTION,
    "57832-8": PRESCRIPTION,
    "55115-0": PRESCRIPTION,
    "60593-1": DISPENSING,
    "DISP_AUT": DISPENSING,
    "75468-9": DISPENSING,
    "EXPPAT_2": DEPOSITED,
    "DOCPAT02": DEPOSITED,
    "DOCPAT04": DEPOSITED,
    "DOCPAT09": DEPOSITED,
}


@dataclass(frozen=True, slots=True)
class Code:
    """A code, the OID of its system, and its French name."""

    code: str
    system: str
    name: str


def class_of(type_code: str) -> str:
    """The class that goes with a type; empty where we do not know it, and the sender has to say."""
    return _CLASS_OF.get(type_code, PRESCRIPTION if type_code.startswith("PRESC-") else "")
