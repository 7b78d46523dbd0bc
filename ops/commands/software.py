"""`software.*`: the register of connected software."""

from typing import Any

from core.errors import Refused
from mail.accounts import Account
from ops.control import Progress
from ops.people import account
from ops.wiring import App
from record import software
from record.software import SCOPES, Software


def register(app: App, arguments: dict[str, Any], _progress: Progress) -> dict[str, Any]:
    """Raises BadInput, NotFound, Refused."""
    who = _professional(app, arguments["by"])
    scopes, now = frozenset(arguments["scopes"] or SCOPES), app.clock.now()
    args = (who.mailbox_id, arguments["name"], scopes, str(who.id), now)
    entry, key = app.db.run(software.register, app.keyring, app.trail, *args)
    return _row(entry) | {"key": key}


def list_software(app: App, arguments: dict[str, Any], _progress: Progress) -> list[dict[str, Any]]:
    """Raises NotFound, Refused."""
    who = _professional(app, arguments["by"])
    return [_row(each) for each in app.db.read(software.of_mailbox, who.mailbox_id)]


def revoke(app: App, arguments: dict[str, Any], _progress: Progress) -> dict[str, Any]:
    """Raises NotFound, Refused."""
    who = _professional(app, arguments["by"])
    number = int(arguments["software"])
    app.db.run(software.revoke, app.trail, number, who.mailbox_id, str(who.id), app.clock.now())
    return _row(app.db.read(software.get, number))


COMMANDS = {"software.register": register, "software.list": list_software, "software.revoke": revoke}


def _professional(app: App, login: str) -> Account:
    who = account(app, login)
    if who.role not in ("pharmacist", "physician"):
        raise Refused("software reads in the name of a professional's mailbox")
    return who


def _row(entry: Software) -> dict[str, Any]:
    facts = {"software": str(entry.id), "name": entry.name, "scopes": " ".join(sorted(entry.scopes))}
    return facts | {"state": "revoked" if entry.is_revoked else "in force"}
