"""Which extraction a file is, by its first line; of a file that is none, why not."""

from pathlib import Path

from core.errors import BadInput
from directory.extracts import mssante, rpps, skills
from directory.extracts.files import first_line
from directory.extracts.lines import header_names

RPPS, SKILLS, FINESS, MSSANTE, RED = "rpps", "skills", "finess", "mssante", "red"
KINDS = (MSSANTE, RPPS, SKILLS, FINESS, RED)
RED_COLUMNS = ("Adresse BAL",)  # the operator's own list: addresses that nobody but the entitled may see
_HEADERS = {mssante.COLUMNS: MSSANTE, rpps.COLUMNS: RPPS, skills.COLUMNS: SKILLS, RED_COLUMNS: RED}
_BOM = b"\xef\xbb\xbf"
_FINESS_START = b"finess;etalab;"
_OTHER_FORMS = (
    (b"\xff\xfe", "le texte est en UTF-16, l'UTF-8 est attendu"),
    (b"\xfe\xff", "le texte est en UTF-16, l'UTF-8 est attendu"),
    (b"\x1f\x8b", "le fichier est compressé par gzip : un texte ou un zip est attendu"),
    (b"%PDF", "c'est un PDF"),
)


def kind_of(path: Path) -> str:
    """By the first line. Raises BadInput, which says why, when it is none of ours."""
    line = first_line(path)
    kind = _known(line)
    if kind is None:
        raise BadInput(f"{path.name} : {_why_not(line)}", "unknown header")
    return kind


def _known(line: bytes) -> str | None:
    if line.removeprefix(_BOM).startswith(_FINESS_START):
        return FINESS
    return _HEADERS.get(header_names(line))


def _why_not(line: bytes) -> str:
    if not line.strip():
        return "fichier vide, ou dont la première ligne est vide"
    for start, reason in _OTHER_FORMS:
        if line.startswith(start):
            return reason
    if b"\0" in line:
        return "ce n'est pas un texte"
    return _almost(line) or "ce fichier n'est pas une extraction connue (MSSanté, RPPS, savoir-faire, FINESS)"


def _almost(line: bytes) -> str:
    """What keeps it from being one of ours; empty when it is nothing like them."""
    names = header_names(line)
    if any(_same(names, columns) for columns in _HEADERS):
        return "les colonnes ne sont pas dans l'ordre attendu"
    if line.count(b"\r") > 1:
        return "les lignes finissent par un retour chariot seul"
    if _read_as(line, "utf-8", "latin-1") or _read_as(line, "cp1252"):
        return "le texte n'est pas en UTF-8"
    if any(_known(line.replace(mark, b"|").replace(b'"', b"")) for mark in (b";", b"\t", b",", b"|")):
        return "le séparateur ou les guillemets ne sont pas ceux d'une extraction"
    shared, kind = max((_shared(set(names), set(columns)), kind) for columns, kind in _HEADERS.items())
    if shared > 0.5:
        return f"extraction {kind} : des colonnes manquent ou sont en trop"
    if line.startswith((b"PER|", b"ORG|", b"APP|", b"CAB|", b"structureet;")) or _counted(names):
        return "la ligne d'en-tête manque"
    return ""


def _same(names: tuple[str, ...], columns: tuple[str, ...]) -> bool:
    return sorted(name for name in names if name) == sorted(columns)


def _shared(names: set[str], columns: set[str]) -> float:
    return len(names & columns) / len(names | columns)


def _read_as(line: bytes, encoding: str, then: str = "") -> bool:
    """Whether it is a header of ours in another encoding, or encoded twice."""
    try:
        text = line.decode(encoding)
        return _known(text.encode(then) if then else text.encode()) is not None
    except UnicodeError:
        return False


def _counted(names: tuple[str, ...]) -> bool:
    """A line of data has as many columns as one of the headers."""
    return any(len(names) in (len(columns), len(columns) - 1) for columns in _HEADERS if len(columns) > 1)
