"""Cards as files: CSV for spreadsheets, vCard 4.0 (RFC 6350) for address books."""

import csv
import io
from collections.abc import Iterable

from directory.edition.card import PERSON, Card

HEADER = ("nom", "profession", "specialite", "rpps", "finess", "structure", "code_postal", "ville", "adresses")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet takes for a formula, whoever wrote it


def csv_of(cards: Iterable[Card]) -> str:
    """One line a card, header first; nothing in it is a formula."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow(HEADER)
    for card in cards:
        place = card.places[0] if card.places else None
        where = (place.name, place.postcode, place.city) if place else ("", "", "")
        row = (card.name, card.profession, card.specialty, card.rpps, finess_of(card), *where)
        writer.writerow([_harmless(value) for value in (*row, " ".join(box.address for box in card.boxes))])
    return out.getvalue()


def vcards_of(cards: Iterable[Card]) -> str:
    """One vCard a card."""
    return "".join(_vcard(card) for card in cards)


def finess_of(card: Card) -> str:
    """The FINESS number that is shown with it: its own, or that of the first place."""
    if card.type != PERSON:
        return card.key[1:] if card.key[:1] == "1" else ""
    return next((place.finess for place in card.places if place.finess), "")


def _vcard(card: Card) -> str:
    kind = "individual" if card.type == PERSON else "org"
    lines = ["BEGIN:VCARD", "VERSION:4.0", f"KIND:{kind}", f"FN:{_text(card.name)}"]
    if card.type == PERSON:
        lines.append(f"N:{_text(card.family)};{_text(card.given)};;{_text(card.title)};")
        lines.append(f"ROLE:{_text(card.profession)}")
    if card.places:
        place = card.places[0]
        lines.append(f"ORG:{_text(place.name)}")
        lines.append(f"ADR:;;{_text(place.street)};{_text(place.city)};;{_text(place.postcode)};France")
    lines += [f"EMAIL;TYPE=work:{_text(box.address)}" for box in card.boxes]
    lines.append("END:VCARD")
    return "".join(_folded(line) + "\r\n" for line in lines if not line.endswith(":"))


def _text(value: str) -> str:
    """RFC 6350 §3.4."""
    return value.replace("\\", "\\\\").replace(",", "\\,").replace(";", "\\;").replace("\n", "\\n")


def _folded(line: str) -> str:
    """No line above 75 octets, no letter cut (§3.2)."""
    parts, part, size = [], "", 0
    for letter in line:
        octets = len(letter.encode())
        if size + octets > 75:
            parts.append(part)
            part, size = " ", 1
        part += letter
        size += octets
    return "\r\n".join([*parts, part])


def _harmless(value: str) -> str:
    return f"'{value}" if value.startswith(_FORMULA) else value
