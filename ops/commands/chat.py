"""`chat.*`: the administrator's commands about the chat."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from core.address import Address
from core.errors import BadInput, Refused
from instant import status
from instant.accounts import pin_key, put_behind, set_away, set_rule
from instant.homeserver_config import FIRST_PORT, Places, Secrets, write_files
from instant.rooms import MAILBOX, want_room
from ops.control import Progress
from ops.wiring import App


def show(app: App, _arguments: dict[str, Any], _progress: Progress) -> dict[str, Any]:
    """Whether the homeserver answers, how many accounts, rooms, messages that wait."""
    found = app.db.read(status.counts)
    running = app.chat is not None and app.chat.ready.is_set()
    trouble = app.chat.trouble if app.chat else "chat is off: set matrix.enabled"
    url = app.settings.matrix_url
    return {"url": url, "server": app.settings.matrix_server, "running": running, "trouble": trouble, **found}


def code(app: App, arguments: dict[str, Any], _progress: Progress) -> dict[str, str]:
    """A single-use login code for the professional at this address. Raises NotFound, Refused."""
    minutes = app.settings.matrix.code_minutes
    account, text = _chat(app).enrolment.code(Address.parse(arguments["address"]), timedelta(minutes=minutes))
    return {"url": app.settings.matrix_url, "user_id": account.user_id, "password": text, "minutes": str(minutes)}


def behind(app: App, arguments: dict[str, Any], _progress: Progress) -> dict[str, str]:
    """A named person acts for an organisation's account, on call or not. Raises NotFound, Refused."""
    enrolment = _chat(app).enrolment
    role = enrolment.enrol(Address.parse(arguments["role"]))
    person = enrolment.enrol(Address.parse(arguments["person"]))
    app.db.run(put_behind, role.id, person.id, on_call=bool(arguments.get("on_call")))
    return {"role": role.user_id, "person": person.user_id}


def away(app: App, arguments: dict[str, Any], _progress: Progress) -> dict[str, Any]:
    """An organisation is away, or back."""
    account = _chat(app).enrolment.enrol(Address.parse(arguments["address"]))
    gone = bool(arguments["away"])
    app.db.run(set_away, account.id, away=gone)
    return {"user_id": account.user_id, "away": gone}


def room(app: App, arguments: dict[str, Any], _progress: Progress) -> dict[str, str]:
    """A room that shows the mail of this mailbox; its owner is invited. Raises NotFound, Refused."""
    account = _chat(app).enrolment.enrol(Address.parse(arguments["address"]))
    made = app.db.run(want_room, account.id, account.mailbox_id, MAILBOX, app.clock.now())
    return {"user_id": account.user_id, "room_id": made.room_id or "in a moment"}


def rule(app: App, arguments: dict[str, Any], _progress: Progress) -> dict[str, str]:
    """A user's own list: whom he lets invite him. Raises BadInput, NotFound, Refused."""
    account = _chat(app).enrolment.enrol(Address.parse(arguments["address"]))
    words = {"allow": True, "block": False, "clear": None}
    if arguments["rule"] not in words:
        raise BadInput("the rule is allow, block or clear")
    app.db.run(set_rule, account.id, arguments["subject"], words[arguments["rule"]])
    return {"user_id": account.user_id, "subject": arguments["subject"], "rule": arguments["rule"]}


def trust(app: App, arguments: dict[str, Any], _progress: Progress) -> dict[str, str]:
    """The identity key that this user shows next is his: the pinned one is forgotten. Raises NotFound, Refused."""
    account = _chat(app).enrolment.enrol(Address.parse(arguments["address"]))
    app.db.run(pin_key, account.user_id, None)
    return {"user_id": account.user_id, "trust": "the next key seen"}


def config(app: App, arguments: dict[str, Any], _progress: Progress) -> dict[str, Any]:
    """Writes Synapse's files for production into a folder: PostgreSQL and workers where they are asked for."""
    folder = Path(arguments["folder"]).absolute()
    if not app.settings.matrix.policy_port:
        raise Refused("set matrix.policy_port: a homeserver run elsewhere asks Pli on a port that stays")
    listen = app.settings.listen
    gate = f"http://127.0.0.1:{app.settings.matrix.policy_port}/"
    inner = int(arguments.get("first_port", FIRST_PORT))
    places = Places(folder, listen.host, listen.port("matrix"), gate, inner)
    files = write_files(app.settings, Secrets.of(app.keyring), places, workers=int(arguments.get("workers", 0)))
    return {"files": [path.name for path in files], "folder": str(folder)}


COMMANDS = {
    "chat.status": show,
    "chat.code": code,
    "chat.behind": behind,
    "chat.away": away,
    "chat.room": room,
    "chat.rule": rule,
    "chat.trust": trust,
    "chat.config": config,
}


def _chat(app: App) -> Any:
    """The ops.chat.Chat of this process, whose libraries are loaded only where it is on. Raises Refused."""
    if app.chat is None:
        raise Refused("chat is off: set matrix.enabled, or PLI_MATRIX__ENABLED=true")
    return app.chat
