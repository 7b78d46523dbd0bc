"""The public RPPS extraction `PS_LibreAcces_Personne_activite`: UTF-8, `|`, a header, 56 columns and an empty one.

One line is one activity of one person; a person has several. Pure: lines in, activities and rejections out.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from directory.extracts.entry import Rejection
from directory.extracts.lines import Unreadable, check_header, fields_of, text_of

_PLACE = " (coord. structure)"
COLUMNS = (
    "Type d'identifiant PP",
    "Identifiant PP",
    "Identification nationale PP",
    "Code civilité d'exercice",
    "Libellé civilité d'exercice",
    "Code civilité",
    "Libellé civilité",
    "Nom d'exercice",
    "Prénom d'exercice",
    "Code profession",
    "Libellé profession",
    "Code catégorie professionnelle",
    "Libellé catégorie professionnelle",
    "Code type savoir-faire",
    "Libellé type savoir-faire",
    "Code savoir-faire",
    "Libellé savoir-faire",
    "Code mode exercice",
    "Libellé mode exercice",
    "Numéro SIRET site",
    "Numéro SIREN site",
    "Numéro FINESS site",
    "Numéro FINESS établissement juridique",
    "Identifiant technique de la structure",
    "Raison sociale site",
    "Enseigne commerciale site",
    "Complément destinataire" + _PLACE,
    "Complément point géographique" + _PLACE,
    "Numéro Voie" + _PLACE,
    "Indice répétition voie" + _PLACE,
    "Code type de voie" + _PLACE,
    "Libellé type de voie" + _PLACE,
    "Libellé Voie" + _PLACE,
    "Mention distribution" + _PLACE,
    "Bureau cedex" + _PLACE,
    "Code postal" + _PLACE,
    "Code commune" + _PLACE,
    "Libellé commune" + _PLACE,
    "Code pays" + _PLACE,
    "Libellé pays" + _PLACE,
    "Téléphone" + _PLACE,
    "Téléphone 2" + _PLACE,
    "Télécopie" + _PLACE,
    "Adresse e-mail" + _PLACE,
    "Code Département (structure)",
    "Libellé Département (structure)",
    "Ancien identifiant de la structure",
    "Autorité d'enregistrement",
    "Code secteur d'activité",
    "Libellé secteur d'activité",
    "Code section tableau pharmaciens",
    "Libellé section tableau pharmaciens",
    "Code rôle",
    "Libellé rôle",
    "Code genre activité",
    "Libellé genre activité",
)
COUNT = len(COLUMNS)
NAME = "RPPS (personnes et activités)"


class Activity(NamedTuple):
    """The columns in their order."""

    id_type: str
    id: str
    national_id: str
    title_code: str
    title: str
    civility_code: str
    civility: str
    family: str
    given: str
    profession_code: str
    profession: str
    category_code: str
    category: str
    skill_type_code: str
    skill_type: str
    skill_code: str
    skill: str
    mode_code: str
    mode: str
    siret: str
    siren: str
    finess: str
    finess_legal: str
    technical_id: str
    company: str
    sign: str
    to: str
    point: str
    number: str
    repeat: str
    way_code: str
    way: str
    street: str
    mention: str
    cedex: str
    postcode: str
    commune_code: str
    commune: str
    country_code: str
    country: str
    phone: str
    phone2: str
    fax: str
    email: str
    department_code: str
    department: str
    former_id: str
    authority: str
    sector_code: str
    sector: str
    section_code: str
    section: str
    role_code: str
    role: str
    genre_code: str
    genre: str

    @property
    def structure_id(self) -> str:
        """`1` + FINESS, `3` + SIRET, else the technical id; empty for an activity without a place."""
        return f"1{self.finess}" if self.finess else f"3{self.siret}" if self.siret else self.technical_id

    @property
    def structure_name(self) -> str:
        return self.sign or self.company


def activity_of(text: str) -> Activity:
    """A line that was decoded and checked → its columns. Raises Unreadable."""
    activity = Activity._make(fields_of(text, COUNT))
    if not (1 < len(activity.national_id) <= 16 and activity.national_id.isalnum() and activity.national_id.isascii()):
        raise Unreadable("no national identifier")
    if not activity.family:
        raise Unreadable("no name")
    return activity


def parse_line(line: bytes, number: int) -> Activity | Rejection:
    """One line → an activity or a rejection; `number` counts from 1, the header being line 1."""
    try:
        return activity_of(text_of(line))
    except Unreadable as fault:
        return Rejection(number, str(fault))


def parse_lines(lines: Iterable[bytes]) -> Iterator[Activity | Rejection]:
    """A whole file, header first. Blank lines are passed over. Raises BadInput on another header."""
    numbered = enumerate(lines, start=1)
    check_header(next(numbered, (1, b""))[1], COLUMNS, NAME)
    for number, line in numbered:
        if line.strip():
            yield parse_line(line, number)
