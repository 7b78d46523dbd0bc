"""The *Identité nationale de santé*: matricule, key and OID, as values that cannot be wrong and never print themselves.

Two readings. Strict (`Ins`, `Ins.parse`) for all that we make or look up. Lenient (`Ins.read`) for clinical
documents, where even official examples carry wrong keys: the reader warns and goes on.
"""

import enum
import re
from dataclasses import dataclass

from stdnum.fr import nir

from core.errors import BadInput, Refused

ARC = "1.2.250.1.213.1.4."
OID_NIR = ARC + "8"  # INS-NIR, real persons
OID_NIA = ARC + "9"  # INS-NIA, real persons with a provisional number
OID_TEST = ARC + "10"  # INS-NIR of test
OID_DEMO = ARC + "11"  # INS-NIR of demonstration
OID_SEEN_2025 = ARC + "13"  # met in 2025 material, meaning not published: read, never written
OIDS = frozenset({OID_NIR, OID_NIA, OID_TEST, OID_DEMO, OID_SEEN_2025})
REAL_OIDS = frozenset({OID_NIR, OID_NIA})
INVENTED_OIDS = frozenset({OID_TEST, OID_DEMO})
NIR_OIDS = frozenset({OID_NIR, OID_TEST, OID_DEMO})  # the only ones whose numbers have the shape of a NIR

RAW_CHARACTERS = 64  # a matricule with its spaces has 21; longer text is not looked at
BODY, WHOLE = 13, 15

_SPACES = str.maketrans("", "", " \u00a0\u2009\u202f")
# `[0-9]`, never `\d`: other scripts have digits too. Only the department may hold a letter, A or B after a 2.
_BODY = r"[0-9]{5}(?:[0-9]{2}|2[ABab])[0-9]{6}"
_MATRICULE = re.compile(_BODY + r"[0-9]{2}")
_READABLE = re.compile(_BODY + r"(?:[0-9]{2})?")
_NIR = re.compile(r"[12][0-9]{2}(?:0[1-9]|1[0-2]|[2-9][0-9])(?:[0-9]{2}|2[ABab])[0-9]{6}")
_NNP = re.compile(r"[78][012][0-9]{11}")  # the 0 was allowed before 2012
_MIG = re.compile(r"[56][12][0-9]{11}")


class NotAnIns(BadInput):
    """The text is not a matricule, or its key or OID is wrong. The text itself is never repeated."""


class WrongEnvironment(Refused):
    """A test identity in production, or a real one elsewhere."""


class Shape(enum.Enum):
    """What the first 13 characters look like."""

    NIR = "nir"
    NNP = "nnp"  # provisional number of a health insurance fund
    MIG = "mig"  # provisional number of a migrant worker's file
    OTHER = "other"


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Ins:
    """A matricule of 15 characters (13 and 2 of key) under one of the known OIDs.

    Raises NotAnIns. The NIR shape is asked of the NIR OIDs only: the shape of an INS-NIA is not published.
    """

    matricule: str
    oid: str = OID_TEST

    def __post_init__(self) -> None:
        if self.oid not in OIDS:
            raise NotAnIns("this is not an OID of the INS")
        if not has_right_key(self.matricule):
            raise NotAnIns("an INS matricule has 13 characters and the 2-digit key that goes with them")
        if self.oid in NIR_OIDS and shape_of(self.matricule[:BODY]) is not Shape.NIR:
            raise NotAnIns("this matricule does not have the shape of a NIR")

    @classmethod
    def parse(cls, text: str, oid: str = OID_TEST) -> "Ins":
        """Strict reading, for addresses and searches: spaces are dropped, nothing else is forgiven."""
        return cls(_clean(text), oid)

    @staticmethod
    def read(text: str, oid: str) -> "ReadIns":
        """Lenient reading, for clinical documents: a wrong or missing key and an unknown OID are told, not refused.

        Raises NotAnIns only where the text is no matricule at all.
        """
        matricule = _clean(text)
        if not _READABLE.fullmatch(matricule):
            raise NotAnIns("this is not a matricule")
        return ReadIns(matricule, oid, has_right_key(matricule))

    @property
    def canonical(self) -> str:
        """The matricule with its Corsican letter in upper case: the one to look up and compare by."""
        return self.matricule.upper()

    @property
    def masked(self) -> str:
        return "…" + self.matricule[-4:]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ins) and (self.canonical, self.oid) == (other.canonical, other.oid)

    def __hash__(self) -> int:
        return hash((self.canonical, self.oid))

    def __repr__(self) -> str:
        return f"Ins({self.masked})"

    __str__ = __repr__


@dataclass(frozen=True, slots=True, repr=False)
class ReadIns:
    """What a document says of its patient: 13 or 15 characters, whatever OID, and whether the key is right."""

    matricule: str
    oid: str
    key_ok: bool

    @property
    def oid_known(self) -> bool:
        return self.oid in OIDS

    def speaks_of(self, ins: Ins) -> bool:
        """The same 13 characters; a wrong key or another OID is for the caller to warn of."""
        return self.matricule[:BODY].upper() == ins.canonical[:BODY]

    def __repr__(self) -> str:
        return f"ReadIns(…{self.matricule[-4:]}, key_ok={self.key_ok})"

    __str__ = __repr__


def key_of(body: str) -> str:
    """The two digits that go with 13 characters: 97 − (body mod 97), 2A as 19, 2B as 18. Raises NotAnIns."""
    cleaned = _clean(body)
    if len(cleaned) != BODY or not _READABLE.fullmatch(cleaned):
        raise NotAnIns("the key is reckoned from 13 characters")
    return str(nir.calc_check_digits(cleaned.upper()))


def has_right_key(matricule: str) -> bool:
    """Whether these are exactly 15 characters, the last two being the key of the first 13."""
    if len(matricule) != WHOLE or not _MATRICULE.fullmatch(matricule):
        return False
    return bool(nir.calc_check_digits(matricule[:BODY].upper()) == matricule[BODY:])


def shape_of(body: str) -> Shape:
    """Which kind of number the 13 characters look like; the shapes exclude each other by their first digit."""
    for shape, pattern in ((Shape.NIR, _NIR), (Shape.NNP, _NNP), (Shape.MIG, _MIG)):
        if pattern.fullmatch(body):
            return shape
    return Shape.OTHER


def require_environment(ins: Ins, production: bool) -> None:
    """Raises WrongEnvironment: production takes no invented identity, everywhere else takes no real one."""
    if production and ins.oid in INVENTED_OIDS:
        raise WrongEnvironment("a test identity has no place in production")
    if not production and ins.oid in REAL_OIDS:
        raise WrongEnvironment("a real identity has no place outside production")


def _clean(text: str) -> str:
    if not isinstance(text, str) or len(text) > RAW_CHARACTERS:
        raise NotAnIns("this is not a matricule")
    return text.translate(_SPACES)
