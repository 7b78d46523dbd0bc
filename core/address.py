"""Mail addresses as values: what one holds is a plain ASCII `local@domain` that no other address imitates."""

import enum
import re
import unicodedata
from dataclasses import dataclass, field
from functools import lru_cache

from email_validator import EmailNotValidError, validate_email
from email_validator.syntax import validate_email_local_part

from core.errors import BadInput
from core.ins import OID_NIA, OID_TEST, Ins, Shape, has_right_key, shape_of

ADDRESS_OCTETS = 254  # RFC 5321 §4.5.3.1.3: a path has 256 with its angle brackets
# RFC 5321 §4.1.2 atoms, less `%` and `!`: the old source routes hide behind them (§F.2).
_LOCAL = re.compile(r"[A-Za-z0-9#$&'*+/=?^_`{|}~.-]+")


class NotAnAddress(BadInput):
    """The text is not a mail address that we take. The text itself is never repeated."""


class MailboxKind(enum.StrEnum):
    """The kinds of the annuaire, the patient's, and our own."""

    PER = "PER"  # one professional
    ORG = "ORG"  # a service or team of a structure
    APP = "APP"  # a software or machine of a structure
    CAB = "CAB"  # a liberal practice
    PAT = "PAT"  # a patient
    SYS = "SYS"  # this operator's own: postmaster, notices


@dataclass(frozen=True, slots=True)
class PatientRules:
    """Which domains hold patients, and under which OID a NIR found in an address is read."""

    domains: frozenset[str] = frozenset({"patient.mssante.fr"})
    oid: str = OID_TEST


class _InForce:
    rules = PatientRules()


def use_patient_rules(rules: PatientRules) -> None:
    """Puts the operator's rules in force for this process: once, at the start, by the wiring."""
    _InForce.rules = rules
    _parsed.cache_clear()


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Address:
    """A checked address. `local` is kept as given, `domain` is lower-case; two are equal when their `key` is.

    In a patient domain the local part is a right 15-character matricule, and `ins` holds it. Raises NotAnAddress.
    """

    local: str
    domain: str
    ins: Ins | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        domain = _checked_domain(self.local, self.domain)
        object.__setattr__(self, "domain", domain)
        if domain in _InForce.rules.domains:
            object.__setattr__(self, "ins", _patient(self.local))

    @classmethod
    def parse(cls, text: str, *, utf8: bool = False) -> "Address":
        """One bare address: no display name, angle brackets, comment, quoted local part, literal or source route.

        With `utf8` the domain may be written in its own letters (RFC 6531); what one holds is its ASCII form.
        """
        if not isinstance(text, str) or not 3 <= len(text) <= ADDRESS_OCTETS:
            raise NotAnAddress("an address has 3 to 254 characters")
        return _parsed(text, utf8)

    @property
    def text(self) -> str:
        return f"{self.local}@{self.domain}"

    @property
    def key(self) -> str:
        """Lower-case whole: the one to look up and compare by (a Corsican matricule is met in both cases)."""
        return self.text.lower()

    @property
    def is_patient(self) -> bool:
        return self.ins is not None

    @property
    def masked(self) -> str:
        return f"…@{self.domain}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Address) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __repr__(self) -> str:
        return f"Address({self.masked})"

    __str__ = __repr__


@lru_cache(maxsize=1024)  # who writes now writes again soon
def _parsed(text: str, utf8: bool) -> Address:
    local, at, domain = text.partition("@")
    if not at:
        raise NotAnAddress("an address has an @")
    return Address(local, _ascii_form(domain) if utf8 and not domain.isascii() else domain)


def _checked_domain(local: str, domain: str) -> str:
    if len(local) + 1 + len(domain) > ADDRESS_OCTETS or not domain.isascii() or not _LOCAL.fullmatch(local):
        raise NotAnAddress("an address is made of ASCII atoms and one domain name")
    try:
        validate_email_local_part(local, allow_smtputf8=False, strict=True)  # dots, 64 octets
        return _domain_name(domain)
    except EmailNotValidError:
        raise NotAnAddress("this is not a mail address") from None  # their text repeats the address


def _ascii_form(domain: str) -> str:
    try:
        return _domain_name(domain)
    except EmailNotValidError:
        raise NotAnAddress("this is not a mail address") from None


@lru_cache(maxsize=4096)  # a circle of trust has some 5,000 domains, and decoding one costs 50 µs
def _domain_name(domain: str) -> str:
    found = validate_email(
        f"x@{domain}",
        check_deliverability=False,
        allow_smtputf8=False,
        allow_domain_literal=False,
        allow_display_name=False,
        test_environment=True,  # names in .test are for tests, demonstrations and papers
    )
    _refuse_imitations(found.domain)
    return (found.ascii_domain or found.domain).lower()


def _refuse_imitations(domain: str) -> None:
    """A name in `xn--` form may read like another one: Latin letters only, once decoded (UTS #39 §5)."""
    if domain.isascii():
        return
    for letter in unicodedata.normalize("NFC", domain):
        if letter.isalpha() and not unicodedata.name(letter, "").startswith("LATIN SMALL LETTER "):
            raise NotAnAddress("this domain mixes scripts")


def _patient(local: str) -> Ins:
    if not has_right_key(local):
        raise NotAnAddress("a patient's address is the 15 characters of the matricule, key included")
    # An address names no OID; what does not look like a NIR can only be a provisional number.
    looks_nir = shape_of(local[:13]) is Shape.NIR
    return Ins(local, _InForce.rules.oid if looks_nir else OID_NIA)
