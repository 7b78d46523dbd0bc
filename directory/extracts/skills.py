"""The public RPPS extraction `PS_LibreAcces_SavoirFaire`: UTF-8, `|`, a header, 13 columns and an empty one.

One line is one skill (*savoir-faire*) of one person. Pure: lines in, skills and rejections out.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from directory.extracts.entry import Rejection
from directory.extracts.lines import Unreadable, check_header, fields_of, text_of

COLUMNS = (
    "Type d'identifiant PP",
    "Identifiant PP",
    "Identification nationale PP",
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
)
COUNT = len(COLUMNS)
NAME = "RPPS (savoir-faire)"


class Skill(NamedTuple):
    """The columns in their order."""

    id_type: str
    id: str
    national_id: str
    family: str
    given: str
    profession_code: str
    profession: str
    category_code: str
    category: str
    type_code: str
    type: str
    code: str
    label: str


def skill_of(text: str) -> Skill:
    """A line that was decoded and checked → its columns. Raises Unreadable."""
    skill = Skill._make(fields_of(text, COUNT))
    if not (1 < len(skill.national_id) <= 16 and skill.national_id.isalnum() and skill.national_id.isascii()):
        raise Unreadable("no national identifier")
    if not skill.code:
        raise Unreadable("no skill")
    return skill


def parse_line(line: bytes, number: int) -> Skill | Rejection:
    """One line → a skill or a rejection; `number` counts from 1, the header being line 1."""
    try:
        return skill_of(text_of(line))
    except Unreadable as fault:
        return Rejection(number, str(fault))


def parse_lines(lines: Iterable[bytes]) -> Iterator[Skill | Rejection]:
    """A whole file, header first. Blank lines are passed over. Raises BadInput on another header."""
    numbered = enumerate(lines, start=1)
    check_header(next(numbered, (1, b""))[1], COLUMNS, NAME)
    for number, line in numbered:
        if line.strip():
            yield parse_line(line, number)
