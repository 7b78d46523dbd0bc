"""Who plays in the demonstration: everybody is invented, and their keys and passwords are worth nothing."""

from dataclasses import dataclass
from typing import Any

from core.ins import Ins, key_of
from directory.generate import DOMAIN
from directory.patients import Identity
from ops.demo_files import demo_patient

PASSWORD = "demo"  # noqa: S105  printed on every screen of the demonstration
PIN = "2580"  # of everybody at the counter; the page where one takes the post over says it
NEIGHBOUR = "hopital.voisin.mssante.test"  # another operator's domain, on the list of trusted ones
PHARMACY = f"pharmacie.1@{DOMAIN}"
PROFESSIONALS, PHARMACIES = 300, 40


@dataclass(frozen=True)
class Player:
    """One mailbox and who signs in to it: login and address are the same, the name is the mailbox's. `person` is who
    that is, where it is somebody else's too. `certificate` and `key` are files, relative to the home."""

    role: str
    address: str
    name: str
    kind: str
    person: str = ""

    @property
    def stem(self) -> str:
        """The name of the user's files."""
        return self.role if self.role != "patient" else f"patient-{self.address[13:15]}"

    def facts(self) -> dict[str, Any]:
        """For demo.json."""
        return {
            "role": self.role,
            "address": self.address,
            "login": self.address,
            "password": PASSWORD,
            "name": self.name,
        }


@dataclass(frozen=True)
class Colleague:
    """Somebody else at the pharmacy's counter, with a login of their own on its mailbox."""

    login: str
    person: str
    role: str = "pharmacist"

    def facts(self) -> dict[str, Any]:
        """For demo.json."""
        return {"login": self.login, "password": PASSWORD, "name": self.person, "pin": PIN}


COLLEAGUES = (Colleague("yanis.belhadj", "Yanis BELHADJ, préparateur"),)


def _born(body: str, family: str, given: str, date: str, sex: str) -> Identity:
    return Identity(Ins(body + key_of(body)), family, given, date, sex)


PATIENTS = (
    demo_patient(),
    _born("1840699123002", "D'AUBIGNÉ", "Théo", "1984-06-21", "M"),
    _born("2991299123003", "QUÉRÉ", "Inès", "1999-12-02", "F"),
)


def address_of(identity: Identity) -> str:
    """A patient's address: the matricule, key included."""
    return f"{identity.ins.matricule}@patient.mssante.fr"


def players() -> tuple[Player, ...]:
    """Three patients, then the pharmacist, the physician and the operator."""
    patients = tuple(Player("patient", address_of(one), f"{one.given} {one.family}", "PAT") for one in PATIENTS)
    return (
        *patients,
        Player("pharmacist", PHARMACY, "Pharmacie du Pont-Neuf", "ORG", "Claire MONTAIGU, pharmacienne"),
        Player("physician", f"helene.kerouanton@{DOMAIN}", "Dr Hélène KÉROUANTON", "PER"),
        Player("operator", f"exploitation@{DOMAIN}", "Exploitation", "ORG"),
    )
