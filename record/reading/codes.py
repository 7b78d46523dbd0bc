"""The codes of a prescription as numbers to show, and to scan into the pharmacy's own software. They prove nothing.

The content of an *ordonnance numérique* lies at the Assurance maladie: what is printed is an identifier.
"""

import re
from dataclasses import dataclass

from record.reading.picture import Found

SAY = "à scanner dans le LGO"
CHARACTERS = 200
TWO_D_DOC, NUMBER = "2D-Doc", "numéro d'ordonnance"
_KINDS = {"QRCode": "QR", "DataMatrix": "DataMatrix", "Aztec": "Aztec"}
_TWO_D_DOC = re.compile(r"DC0[0-9][A-Z0-9]{4}")  # marker, version, authority of the certificate
_PRESCRIPTION = re.compile(r"(?<![A-Z0-9])[A-Z0-9]{18}(?![A-Z0-9])")  # DOMAIN.md §13
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


@dataclass(frozen=True, slots=True, repr=False)
class Code:
    """A code found: its kind, and the number to show."""

    kind: str
    number: str

    @property
    def is_address(self) -> bool:
        """Only a link to some page: no sign of a prescription."""
        return self.number.casefold().startswith(("http:", "https:", "www."))


def shown(found: tuple[Found, ...]) -> tuple[Code, ...]:
    """What to show of them, each once."""
    return tuple(dict.fromkeys(_code(one) for one in found if one.text.strip()))


def _code(found: Found) -> Code:
    if found.kind == "DataMatrix" and _TWO_D_DOC.match(found.text):
        return Code(TWO_D_DOC, _plain(found.text))
    number = _PRESCRIPTION.search(found.text)
    kind = _KINDS.get(found.kind, found.kind)
    return Code(kind, number[0] if number and not _plain(found.text).startswith("http") else _plain(found.text))


def _plain(text: str) -> str:
    return _CONTROLS.sub(" ", text).strip()[:CHARACTERS]
