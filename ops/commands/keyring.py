"""`keyring.*`: the master key changed, old ones forgotten, the file locked."""

import time
from pathlib import Path
from typing import Any

from core.audit import Event
from core.errors import Refused
from crypto.keyring import FileKeyring
from ops import rotation
from ops.control import Progress
from ops.keys import secret_line
from ops.wiring import App


def rotate(app: App, _arguments: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """A new master key for everything, service on. Raises DatabaseDown."""
    began = time.monotonic()
    done = rotation.rotate(app.db, app.keyring, progress)
    app.db.run(app.trail.record, Event("operator", "keyring.rotate", "done", app.clock.now(), done["current"]))
    return done | {"seconds": round(time.monotonic() - began, 2)}


def forget(app: App, _arguments: dict[str, Any], _progress: Progress) -> dict[str, int]:
    """Destroy master keys that wrap nothing any more."""
    gone = rotation.forget_unused(app.db, app.keyring)
    app.db.run(app.trail.record, Event("operator", "keyring.forget", "done", app.clock.now(), gone))
    return {"forgotten": gone}


def show(app: App, _arguments: dict[str, Any], _progress: Progress) -> list[dict[str, Any]]:
    """Each master key and how many holders it wraps."""
    used = app.db.read(rotation.needed)
    return [
        {"key": number, "current": number == app.keyring.current, "holders": used.get(number, 0)}
        for number in sorted(app.keyring.numbers())
    ]


def protect(app: App, arguments: dict[str, Any], _progress: Progress) -> dict[str, bool]:
    """Lock the keyring's file with the passphrase in this file, or unlock it. Raises Refused for a token, NoKeys."""
    if not isinstance(app.keyring, FileKeyring):
        raise Refused("a token has a PIN, not a passphrase")
    path = arguments.get("passphrase_file")
    app.keyring.protect(secret_line(Path(path)) if path else "")
    return {"locked": bool(path)}


COMMANDS = {
    "keyring.rotate": rotate,
    "keyring.forget": forget,
    "keyring.show": show,
    "keyring.protect": protect,
}
