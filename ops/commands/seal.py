"""`seal.*`: which seals end soon, renewed by our own authority or replaced by another one's."""

from datetime import timedelta
from typing import Any

from core.address import Address
from core.clock import from_epoch_ms
from core.errors import BadInput, NotFound
from crypto.authority import Authority
from crypto.identity import IdentityBroken
from directory.mailboxes import address_of, find_mailbox
from ops.control import Progress
from ops.seals import SealEnd, Seals
from ops.wiring import App

PATIENTS = "PAT"


def list_seals(app: App, arguments: dict[str, Any], _progress: Progress) -> list[dict[str, Any]]:
    """A row for each mailbox; patients are counted by day, as their addresses hold their number."""
    within = arguments.get("within")
    found = _seals(app).ends(None if within is None else timedelta(days=int(within)))
    return [_row(app, each) for each in found if each.kind != PATIENTS] + _patients(app, found)


def renew(app: App, arguments: dict[str, Any], _progress: Progress) -> dict[str, Any]:
    """Raises BadInput, NotFound."""
    address = arguments.get("address")
    mailbox_id = _mailbox(app, address) if address else None
    done = _seals(app).renew(timedelta(days=int(arguments["within"])), mailbox_id)
    return {"renewed": done.done, "of_other_authorities": [_row(app, each) for each in done.left]}


def put(app: App, arguments: dict[str, Any], _progress: Progress) -> dict[str, Any]:
    """Raises BadInput, NotFound."""
    mailbox_id = _mailbox(app, arguments["address"])
    try:
        _seals(app).put(mailbox_id, arguments["certificate"].encode(), arguments["key"].encode())
    except IdentityBroken as error:
        raise BadInput(str(error)) from None
    return {"state": "in place"}


COMMANDS = {"seal.list": list_seals, "seal.renew": renew, "seal.put": put}


def _seals(app: App) -> Seals:
    certificate, key = app.settings.patient_authority
    demo = app.settings.environment == "demo"
    authority = Authority.load(certificate, key, demo=demo) if key.exists() else None
    return Seals(app.db, app.keyring, app.trail, app.clock, app.judge, authority)


def _mailbox(app: App, address: str) -> int:
    found = app.db.read(find_mailbox, app.keyring, Address.parse(address))
    if found is None:
        raise NotFound("no such mailbox")
    return found.id


def _row(app: App, each: SealEnd) -> dict[str, Any]:
    shown = "" if each.kind == PATIENTS else app.db.read(address_of, app.keyring, each.mailbox_id).text
    return {"mailbox": shown or "(patient)", "kind": each.kind, **_when(app, each)}


def _patients(app: App, found: tuple[SealEnd, ...]) -> list[dict[str, Any]]:
    days: dict[str, list[SealEnd]] = {}
    for each in found:
        if each.kind == PATIENTS:
            days.setdefault(_when(app, each)["ends"], []).append(each)
    return [{"mailbox": f"({len(many)})", "kind": PATIENTS, **_when(app, many[0])} for many in days.values()]


def _when(app: App, each: SealEnd) -> dict[str, Any]:
    end = from_epoch_ms(each.ends_at)
    return {"ends": end.date().isoformat(), "days": (end - app.clock.now()).days}
