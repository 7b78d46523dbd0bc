"""The public MSSanté extraction: UTF-8, `|`, a header, 31 columns, one mailbox a line; in a zip or bare.

Pure: lines in, entries and rejections out, in the file's order. Nothing of a line is ever repeated in a reason.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from core.address import Address, NotAnAddress
from directory.extracts.entry import Entry, Rejection
from directory.extracts.lines import Unreadable, check_header, fields_of, text_of

COLUMNS = (
    "Type de BAL",
    "Adresse BAL",
    "Type Identifiant PP",
    "Identifiant PP",
    "Identification nationale PP",
    "Type identifiant structure",
    "Identification Structure",
    "Service de rattachement",
    "Civilité d'exercice",
    "Nom d'exercice",
    "Prénom d'exercice",
    "Catégorie profession",
    "Libellé de catégorie profession",
    "Code Profession",
    "Libellé Profession",
    "Code savoir-faire",
    "Libellé savoir-faire",
    "Dématérialisation",
    "Raison Sociale structure BAL",
    "Enseigne commerciale structure BAL",
    "L2COMPLEMENTLOCALISATION structure BAL",
    "L3COMPLEMENTDISTRIBUTION structure BAL",
    "L4NUMEROVOIE structure BAL",
    "L4COMPLEMENTNUMEROVOIE structure BAL",
    "NL4TYPEVOIE structure BAL",
    "L4LIBELLEVOIE structure BAL",
    "L5LIEUDITMENTION structure BAL",
    "L6LIGNEACHEMINEMENT structure BAL",
    "Code postal structure BAL",
    "Département structure BAL",
    "Pays structure BAL",
)
KINDS = frozenset({"PER", "ORG", "APP", "CAB"})
NAME = "MSSanté"
YES = frozenset({"O", "OUI", "Y", "1", "TRUE"})

Read = Entry | Rejection
LOCAL_OCTETS = 64  # RFC 5321 §4.5.3.1.1
_PLAIN = re.compile(r"[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*@([A-Za-z0-9.-]{1,180})", re.ASCII)


def parse_line(line: bytes, number: int) -> Read:
    """One line → an entry or a rejection; `number` counts from 1, the header being line 1."""
    try:
        return entry_of(row_of(text_of(line)))
    except Unreadable as fault:
        return Rejection(number, str(fault))


def parse_lines(lines: Iterable[bytes]) -> Iterator[Read]:
    """A whole file, header first. Blank lines are passed over. Raises BadInput on another header."""
    numbered = enumerate(lines, start=1)
    check_header(next(numbered, (1, b""))[1], COLUMNS, NAME)
    for number, line in numbered:
        if line.strip():
            yield parse_line(line, number)


class Row(NamedTuple):
    """The columns in their order."""

    kind: str
    address: str
    id_type: str
    id: str
    national_id: str
    structure_type: str
    structure_id: str
    service: str
    title: str
    family: str
    given: str
    category_code: str
    category: str
    profession_code: str
    profession: str
    specialty_code: str
    specialty: str
    digital: str
    company: str
    sign: str
    line2: str
    line3: str
    number: str
    repeat: str
    way: str
    street: str
    line5: str
    line6: str
    postcode: str
    department: str
    country: str

    @property
    def takes_digital(self) -> bool:
        return self.digital.upper() in YES

    @property
    def structure_name(self) -> str:
        return self.sign or self.company

    @property
    def line4(self) -> str:
        return " ".join(part for part in (self.number, self.repeat, self.way, self.street) if part)

    @property
    def city(self) -> str:
        """`75007 PARIS CEDEX 07` → `PARIS`."""
        name = self.line6.removeprefix(self.postcode).strip() if self.postcode else self.line6
        return name.partition(" CEDEX")[0].strip()


def row_of(text: str) -> Row:
    """A line that was decoded and checked → its columns, the address in lower case. Raises Unreadable."""
    fields = fields_of(text, len(COLUMNS))
    if " |" in text or "| " in text:
        fields = [field.strip() for field in fields]
    if fields[0] not in KINDS:
        raise Unreadable("unknown kind of mailbox")
    fields[1] = _checked(fields[1])
    return Row._make(fields)


def _checked(text: str) -> str:
    """The address in lower case. Raises Unreadable. Of a plain one the domain alone is looked at, once."""
    plain = _PLAIN.fullmatch(text)
    if plain and plain.end() - len(plain[1]) <= LOCAL_OCTETS + 1 and _takes_any_local_part(plain[1].lower()):
        return text.lower()
    try:
        address = Address.parse(text)
    except NotAnAddress:
        raise Unreadable("not an address") from None
    if address.is_patient:
        raise Unreadable("a patient's address is never published")
    return address.key


@lru_cache(maxsize=1 << 15)
def _takes_any_local_part(domain: str) -> bool:
    """A good domain that is no patients' one: there the local part must be a matricule, which this is not."""
    try:
        return not Address.parse(f"a@{domain}").is_patient
    except NotAnAddress:
        return False


def entry_of(row: Row, sector: str = "", *, red_list: bool = False) -> Entry:
    """The entry that a row publishes; what its extraction does not tell comes from elsewhere."""
    return Entry(*values_of(row, sector, red_list=red_list))


def values_of(row: Row, sector: str = "", *, red_list: bool = False) -> tuple[Any, ...]:
    """The values of that entry in the order of its fields: of half a million no objects are made."""
    return (
        row.address,
        row.kind,
        row.national_id[:16],
        row.structure_id[:24],
        row.service,
        row.title,
        row.family,
        row.given,
        row.profession_code[:8],
        row.profession,
        row.specialty_code[:16],
        row.specialty,
        row.sign or row.company,
        sector,
        row.line2,
        row.line3,
        row.line4,
        row.line5,
        row.postcode[:16],
        row.city,
        row.department,
        row.country,
        row.takes_digital,
        red_list,
        0,
    )
