"""Invented national files in the extractions' own forms: RPPS activities and skills, FINESS, MSSanté, a red list.

The same seed and sizes make the same files. Nobody in them exists: RPPS and FINESS numbers lie in the invented ranges
of `directory.generate`. Mailboxes are spread over 5,000 domains as the published ones are (largest 62,000 of 535,000,
ten largest 46 %, median 4).
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from directory.extracts import mssante, rpps, skills
from directory.invented_names import Commune, Skewed, communes, families, given_names
from directory.words import folded

STAMP = "202611220337"
FILES = {
    "rpps": f"PS_LibreAcces_Personne_activite_{STAMP}.txt",
    "skills": f"PS_LibreAcces_SavoirFaire_{STAMP}.txt",
    "finess": f"etalab-cs1100507-stock-{STAMP}.csv",
    "mssante": f"Extraction_Correspondance_MSSante_{STAMP}.txt",
    "red": f"Liste_rouge_{STAMP}.txt",
}
RED_HEADER = "Adresse BAL"
DOMAINS = 5_000
BATCH = 20_000
Progress = Callable[[str, int, int], None]

# Profession code and label, skill type code and label, skill code and label, share.
_TRADES = (
    ("60", "Infirmier", "", "", "", "", 38),
    ("10", "Médecin", "S", "Spécialité ordinale", "SM54", "Médecine générale", 11),
    ("70", "Masseur-Kinésithérapeute", "", "", "", "", 9),
    ("21", "Pharmacien", "", "", "", "", 7),
    ("86", "Technicien de laboratoire médical", "", "", "", "", 4),
    ("40", "Chirurgien-Dentiste", "", "", "", "", 4),
    ("10", "Médecin", "S", "Spécialité ordinale", "SM02", "Anesthésie-réanimation", 2),
    ("10", "Médecin", "S", "Spécialité ordinale", "SM04", "Cardiologie et maladies vasculaires", 2),
    ("10", "Médecin", "S", "Spécialité ordinale", "SM40", "Pédiatrie", 2),
    ("10", "Médecin", "S", "Spécialité ordinale", "SM42", "Psychiatrie", 2),
    ("10", "Médecin", "S", "Spécialité ordinale", "SM44", "Radio-diagnostic", 2),
    ("10", "Médecin", "S", "Spécialité ordinale", "SM38", "Ophtalmologie", 1),
    ("10", "Médecin", "S", "Spécialité ordinale", "SM15", "Dermatologie et vénéréologie", 1),
    ("91", "Orthophoniste", "", "", "", "", 3),
    ("80", "Pédicure-Podologue", "", "", "", "", 2),
    ("50", "Sage-Femme", "", "", "", "", 3),
    ("93", "Psychologue", "", "", "", "", 5),
    ("94", "Ergothérapeute", "", "", "", "", 2),
)
_KINDS = (  # name, sector, label, category code and label, share
    ("CABINET {city}", "SA07", "Cabinet individuel", "", "", 50),
    ("PHARMACIE {word}", "SA33", "Pharmacie d'officine", "620", "Pharmacie d'Officine", 14),
    ("CENTRE HOSPITALIER {city}", "SA01", "Etablissement Public de santé", "355", "Centre Hospitalier (C.H.)", 6),
    ("CLINIQUE {word}", "SA04", "Etablissement privé non PSPH", "365", "Etablissement de Soins Pluridisciplinaire", 6),
    ("EHPAD {word}", "SA17", "Etablissement Personnes Agées", "500", "EHPAD", 12),
    ("LABORATOIRE {word}", "SA25", "Laboratoire d'analyses", "611", "Laboratoire de Biologie Médicale", 6),
    ("MAISON DE SANTE {word}", "SA08", "Cabinet de groupe", "603", "Maison de santé (L.6223-3)", 6),
)
_WORDS_TEXT = (
    "DES HALLES|DU PONT NEUF|DE LA GARE|DU VIEUX MARCHÉ|DE L'ÉTOILE|DES TILLEULS|DU PORT|DES LILAS|SAINTE-|"
    "CÉCILE|DES REMPARTS|DU PARC|DE L'OCÉAN|DES CÈDRES|DU LAC|BEAU SÉJOUR|DE L'HÔTEL DE VILLE|LES MIMOSAS|"
    "DE LA FONTAINE|DU MOULIN|DES ALPES|BELLEVUE|DE LA CROIX BLANCHE|DES ARCADES|DU CHÂTEAU|NOTRE-DAME|"
    "DE LA PLAINE"
)
_WORDS = _WORDS_TEXT.split("|")
_STREETS = ("DES ÉCOLES", "DU GÉNÉRAL-INVENTÉ", "DE L'ÉGLISE", "SAINT-CŒUR", "DES PRÉS-HAUTS", "DE LA RÉPUBLIQUE")
_WAYS = (("R", "Rue"), ("AV", "Avenue"), ("PL", "Place"), ("BD", "Boulevard"), ("CHE", "Chemin"))


@dataclass(frozen=True, slots=True)
class Place:
    """A structure, with the ends of the lines that speak of it."""

    key: str
    name: str
    company: str
    street: tuple[str, str, str]
    commune: Commune
    sector: str
    category: tuple[str, str]
    rpps_tail: str
    box_tail: str


def generate(folder: Path, *, seed: int, activities: int, mailboxes: int, progress: Progress) -> dict[str, int]:
    """Write the five files into `folder`; returns the number of lines of each, headers left out."""
    folder.mkdir(parents=True, exist_ok=True)
    draw = random.Random(seed)  # noqa: S311  invented people, no secret
    places = _places(draw, max(3, activities // 5))
    owners = _Owners(draw, mailboxes)
    counts = _people(folder, draw, places, activities, owners, progress)
    counts["finess"] = _finess(folder / FILES["finess"], places)
    counts |= _mailboxes(folder, draw, places, owners, mailboxes)
    return counts


def luhn_digit(digits: str) -> str:
    """The check digit of a number (ISO/IEC 7812-1 annex B)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit)
        if place % 2 == 0:
            value *= 2
            value -= 9 if value > 9 else 0
        total += value
    return str(-total % 10)


