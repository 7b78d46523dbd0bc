"""Who may not see a document: three marks, the codes that set them, and on what ground somebody reads. Pure.

IG-CDA's matrix (DOMAIN.md §9): a document hidden from professionals is for its patient, one that the patient is not to
see yet is for professionals; both at once is an error.
"""

import enum
from collections.abc import Iterable

from core.errors import BadInput


class Mask(enum.IntFlag):
    """The bits are kept in rows: never renumber."""

    NONE = 0
    PROFESSIONALS = 1  # MASQUE_PS: for its patient and for whoever has the message that brought it
    PATIENT = 2  # INVISIBLE_PATIENT: until a consultation has announced it
    REPRESENTATIVES = 4  # INVISIBLE_REPRESENTANTS_LEGAUX: the minor's own


# TRE_A07, system 1.2.250.1.213.1.1.4.13; the second spelling is that of HL7 messages (MetaDMPMSS).
CODES = {
    "MASQUE_PS": Mask.PROFESSIONALS,
    "INVISIBLE_PATIENT": Mask.PATIENT,
    "INVISIBLE_REPRESENTANTS_LEGAUX": Mask.REPRESENTATIVES,
    "INVISIBLE_REP_LEGAUX": Mask.REPRESENTATIVES,
}
FORBIDDEN = Mask.PROFESSIONALS | Mask.PATIENT


class Ground(enum.StrEnum):
    """Why somebody may read; the word stands in the trail."""

    OWN = "own"
    REPRESENTATIVE = "representative"
    CONSENT = "consent"
    MESSAGE = "message"  # has the message that brought it
    EMERGENCY = "emergency"


_HIDES = {
    Ground.OWN: Mask.PATIENT,
    Ground.REPRESENTATIVE: Mask.PATIENT | Mask.REPRESENTATIVES,
    Ground.CONSENT: Mask.PROFESSIONALS,
    Ground.EMERGENCY: Mask.PROFESSIONALS,
    Ground.MESSAGE: Mask.NONE,
}


def mask_of(codes: Iterable[str]) -> Mask:
    """What the confidentiality codes of a document say; others say nothing. Raises BadInput: forbidden mix."""
    found = Mask.NONE
    for code in codes:
        found |= CODES.get(code, Mask.NONE)
    return checked(found)


def mask_said(codes: Iterable[str]) -> Mask:
    """The same of a document that a person still has to judge: a forbidden mix hides it from professionals."""
    try:
        return mask_of(codes)
    except BadInput:
        return Mask.PROFESSIONALS


def checked(mask: Mask) -> Mask:
    """Raises BadInput where nobody at all could see the document."""
    if mask & FORBIDDEN == FORBIDDEN:
        raise BadInput("un document ne peut être caché au patient et aux professionnels à la fois", "forbidden mask")
    return mask


def is_visible(mask: int, ground: Ground) -> bool:
    return not mask & _HIDES[ground]


def codes_of(mask: int) -> tuple[str, ...]:
    """The codes to write, each once."""
    names = ("MASQUE_PS", "INVISIBLE_PATIENT", "INVISIBLE_REPRESENTANTS_LEGAUX")
    return tuple(name for name in names if mask & CODES[name])
