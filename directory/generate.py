"""Invented entries in the extraction's own form, from a seed: for the demonstration, tests and benchmarks.

Nobody here exists: names are drawn from common ones, RPPS numbers lie in a range that starts with 99 (Luhn-valid),
FINESS-like numbers in department 99, domains end in `.demo.mssante.test`.
"""

import random
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stdnum import luhn

from directory.extracts.mssante import COLUMNS

DOMAIN = "demo.mssante.test"
PHARMACY_SECTOR = "SA33"

_FAMILIES = [  # none of them is a patient of the demonstration: whoever looks for those in a dump finds nobody
    "Aubin",
    "Béranger",
    "Çelik",
    "D'Estréné",
    "de La Fère",
    "Du Plessis",
    "Étienne",
    "Faÿ",
    "Gaïa",
    "Hénon",
    "Ibáñez",
    "Jœrg",
    "Kérouanton",
    "L'Hôte",
    "Le Goff",
    "Lhuîtrier",
    "Maçon",
    "N'Diaye",
    "Noël",
    "Œuvrard",
    "Pâris",
    "Quimézec",
    "Rocher-Blanc",
    "Saint-Âne",
    "Tréguier",
    "Ustaritz",
    "Vœlker",
    "Wÿs",
    "Ximénès",
    "Yvon",
    "Zoé-Marchand",
    "van der Meer",
]
_GIVEN = [
    "Anaïs",
    "Benoît",
    "Chloé",
    "Désiré",
    "Élodie",
    "François",
    "Gaëlle",
    "Héloïse",
    "Inès",
    "Jean-Noël",
    "Kévin",
    "Loïc",
    "Maëlys",
    "Noémie",
    "Océane",
    "Pierre",
    "Quentin",
    "Raphaël",
    "Solène",
    "Théo",
    "Ursule",
    "Véronique",
    "Wanda",
    "Xavière",
    "Yaël",
    "Zélie",
]
_PROFESSIONS = (
    ("10", "Médecin", "SM26", "Qualifié en Médecine Générale"),
    ("10", "Médecin", "SM04", "Cardiologie et maladies vasculaires"),
    ("21", "Pharmacien", "", ""),
    ("60", "Infirmier", "", ""),
    ("70", "Masseur-Kinésithérapeute", "", ""),
    ("50", "Sage-Femme", "", ""),
)
_CITIES = (
    ("01999", "SAINT-AMOUR-LÈS-EAUX", "Ain"),
    ("29999", "PLOUÉZOC'H-LE-VIEUX", "Finistère"),
    ("35999", "BOURG-D'EN-HAUT", "Ille-et-Vilaine"),
    ("69999", "VAL-SUR-SAÔNE", "Rhône"),
    ("75999", "PARIS CEDEX 99", "Paris"),
)
_STREETS = ("des Écoles", "du Général-Inventé", "de l'Église", "Saint-Cœur", "des Prés-Hauts")
_PHARMACIES = ("des Halles", "du Pont-Neuf", "de la Gare", "du Vieux Marché", "de l'Étoile", "des Tilleuls", "du Port")


@dataclass(frozen=True, slots=True)
class Made:
    """An extraction's text (header and lines), and the sectors of its structures, which the form cannot tell."""

    text: str
    sectors: dict[str, str]

    def write(self, path: Path) -> Path:
        path.write_text(self.text, encoding="utf-8")
        return path


def generate(professionals: int, pharmacies: int, seed: int = 1) -> Made:
    """The same seed makes the same file. Pharmacies come first: `pharmacie.1@…`, `pharmacie.2@…`."""
    draw = random.Random(seed)  # noqa: S311  invented people, no secret
    rows = [_pharmacy(draw, n) for n in range(1, pharmacies + 1)]
    rows += [_professional(draw, n) for n in range(1, professionals + 1)]
    sectors = {row["Identification Structure"]: PHARMACY_SECTOR for row in rows[:pharmacies]}
    return Made("".join(_lines(rows)), sectors)


def rpps(number: int) -> str:
    """The `number`th invented RPPS: 11 digits, starting with 99, Luhn-valid."""
    body = f"99{number:08d}"
    return body + luhn.calc_check_digit(body)


def finess(number: int) -> str:
    """The `number`th invented FINESS: 9 digits, department 99, Luhn-valid."""
    body = f"99{number:06d}"
    return body + luhn.calc_check_digit(body)


def _lines(rows: list[dict[str, str]]) -> Iterator[str]:
    yield "|".join(COLUMNS) + "\n"
    for row in rows:
        yield "|".join(row.get(name, "") for name in COLUMNS) + "\n"


def _pharmacy(draw: random.Random, number: int) -> dict[str, str]:
    name = f"PHARMACIE {draw.choice(_PHARMACIES)}".upper()
    return (
        _structure(number, name)
        | {
            "Type de BAL": "ORG",
            "Adresse BAL": f"pharmacie.{number}@{DOMAIN}",
            "Service de rattachement": "Officine",
            "Dématérialisation": "O",
        }
        | _place(draw)
    )


def _professional(draw: random.Random, number: int) -> dict[str, str]:
    code, label, skill, skill_label = draw.choice(_PROFESSIONS)
    family, given = draw.choice(_FAMILIES), draw.choice(_GIVEN)
    return {
        "Type de BAL": "PER",
        "Adresse BAL": f"{_ascii(given)}.{_ascii(family)}.{number}@{DOMAIN}",
        "Type Identifiant PP": "8",
        "Identifiant PP": rpps(number),
        "Identification nationale PP": "8" + rpps(number),
        "Civilité d'exercice": "DR" if code == "10" else draw.choice(("M", "MME")),
        "Nom d'exercice": family.upper(),
        "Prénom d'exercice": given,
        "Catégorie profession": "C",
        "Libellé de catégorie profession": "Civil",
        "Code Profession": code,
        "Libellé Profession": label,
        "Code savoir-faire": skill,
        "Libellé savoir-faire": skill_label,
        "Dématérialisation": draw.choice("ON"),
    } | _place(draw)


def _structure(number: int, name: str) -> dict[str, str]:
    return {
        "Type identifiant structure": "1",
        "Identification Structure": "1" + finess(number),
        "Raison Sociale structure BAL": f"SELARL {name}",
        "Enseigne commerciale structure BAL": name,
    }


def _place(draw: random.Random) -> dict[str, str]:
    postcode, city, department = draw.choice(_CITIES)
    return {
        "L4NUMEROVOIE structure BAL": str(draw.randint(1, 199)),
        "L4COMPLEMENTNUMEROVOIE structure BAL": draw.choice(("", "", "B", "T")),
        "NL4TYPEVOIE structure BAL": "RUE",
        "L4LIBELLEVOIE structure BAL": draw.choice(_STREETS).upper(),
        "L6LIGNEACHEMINEMENT structure BAL": f"{postcode} {city}",
        "Code postal structure BAL": postcode,
        "Département structure BAL": department,
        "Pays structure BAL": "France",
    }


def _ascii(name: str) -> str:
    folded = unicodedata.normalize("NFKD", name.replace("œ", "oe").replace("Œ", "oe").lower())
    return "".join(
        letter if letter.isascii() and letter.isalpha() else "-"
        for letter in folded
        if letter.isprintable() and not unicodedata.combining(letter)
    ).strip("-")
