"""Does this document speak of this patient? Agree, absent or disagree, with reasons; the caller decides.

Whatever is doubtful disagrees: a person looks at it, nothing is filed by itself (DOMAIN.md §9, errors 902 to 905).
"""

import enum
import re
import unicodedata
from dataclasses import dataclass

from core.ins import INVENTED_OIDS, NIR_OIDS, OID_SEEN_2025, REAL_OIDS, Ins, NotAnIns, has_right_key
from directory.patients import Identity
from record.unpack.facts import CdaFacts, Document, Entry, InsClaim, Problem, Traits


class Agreement(enum.StrEnum):
    AGREE = "agree"
    ABSENT = "absent"  # the document names nobody that a machine can read
    DISAGREE = "disagree"


class Reason(enum.StrEnum):
    """Why it disagrees, or a remark. The words are kept in rows: never rename one."""

    NO_INS = "no_ins"
    OTHER_INS = "other_ins"
    WRONG_KEY = "wrong_key"
    WRONG_ENVIRONMENT = "wrong_environment"
    SEVERAL_INS = "several_ins"
    INCOHERENT = "incoherent"  # the number implies another birth or sex than the header says
    FAMILY = "family"
    GIVEN = "given"
    BIRTH_DATE = "birth_date"
    SEX = "sex"
    INCOMPLETE = "incomplete"
    OTHER_MATRICULE = "other_matricule"  # printed in the text layer
    OTHER_ENVELOPE = "other_envelope"  # the archive or message around it names somebody else


@dataclass(frozen=True, slots=True)
class Finding:
    agreement: Agreement
    reasons: tuple[Reason, ...] = ()


# A matricule as printed: 15 characters of the NIR shape, with the usual spaces, no digit on either side.
_GAP = r"[ \u00a0\u2009\u202f.\-]?"
_PRINTED = re.compile(
    rf"(?<![0-9])([12]){_GAP}([0-9]{{2}}){_GAP}([0-9]{{2}}){_GAP}([0-9]{{2}}|2[ABab]){_GAP}([0-9]{{3}}){_GAP}([0-9]{{3}})"
    rf"{_GAP}([0-9]{{2}})(?![0-9])"
)
_DAY = re.compile(r"[0-9]{8}")
# Official examples carry wrong keys: with the right 13 characters and the right traits it is a warning (DOMAIN.md §1).
_WARNINGS = frozenset({Reason.WRONG_KEY})
_SEXES = {"1": "M", "2": "F"}


def accepted_oids(production: bool) -> frozenset[str]:
    """Under which OIDs a document may name its patient: invented identities never in production, real only there."""
    return (REAL_OIDS if production else INVENTED_OIDS) | {OID_SEEN_2025}


def compare(document: Document, patient: Identity, oids: frozenset[str]) -> Finding:
    """The document against the patient's qualified identity. Pure; never raises on what a document holds."""
    own = _printed(document.text, patient.ins) if document.cda is None else _header(document.cda, patient, oids)
    beside = [reason for entry in document.entries for reason in _beside(entry, patient, oids)]
    if Problem.PATIENT_DIFFERS in document.remarks:
        beside.append(Reason.OTHER_ENVELOPE)
    reasons = tuple(dict.fromkeys((*own.reasons, *beside)))
    if set(reasons) - _WARNINGS:
        return Finding(Agreement.DISAGREE, reasons)
    named = own.agreement is Agreement.AGREE or any(entry.ins for entry in document.entries)
    return Finding(Agreement.AGREE if named else Agreement.ABSENT, reasons)


def doubts(document: Document) -> tuple[Reason, ...]:
    """What the document tells against itself, whoever its patient is. Pure; never raises."""
    told = [(document.cda.ins, document.cda.traits)] if document.cda else []
    told += [(entry.ins, entry.traits) for entry in document.entries]
    return doubts_of(told) + ((Reason.NO_INS,) if document.cda and not document.claims else ())


def doubts_of(told: list[tuple[tuple[InsClaim, ...], Traits]]) -> tuple[Reason, ...]:
    """The same of numbers and traits alone, each pair as one source told them."""
    claims = [claim for ins, _traits in told for claim in ins]
    found = [Reason.WRONG_KEY for claim in claims if not has_right_key(claim.text)]
    found += [Reason.SEVERAL_INS] if len({claim.text[:13].upper() for claim in claims}) > 1 else []
    found += [Reason.INCOHERENT for ins, traits in told if _incoherent(ins, traits)]
    return tuple(dict.fromkeys(found))


def _header(cda: CdaFacts, patient: Identity, oids: frozenset[str]) -> Finding:
    reasons = [*_number(cda.ins, patient.ins, oids), *_traits(cda.traits, patient)]
    reasons += [Reason.INCOHERENT] if _incoherent(cda.ins, cda.traits) else []
    unique = tuple(dict.fromkeys(reasons))
    return Finding(Agreement.DISAGREE if set(unique) - _WARNINGS else Agreement.AGREE, unique)


