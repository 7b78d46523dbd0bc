"""What is sealed in an order: the lines, what to beware of, what is promised."""

import json
import secrets
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from crypto.sealed import object_aad
from record.lines import Line
from record.order_facts import Owed

_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # nothing that is mistaken for another when read aloud: no O, I, 0, 1

READING = "reading"
ALERTS = {
    "other_identity": "Le matricule lu sur la photo est celui de quelqu'un d'autre : comparez le nom du patient.",
    "picture": "À lire sur l'image : aucun texte ne peut être lu par la machine.",
    "no_lines": "Aucun médicament reconnu dans le texte : à lire sur le document.",
    READING: "La machine lit encore le document : des lignes ou un code peuvent s'ajouter.",
    "retake": "La photo est difficile à lire : demandez-en une autre au patient.",
    "no_reader": "La lecture des photos n'est pas installée sur ce serveur : à lire sur l'image.",
    "by_machine": "Lignes lues sur une photo par la machine : à comparer une à une avec l'image.",
    "doubt": "Un dosage est douteux : à vérifier sur le document.",
    "original": "Stupéfiant ou ordonnance sécurisée : l'original est nécessaire.",
    "shortage": "Une rupture ou une tension d'approvisionnement est signalée.",
    "code": "Un code est présent : à scanner dans le LGO, il n'est pas vérifié ici.",
    "no_identity": "Le nom du patient n'a pas été lu par la machine : comparez-le sur le document.",
    "already_seen": "Ce document a déjà été reçu.",
    "set_aside": "Un autre document du message est à rapprocher : il n'a pas été utilisé.",
    "cut_image": "L'image est incomplète : demandez-en une autre au patient.",
    "small_image": "L'image est petite : demandez-en une autre si elle est illisible.",
    "unsigned": "Message non signé.",
    "completed": "Le patient a envoyé un document de plus : à lire aussi.",
}

OF_THE_LINES = frozenset({"by_machine", "doubt"})  # alerts that a pharmacist's confirmation answers

# Where the content comes from, best first; never the word "authentique".
PROVENANCE = {
    "signed": "structuré et signé",
    "structured": "structuré",
    "signed_pdf": "PDF signé",
    "code": "code présent",
    "pdf": "PDF",
    "text": "texte",
    "photo": "photo du patient",
}


@dataclass(frozen=True, slots=True, repr=False)
class Detail:
    """`alerts` are keys of ALERTS, `provenance` of PROVENANCE, `documents` ids of the record."""

    lines: tuple[Line, ...] = ()
    alerts: tuple[str, ...] = ()
    provenance: str = "photo"
    documents: tuple[int, ...] = ()
    owed: tuple[Owed, ...] = ()
    codes: tuple[str, ...] = ()  # kind and number, to be scanned
    wished: str = ""  # when the patient would like to come, in their words
    delegate: str = ""  # who may collect in the patient's place

    @property
    def promised(self) -> tuple[str, ...]:
        return tuple(owed.item for owed in self.owed)

    @property
    def promised_on(self) -> date | None:
        """The day of the first of the promised items."""
        return min((owed.on for owed in self.owed), default=None)

    @property
    def unconfirmed(self) -> int:
        return sum(not line.confirmed for line in self.lines)

    @property
    def to_read_on_picture(self) -> bool:
        return "picture" in self.alerts


def new_number() -> str:
    """A short code that people say at the counter, such as `K7M-4TQ2`: 32^7, and the column is unique."""
    drawn = "".join(secrets.choice(_LETTERS) for _ in range(7))
    return f"{drawn[:3]}-{drawn[3:]}"


def dump(detail: Detail) -> bytes:
    found = asdict(detail) | {"owed": [[owed.item, owed.on.isoformat()] for owed in detail.owed]}
    return json.dumps(found, ensure_ascii=False).encode()


def load(raw: bytes) -> Detail:
    found: dict[str, Any] = json.loads(raw)
    owed = tuple(Owed(item, date.fromisoformat(day)) for item, day in _owed(found))
    lines = tuple(_line(line) for line in found.pop("lines"))
    lists: dict[str, Any] = {name: tuple(value) for name, value in found.items() if isinstance(value, list)}
    return Detail(lines=lines, owed=owed, **(found | lists))


def aad(order_id: int, version: int) -> bytes:
    return object_aad("order", order_id, version)


def key_aad(order_id: int) -> bytes:
    return object_aad("order-key", order_id)


def note_aad(step_id: int) -> bytes:
    return object_aad("order-note", step_id)


def _owed(found: dict[str, Any]) -> list[list[str]]:
    """As it is kept now; orders of earlier versions have one day for all."""
    items, day = found.pop("promised", []), found.pop("promised_on", None)
    return found.pop("owed", None) or [[item, day] for item in items if day]


def _line(values: dict[str, Any]) -> Line:
    known: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    return Line(**known)
