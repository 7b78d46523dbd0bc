"""The files of the Base de données publique des médicaments → rows. No file, line or byte of them stops the import.

Tab-separated, no header; each file has its own encoding, and some lines end oddly. What cannot be used is counted.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from core.errors import BadInput

FILE_BYTES = 100_000_000
FIELD_CHARACTERS = 2000
MEDICINES, PACKS, SUBSTANCES = "CIS_bdpm.txt", "CIS_CIP_bdpm.txt", "CIS_COMPO_bdpm.txt"
CONDITIONS, GROUPS, SHORTAGES, ATC = "CIS_CPD_bdpm.txt", "CIS_GENER_bdpm.txt", "CIS_CIP_Dispo_Spec.txt", "CIS_MITM.txt"
COLUMNS = {MEDICINES: 12, PACKS: 10, SUBSTANCES: 8, CONDITIONS: 2, GROUPS: 4, SHORTAGES: 6, ATC: 2}
_CIS, _CIP13 = re.compile(r"[0-9]{8}"), re.compile(r"[0-9]{13}")
_CIS_AT = {GROUPS: 2}
_KINDS = {"0": "princeps", "1": "générique", "2": "générique", "4": "générique"}  # 2, 4: with a remark of the publisher
_SHORT = ("rupture", "tension", "arrêt")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")

Row = dict[str, object]


@dataclass
class Report:
    """What was read of each file: encoding, rows used, rows rejected; and the files that are not there."""

    encodings: dict[str, str] = field(default_factory=dict)
    used: dict[str, int] = field(default_factory=dict)
    rejected: dict[str, int] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Extract:
    """Everything to be stored. `digest` is that of the bytes read."""

    medicines: tuple[Row, ...]
    packs: tuple[Row, ...]
    digest: str
    report: Report


def read_folder(folder: Path) -> Extract:
    """Raises BadInput when there is no readable table of medicines, or a file is larger than any edition ever was."""
    report, digest = Report(), hashlib.sha256()
    tables = {name: _table(folder / name, report, digest) for name in COLUMNS}
    found = _medicines(tables[MEDICINES], report)
    if not found or report.rejected[MEDICINES] > len(found):
        raise BadInput(f"no table of medicines here: {MEDICINES} is missing or unreadable")
    _add(found, tables, report)
    return Extract(tuple(found.values()), tuple(_packs(tables[PACKS], found, report)), digest.hexdigest(), report)


def decode(data: bytes) -> tuple[str, str]:
    """The text and the encoding's name: UTF-8 when it is that, else the publisher's Western code page."""
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            return data.decode(encoding), encoding.removesuffix("-sig")
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1"), "latin-1"


def _table(path: Path, report: Report, digest: "hashlib._Hash") -> list[list[str]]:
    """The rows with enough columns and a right CIS."""
    name = path.name
    report.used[name] = report.rejected[name] = 0
    if not path.is_file():
        report.missing.append(name)
        return []
    if path.stat().st_size > FILE_BYTES:
        raise BadInput(f"{name} is too large")
    data = path.read_bytes()
    digest.update(name.encode() + b"\0" + hashlib.sha256(data).digest())
    text, report.encodings[name] = decode(data)
    rows = []
    for row in _rows(text):
        if len(row) < COLUMNS[name] or not _CIS.fullmatch(row[_CIS_AT.get(name, 0)]):
            report.rejected[name] += 1
        else:
            rows.append(row)
    return rows


def _rows(text: str) -> Iterator[list[str]]:
    for line in text.split("\n"):
        bare = _CONTROLS.sub("", line.replace("\t", "\x1f").replace("\r", "").replace("\x1f", "\t"))
        if bare.strip():
            yield [" ".join(cell.split())[:FIELD_CHARACTERS] for cell in bare.split("\t")]


def _medicines(rows: list[list[str]], report: Report) -> dict[str, Row]:
    found: dict[str, Row] = {}
    for row in rows:
        if not row[1] or row[0] in found:
            report.rejected[MEDICINES] += 1
            continue
        report.used[MEDICINES] += 1
        found[row[0]] = {
            "cis": row[0],
            "label": row[1],
            "form": row[2],
            "routes": row[3],
            "marketed": row[6].startswith("Commercialis"),
            "holder": row[10],
        } | dict.fromkeys(("atc", "substances", "conditions", "groups", "shortage"), "")
    return found


def _add(found: dict[str, Row], tables: dict[str, list[list[str]]], report: Report) -> None:
    """What the other files say of each medicine; rows about unknown ones are rejects."""
    for name, column, cell, cis_at in (
        (SUBSTANCES, "substances", 3, 0),
        (CONDITIONS, "conditions", 1, 0),
        (GROUPS, "groups", 1, 2),
        (ATC, "atc", 1, 0),
        (SHORTAGES, "shortage", 3, 0),
    ):
        for row in tables[name]:
            medicine, text = found.get(row[cis_at]), row[cell]
            if medicine is None or not text:
                report.rejected[name] += 1
                continue
            report.used[name] += 1
            _put(medicine, column, _told(name, text, row))


def _told(name: str, text: str, row: list[str]) -> str:
    """A shortage with its day, a generic group with the medicine's place in it."""
    if name == SHORTAGES:
        return f"{text} ({row[4]})"
    return f"{text} ({_KINDS[row[3]]})" if name == GROUPS and row[3] in _KINDS else text


def _put(medicine: Row, column: str, text: str) -> None:
    """Lines without repeats; a shortage counts while it lasts, and for the medicine as a whole."""
    if column == "shortage" and not text.casefold().startswith(_SHORT):
        return
    if column == "atc":
        medicine[column] = text[:8]
        return
    lines = str(medicine[column]).splitlines()
    if text not in lines and len(lines) < 50:
        medicine[column] = "\n".join([*lines, text])


def _packs(rows: list[list[str]], known: dict[str, Row], report: Report) -> Iterator[Row]:
    seen: set[str] = set()
    for row in rows:
        if row[0] not in known or not _CIP13.fullmatch(row[6]) or row[6] in seen:
            report.rejected[PACKS] += 1
            continue
        seen.add(row[6])
        report.used[PACKS] += 1
        marketed = row[4].startswith("Déclaration de commercialisation")
        facts = {"cip13": row[6], "cip7": row[1][:7], "cis": row[0], "label": row[2], "marketed": marketed}
        yield facts | {"rate": row[8][:20]}