def _number(prefix: str, width: int, number: int) -> str:
    digits = f"{prefix}{number:0{width}d}"
    return digits + luhn_digit(digits)


def _places(draw: random.Random, count: int) -> list[Place]:
    towns = communes(draw, min(6_000, max(5, count // 20)))
    weights = [(rank + 3) ** -0.8 for rank in range(len(towns))]
    where = draw.choices(towns, weights, k=count)
    kinds = draw.choices(_KINDS, [kind[-1] for kind in _KINDS], k=count)
    return [_place(draw, number, where[number - 1], kinds[number - 1]) for number in range(1, count + 1)]


def _place(draw: random.Random, number: int, town: Commune, kind: tuple[str, str, str, str, str, int]) -> Place:
    name = kind[0].format(city=town.name, word=draw.choice(_WORDS))
    registered = bool(kind[3])
    finess = _number("99", 6, number % 10**6) if registered else ""
    siret = "" if registered else _number("999", 10, number)
    key = f"1{finess}" if registered else f"3{siret}"
    company = f"SELARL {name}" if number % 3 else name
    (way_code, way), street, house = draw.choice(_WAYS), draw.choice(_STREETS), str(draw.randint(1, 199))
    phone = f"0{number % 5 + 1}99{number % 10**6:06d}"
    rpps_tail = "|".join(
        (
            siret, siret[:9], finess, "", f"R10{number:012d}", company, name, "", "", house, "", way_code, way, street,
            "", f"{town.postcode} {town.name}", town.postcode, town.postcode, town.name, "99000", "France", phone, "",
            "", "", town.department_code, town.department, "", "ARS/CPAM", kind[1], kind[2],
        )
    )  # fmt: skip
    box_tail = "|".join(
        (company, name, "", "", house, "", way.upper(), street, "", f"{town.postcode} {town.name}", town.postcode,
         town.department, "France")
    )  # fmt: skip
    return Place(key, name, company, (house, way_code, street), town, kind[1], kind[3:5], rpps_tail, box_tail)


class _Owners:
    """Which people have mailboxes: taken along while the people are written."""

    def __init__(self, draw: random.Random, mailboxes: int) -> None:
        self.wanted = mailboxes - mailboxes * 85 // 535
        self.lines: list[str] = []
        self.domains = Skewed(draw, [_domain(n) for n in range(1, DOMAINS + 1)], 1.6, 5)

    def add(self, number: int, person: "_Person", place: Place, domain: str, digital: str) -> None:
        local = f"{_local(person.given)}.{_local(person.family)}"
        at_work = f"{place.key[0]}|{place.key}|" if number % 4 == 0 else "||"
        tail = place.box_tail if number % 4 == 0 else "|" * 12
        trade = person.trade
        self.lines.append(
            f"PER|{local}.{number}@{domain}|8|{person.id}|8{person.id}|{at_work}|{person.title}|{person.family.upper()}"
            f"|{person.given}|C|Civil|{trade[0]}|{trade[1]}|{trade[4]}|{trade[5]}|{digital}|{tail}\n"
        )


@dataclass(frozen=True, slots=True)
class _Person:
    id: str
    title: str
    family: str
    given: str
    trade: tuple[str, str, str, str, str, str, int]


def _people(
    folder: Path, draw: random.Random, places: list[Place], activities: int, owners: _Owners, progress: Progress
) -> dict[str, int]:
    names = Skewed(draw, families(draw, min(200_000, max(50, activities // 8))), 0.9, 20)
    given = Skewed(draw, given_names(draw), 0.8, 4)
    share = min(1.0, owners.wanted / max(1, activities / 1.35) * 1.02)
    done, number, skilled = 0, 0, 0
    with (
        (folder / FILES["rpps"]).open("w", encoding="utf-8", newline="\n") as works,
        (folder / FILES["skills"]).open("w", encoding="utf-8", newline="\n") as learnt,
    ):
        works.write("|".join(rpps.COLUMNS) + "|\n")
        learnt.write("|".join(skills.COLUMNS) + "|\n")
        while done < activities:
            for person, lines, place in _batch(draw, names, given, places, number, activities - done):
                number += 1
                done += len(lines)
                works.writelines(lines)
                if person.trade[4]:
                    skilled += 1
                    learnt.write(_skill(person))
                if len(owners.lines) < owners.wanted and draw.random() < share:
                    owners.add(number, person, place, owners.domains.many(1)[0], draw.choice("ON"))
            progress("RPPS", done, activities)
    return {"rpps": done, "skills": skilled}


def _batch(
    draw: random.Random, names: Skewed, given: Skewed, places: list[Place], start: int, left: int
) -> Iterator[tuple[_Person, list[str], Place]]:
    """The next people, each with its lines; no more than `left` lines in all."""
    many = min(BATCH, left)
    trades = draw.choices(_TRADES, [trade[-1] for trade in _TRADES], k=many)
    jobs = draw.choices((1, 2, 3, 4), (75, 18, 5, 2), k=many)
    drawn = zip(names.many(many), given.many(many), trades, jobs, strict=True)
    for number, (family, first, trade, count) in enumerate(drawn, start + 1):
        if not left:
            return
        taken = min(count, left)
        left -= taken
        title = "DR" if trade[0] in ("10", "40") else "MME" if number % 3 else "M"
        person = _Person(_number("99", 8, number), title, family, first, trade)
        where = draw.choices(places, k=taken)
        yield person, [_activity(person, place) for place in where], where[0]


def _activity(person: _Person, place: Place) -> str:
    trade, code = person.trade, person.title
    long = {"DR": "Docteur", "MME": "", "M": ""}[code]
    mode = "L|Libéral" if place.key[0] == "3" else "S|Salarié"
    section = "A|Pharmacie d'officine : titulaires" if trade[0] == "21" and place.sector == "SA33" else "|"
    return (
        f"8|{person.id}|8{person.id}|{code if long else ''}|{long}|{code if not long else 'M'}|"
        f"{'Monsieur' if code != 'MME' else 'Madame'}|{person.family.upper()}|{person.given}|{trade[0]}|{trade[1]}"
        f"|C|Civil|{trade[2]}|{trade[3]}|{trade[4]}|{trade[5]}|{mode}|{place.rpps_tail}|{section}"
        f"|||GENR01|Activité standard|\n"
    )


def _skill(person: _Person) -> str:
    trade = person.trade
    return (
        f"8|{person.id}|8{person.id}|{person.family.upper()}|{person.given}|{trade[0]}|{trade[1]}|C|Civil|{trade[2]}|"
        f"{trade[3]}|{trade[4]}|{trade[5]}|\n"
    )


def _finess(path: Path, places: list[Place]) -> int:
    """Establishments, then their positions."""
    known = list({place.key: place for place in places if place.key[0] == "1"}.values())
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(f"finess;etalab;90;{STAMP[:4]}-{STAMP[4:6]}-{STAMP[6:8]}\n")
        for place in known:
            file.write(_establishment(place))
        for number, place in enumerate(known):
            file.write(f"geolocalisation;{place.key[1:]};{650000 + number % 9000}.5;6860000.1;1,ATLASANTE;2026-11-01\n")
    return 2 * len(known)


def _establishment(place: Place) -> str:
    town, (house, way, street) = place.commune, place.street
    return ";".join(
        (
            "structureet", place.key[1:], "", place.name[:38], place.company, "", "", house, way, street, "", "",
            town.postcode[-3:], town.department_code, town.department, f"{town.postcode} {town.name}", "", "",
            place.category[0], place.category[1], "3101", "Etablissements", "", "", "", "", "", "", "1990-01-01",
            "1990-01-01", "2026-11-01", "",
        )
    ) + "\n"  # fmt: skip


def _mailboxes(
    folder: Path, draw: random.Random, places: list[Place], owners: _Owners, mailboxes: int
) -> dict[str, int]:
    lines = owners.lines[:mailboxes]
    left = mailboxes - len(lines)
    domains = owners.domains.many(left)
    for number in range(left):
        place = places[number % len(places)]
        service = ("Officine", "Secrétariat", "Urgences", "Accueil", "Biologie")[number % 5]
        lines.append(
            f"ORG|{_local(service)}.{number}@{domains[number]}||||{place.key[0]}|{place.key}|{service}||||||||||"
            f"{draw.choice('ON')}|{place.box_tail}\n"
        )
    with (folder / FILES["mssante"]).open("w", encoding="utf-8", newline="\n") as file:
        file.write("|".join(mssante.COLUMNS) + "\n")
        file.writelines(lines)
    red = [line.split("|", 2)[1] for line in lines[::100]]
    (folder / FILES["red"]).write_text("\n".join([RED_HEADER, *red, ""]), encoding="utf-8")
    return {"mssante": len(lines), "red": len(red)}


def _domain(number: int) -> str:
    return f"operateur-{number}.mssante.test" if number <= 40 else f"etab-{number}.mssante.test"


def _local(name: str) -> str:
    return folded(name).replace(" ", "-")
