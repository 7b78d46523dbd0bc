"""Prescriptions in files: read one after the other, each answered with its proposed lines."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

from core.db import Db
from core.errors import PliError
from core.settings import Settings
from ops import instance
from ops.control import Progress
from record.lines import Line
from record.medicines.search import Index
from record.medicines.shelf import Shelf
from record.reading.rapid import Rapid
from record.reading.read import Reader, Reading
from record.reading.words import ORIGINS, REFUSALS
from record.unpack.facts import Problem
from record.unpack.limits import ATTACHMENT_BYTES

_FIELDS = {"name": "nom", "strength": "dosage", "form": "forme", "dose": "posologie", "duration": "durée"}


def read(files: list[Path], home: Path, as_json: bool, progress: Progress) -> None:
    """Print what each file proposes; the medicines come from the instance at `home`, where it has any."""
    with _medicines(home) as index:
        reader = Reader(lambda: index, other=Rapid())
        for done, file in enumerate(files, 1):
            reading = _read(reader, file)
            _print(file, reading, as_json)
            progress("files", done, len(files))


@contextmanager
def _medicines(home: Path) -> Iterator[Index | None]:
    """The index of the instance's reference data; None without instance, data, or answer from its database."""
    if not instance.exists(home):
        yield None
        return
    db = Db.open(Settings.load(home).database_url)
    try:
        yield _index(db)
    finally:
        db.close()


def _index(db: Db) -> Index | None:
    try:
        return Shelf(db).index()
    except PliError:
        typer.echo("pli: the reference data cannot be read; going on without it", err=True)
        return None


def _read(reader: Reader, file: Path) -> Reading:
    if not file.is_file():
        return Reading(refused="Fichier introuvable.")
    if file.stat().st_size > ATTACHMENT_BYTES:
        return Reading(refused=REFUSALS[Problem.TOO_LARGE])
    return reader.read(file.read_bytes(), file.name)


def _print(file: Path, reading: Reading, as_json: bool) -> None:
    if reading.missing:
        typer.echo(f"pli: {reading.missing}", err=True)
    if as_json:
        print(json.dumps(row(file, reading), ensure_ascii=False), flush=True)
        return
    print(f"{file} : {ORIGINS[reading.origin]} {reading.refused}".rstrip())
    for line in reading.lines:
        print(f"  {_shown(line)}")
    for code in reading.codes:
        print(f"{code.kind} {code.number} : à scanner dans le LGO")


def row(file: Path, reading: Reading) -> dict[str, Any]:
    """One file's answer. `dose` holds how much, when and how often, as written."""
    return {
        "file": str(file),
        "origin": ORIGINS[reading.origin],
        "lines": [_line(line) for line in reading.lines],
        "codes": [{"kind": code.kind, "number": code.number, "say": "à scanner dans le LGO"} for code in reading.codes],
        "refused": reading.refused,
    }


def _line(line: Line) -> dict[str, Any]:
    return {
        "text": line.raw,
        "name": line.name,
        "strength": line.strength,
        "form": line.form,
        "dose": _dose(line),
        "duration": line.duration,
        "renewals": line.renewals,
        "cis": line.cis,
        "confidence": line.confidence,
        "to_confirm": list(line.to_confirm),
    }


def _dose(line: Line) -> str:
    parts = (line.dose, ", ".join(line.moments), line.frequency, line.intake, "si besoin" if line.if_needed else "")
    return " ".join(part for part in parts if part)


def _shown(line: Line) -> str:
    parts = (line.name, line.strength, line.form, _dose(line), line.duration)
    asked = f" [à confirmer : {', '.join(_FIELDS.get(field, field) for field in line.to_confirm)}]"
    return " · ".join(part for part in parts if part) + (asked if line.to_confirm else "")
