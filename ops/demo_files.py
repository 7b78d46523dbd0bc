"""What the demonstration's patient sends to the pharmacy: a prescription with a text layer, and a phone's photo of one.

Everybody here is invented; the prescriber's RPPS lies in the range that nobody has.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

from core.ins import Ins, key_of
from directory.generate import rpps
from directory.patients import Identity
from ops.pdf_writer import Line, Rule, jpeg_pdf, jpeg_size, text_pdf

PHOTO = "ordonnance_photo.jpg"
PHOTO_DATE = date(2026, 5, 28)
_MONTHS = (
    *("janvier", "février", "mars", "avril", "mai", "juin"),
    *("juillet", "août", "septembre", "octobre", "novembre", "décembre"),
)
_LEFT, _WIDTH = 56, 483


@dataclass(frozen=True, slots=True)
class Prescriber:
    """Who signs the prescription."""

    name: str
    specialty: str
    rpps: str
    lines: tuple[str, ...]


PRESCRIBER = Prescriber(
    "Dr Hélène Kérouanton",
    "Médecine générale",
    rpps(4201),
    ("12 rue du Général-Inventé", "29999 Plouézoc'h-le-Vieux", "Tél. 01 99 00 42 01"),
)

# (what, how): prescribed by international name, as the law asks.
MEDICINES = (
    ("LÉVOTHYROXINE SODIQUE 75 µg, comprimé", "1 comprimé le matin à jeun, QSP 3 mois"),
    ("RAMIPRIL 5 mg, comprimé", "1 comprimé le soir, QSP 1 mois, à renouveler 2 fois"),
    ("PARACÉTAMOL 1 g, comprimé", "1 comprimé si douleur, maximum 3 par jour, pendant 5 jours"),
    ("AMOXICILLINE 1 g, comprimé dispersible", "1 comprimé matin et soir pendant 6 jours"),
    ("CHOLÉCALCIFÉROL 100 000 UI, solution buvable en ampoule", "1 ampoule en une prise, QSP 1 ampoule"),
)


def demo_patient() -> Identity:
    """The invented patient whose name stands on the photo."""
    body = "2790399123001"
    return Identity(Ins(body + key_of(body)), "LÉVÊQUE", "Maëlys", "1979-03-14", "F")


def prescription_pdf(patient: Identity, day: date, prescriber: Prescriber = PRESCRIBER) -> bytes:
    """A one-page PDF with a text layer; the patient's number is printed on it. The same arguments, the same bytes."""
    marks = [*_letterhead(prescriber, day), *_who(patient), *_treatment(), *_foot(prescriber)]
    return text_pdf(marks, "Ordonnance (démonstration)")


def photo_jpeg() -> bytes:
    """A phone's photo of such a prescription, made out for `demo_patient`."""
    return files("ops").joinpath("demo_data", PHOTO).read_bytes()


def photo_pdf() -> bytes:
    """The same photo as a scanning application sends it: a PDF of one picture, without any text."""
    jpeg = photo_jpeg()
    return jpeg_pdf(jpeg, *jpeg_size(jpeg), "Ordonnance photographiée (démonstration)")


def medicines_folder() -> Path:
    """A reference of seven invented medicines in the format of the public one: barcodes and groups for the counter."""
    return Path(str(files("ops").joinpath("demo_data", "bdpm")))


def _letterhead(prescriber: Prescriber, day: date) -> Iterator[Line | Rule]:
    yield Line(_LEFT, 780, prescriber.name, 16, bold=True)
    yield Line(_LEFT, 762, prescriber.specialty)
    yield Line(_LEFT, 746, f"N° RPPS : {prescriber.rpps}")
    for number, line in enumerate(prescriber.lines):
        yield Line(370, 780 - 16 * number, line, 10)
    yield Line(370, 724, f"Le {_spoken(day)}")
    yield Rule(_LEFT, 708, _WIDTH)


def _who(patient: Identity) -> Iterator[Line]:
    born = date.fromisoformat(patient.birth_date)
    yield Line(_LEFT, 680, f"{patient.given} {patient.family}", 13, bold=True)
    gender = "Née" if patient.sex == "F" else "Né"
    yield Line(_LEFT, 662, f"{gender} le {born:%d/%m/%Y}")
    yield Line(_LEFT, 646, f"INS : {_spaced(patient.ins.canonical)}")


def _treatment() -> Iterator[Line]:
    yield Line(250, 606, "ORDONNANCE", 14, bold=True)
    top = 566
    for number, (what, how) in enumerate(MEDICINES, start=1):
        yield Line(_LEFT, top, f"{number}. {what}", 12, bold=True)
        yield Line(_LEFT + 18, top - 18, how, 11.5)
        top -= 52
    yield Line(_LEFT, top - 4, f"{len(MEDICINES)} médicaments prescrits. Ordonnance valable 3 mois.")


def _foot(prescriber: Prescriber) -> Iterator[Line | Rule]:
    yield Line(370, 236, "Signature")
    yield Line(370, 196, prescriber.name, 12)
    yield Rule(_LEFT, 84, _WIDTH)
    yield Line(_LEFT, 66, "DÉMONSTRATION – document sans valeur : personnes et soins inventés.", 9)


def _spoken(day: date) -> str:
    return f"{'1er' if day.day == 1 else day.day} {_MONTHS[day.month - 1]} {day.year}"


def _spaced(matricule: str) -> str:
    """As printed on a card: 2 79 03 99 123 001 45."""
    cuts = (0, 1, 3, 5, 7, 10, 13, 15)
    return " ".join(matricule[start:end] for start, end in pairwise(cuts))