def _number(claims: tuple[InsClaim, ...], ins: Ins, oids: frozenset[str]) -> list[Reason]:
    if not claims:
        return [Reason.NO_INS]
    usable = [claim for claim in claims if claim.oid in oids]
    if not usable:
        return [Reason.WRONG_ENVIRONMENT]
    reasons = [reason for claim in usable for reason in _claim(claim, ins)]
    several = len({claim.text.upper() for claim in usable}) > 1
    return reasons + ([Reason.SEVERAL_INS] if several else [])


def _claim(claim: InsClaim, ins: Ins) -> list[Reason]:
    try:
        read = Ins.read(claim.text, claim.oid)
    except NotAnIns:
        return [Reason.OTHER_INS]
    if not read.speaks_of(ins):
        return [Reason.OTHER_INS]
    return [] if read.key_ok else [Reason.WRONG_KEY]


def _traits(traits: Traits, patient: Identity) -> list[Reason]:
    families = (traits.birth_family,) if traits.birth_family else traits.other_families
    givens = (traits.birth_given,) if traits.birth_given else traits.other_given
    checks = (
        (families, Reason.FAMILY, any(fold(name) == fold(patient.family) for name in families)),
        (givens, Reason.GIVEN, _same_first(givens, patient.given)),
        (traits.birth_date, Reason.BIRTH_DATE, _same_day(traits.birth_date, patient.birth_date)),
        (traits.sex, Reason.SEX, traits.sex.upper() == patient.sex),
    )
    return [reason if said else Reason.INCOMPLETE for said, reason, same in checks if not same]


def _same_first(givens: tuple[str, ...], given: str) -> bool:
    """The first given name: a list of birth given names begins with it, or stands on its own."""
    first = fold(" ".join(givens)).split()
    wanted = fold(given).split()
    shorter = min(len(first), len(wanted))
    return shorter > 0 and first[:shorter] == wanted[:shorter]


def _same_day(written: str, birth_date: str) -> bool:
    """HL7 TS to the day at least: a year alone names nobody."""
    return bool(_DAY.match(written)) and written[:8] == birth_date.replace("-", "")


def _beside(entry: Entry, patient: Identity, oids: frozenset[str]) -> list[Reason]:
    """METADATA.XML, DocumentReference, DICOM header: what they say has to be right; they need not say all."""
    reasons = _number(entry.ins, patient.ins, oids) if entry.ins else []
    reasons += [reason for reason in _traits(entry.traits, patient) if reason is not Reason.INCOMPLETE]
    return reasons + ([Reason.INCOHERENT] if _incoherent(entry.ins, entry.traits) else [])


def _incoherent(ins: tuple[InsClaim, ...], traits: Traits) -> bool:
    """A NIR tells sex, year and month of birth: a header that says otherwise is a mix of two people."""
    usable = [claim for claim in ins if claim.oid in NIR_OIDS and has_right_key(claim.text)]
    return any(not _coherent(claim.text, traits) for claim in usable)


def _coherent(matricule: str, traits: Traits) -> bool:
    year, month = matricule[1:3], matricule[3:5]
    if _DAY.match(traits.birth_date):
        wrong_month = month.isdigit() and 1 <= int(month) <= 12 and month != traits.birth_date[4:6]
        if year != traits.birth_date[2:4] or wrong_month:
            return False
    sex = traits.sex.upper()
    return sex not in {"M", "F"} or matricule[0] not in _SEXES or _SEXES[matricule[0]] == sex


def _printed(text: str, ins: Ins) -> Finding:
    """Somebody else's number, and not the patient's, printed on the page: an insured parent's beside it is no harm."""
    found = matricules(text)
    if not found:
        return Finding(Agreement.ABSENT)
    if ins.canonical in found:
        return Finding(Agreement.AGREE)
    return Finding(Agreement.DISAGREE, (Reason.OTHER_MATRICULE,))


def matricules(text: str) -> frozenset[str]:
    """Every 15-character number of the NIR shape with a right key in the text, upper-case and without spaces."""
    joined = ("".join(match.groups()).upper() for match in _PRINTED.finditer(text))
    return frozenset(number for number in joined if has_right_key(number))


def fold(name: str) -> str:
    """A name for comparing: no accent, no case, `-` and `'` as spaces, œ as oe."""
    bare = "".join(letter for letter in unicodedata.normalize("NFKD", name) if not unicodedata.combining(letter))
    wide = unicodedata.normalize("NFKD", bare.casefold()).replace("œ", "oe").replace("æ", "ae")
    return " ".join("".join(letter if letter.isalnum() else " " for letter in wide).split())
