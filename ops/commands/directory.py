"""`directory.*`: the annuaire, imported, searched, shown and published."""

import re
import time
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from core.address import Address
from core.clock import from_epoch_ms
from core.errors import BadInput, NotFound, Refused
from crypto.keyring import Keyring
from directory.annuaire import Annuaire
from directory.cardfile import csv_of, finess_of, vcards_of
from directory.edition.card import Card
from directory.mailboxes import address_of, find_mailbox
from directory.publication_rows import (
    ORGANIZATION,
    PRACTITIONER,
    PUBLISHED,
    ROLE,
    UNPUBLISHED,
    Publication,
    all_publications,
    put_publication,
    tell_again,
)
from directory.query import parse
from directory.register import changes_of
from ops.control import Progress
from ops.importing import importer
from ops.wiring import App

_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9.\-]{1,63}")
CARRIERS = (PRACTITIONER, ROLE, ORGANIZATION)
FORMATS = {"csv": csv_of, "vcard": vcards_of}


def import_files(app: App, arguments: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Raises BadInput, Refused, StorageFull, OSError."""
    files = [Path(name) for name in arguments["files"]]
    for path in files:
        if not path.is_file():
            said = "ce n'est pas un fichier" if path.exists() else "fichier introuvable"
            raise BadInput(f"{path} : {said}", "no such file")
    asked = {name: bool(arguments.get(name)) for name in ("force", "dry_run")}
    return importer(app.settings, app.db, app.annuaire, progress, **asked).run(files, app.clock.now())


def search(app: App, arguments: dict[str, Any], _progress: Progress) -> dict[str, Any]:
    """The best entries first. Raises DatabaseDown."""
    started = time.perf_counter()
    asked = arguments | {"text": _legible(arguments["text"])}
    found = _found(app.annuaire, asked)
    spent = (time.perf_counter() - started) * 1000
    entries = [entry_of(card) for card in found]
    return {"query": asked["text"], "milliseconds": round(spent, 3), "entries": entries}


def entry_of(card: Card) -> dict[str, Any]:
    """A card as programs read it."""
    place = card.places[0].text if card.places else ""
    return {
        "name": card.name,
        "profession": card.profession,
        "place": place,
        "rpps": card.rpps,
        "finess": finess_of(card),
        "mailboxes": [{"address": box.address, "kind": box.kind} for box in card.boxes],
    }


def show(app: App, arguments: dict[str, Any], _progress: Progress) -> dict[str, Any]:
    """One entry by address, RPPS or FINESS: all its places, and what imports changed. Raises NotFound."""
    card = _exactly(app.annuaire, arguments["key"].strip())
    history = app.db.read(_history, [card.key, *(box.address for box in card.boxes)])
    places = [
        {"name": place.name, "street": place.street, "postcode": place.postcode, "city": place.city,
         "finess": place.finess, "phone": place.phone}
        for place in card.places
    ]  # fmt: skip
    return entry_of(card) | {"specialty": card.specialty, "places": places, "history": history}


def export(app: App, arguments: dict[str, Any], _progress: Progress) -> dict[str, str]:
    """What a search finds, as a file's text. Raises BadInput."""
    make = FORMATS.get(arguments["format"])
    if make is None:
        raise BadInput("format inconnu : csv ou vcard", "unknown export format")
    return {"text": make(_found(app.annuaire, arguments))}


def publish(app: App, arguments: dict[str, Any], _progress: Progress) -> dict[str, str]:
    """Publish one of our mailboxes, or end its publication. Raises NotFound, Refused, BadInput."""
    if arguments["carrier"] not in CARRIERS:
        raise BadInput("porteur inconnu : practitioner, role ou organization", "unknown carrier")
    address = Address.parse(arguments["address"])
    mailbox = app.db.read(find_mailbox, app.keyring, address)
    if mailbox is None:
        raise NotFound("aucune boîte de cette adresse ici", "no mailbox of ours")
    if address.is_patient:
        raise BadInput("la boîte d'un patient n'est jamais publiée", "patient mailbox")
    if not _IDENTIFIER.fullmatch(arguments["id"]):
        raise BadInput("identifiant du porteur attendu (--id) : lettres, chiffres, points et tirets", "carrier id")
    state = UNPUBLISHED if arguments["off"] else PUBLISHED
    wanted = Publication(
        mailbox.id,
        arguments["carrier"],
        arguments["id"],
        bool(arguments["red_list"]),
        int(arguments["rank"]),
        arguments["service"],
        state,
        _person(arguments),
    )
    app.db.run(put_publication, wanted, app.clock.now())
    return {"state": state}


def tell(app: App, _arguments: dict[str, Any], _progress: Progress) -> dict[str, int]:
    """Tell the national annuaire again what it does not hold as we decided."""
    if not app.settings.annuaire.publication:
        raise Refused("annuaire.publication ne dit pas où publier : l'API de l'ANS n'est pas ouverte", "no API")
    return {"waiting": app.db.run(tell_again, app.clock.now())}


def publications(app: App, _arguments: dict[str, Any], _progress: Progress) -> list[dict[str, Any]]:
    """What we publish, what the national annuaire took of it, and why not."""
    return app.db.read(_publications, app.keyring)


COMMANDS = {
    "directory.import": import_files,
    "directory.search": search,
    "directory.show": show,
    "directory.export": export,
    "directory.publish": publish,
    "directory.publications": publications,
    "directory.tell": tell,
}


def _exactly(annuaire: Annuaire, key: str) -> Card:
    """The card of this very address or number. Raises NotFound."""
    asked = parse(key)
    found = annuaire.search(key, limit=1) if asked.address or asked.number else []
    card = found[0].card if found else Card("", "")
    known = {card.key, card.key[1:], *(box.address for box in card.boxes)}
    if not found or (asked.address or asked.number) not in known:
        raise NotFound("aucune entrée : une adresse, un RPPS ou un FINESS entier est attendu", "no such entry")
    return card


def _legible(text: str) -> str:
    """A terminal of another encoding sends octets that are no letters."""
    return text.encode("utf-8", "replace").decode()


def _found(annuaire: Annuaire, arguments: dict[str, Any]) -> list[Card]:
    found = annuaire.search(
        arguments["text"], profession=arguments["profession"], place=arguments["place"], limit=arguments["limit"]
    )
    return [one.card for one in found]


def _person(arguments: dict[str, Any]) -> str:
    """Whose activity it is: struck off, a person loses what hangs on activities, too. Raises BadInput."""
    if arguments["carrier"] == ROLE and not arguments.get("person"):
        raise BadInput("d'une activité il faut dire de qui elle est (--person)", "activity without its person")
    return str(arguments["id"] if arguments["carrier"] == PRACTITIONER else arguments.get("person", ""))


def _publications(session: Session, keyring: Keyring) -> list[dict[str, Any]]:
    return [
        {"address": address_of(session, keyring, one.mailbox_id).text, "carrier": one.carrier, "id": one.carrier_id,
         "state": one.state, "told": one.told, "fault": one.fault}
        for one in all_publications(session)
    ]  # fmt: skip


def _history(session: Session, keys: list[str]) -> list[dict[str, str]]:
    rows = sorted((row for key in keys for row in changes_of(session, key)), reverse=True)
    return [{"at": from_epoch_ms(at).isoformat(), "source": source, "change": change} for at, source, change in rows]
