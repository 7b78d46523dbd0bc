"""`backup`, `export.*`: copies made by whoever holds the instance, the running server or the command itself."""

from pathlib import Path
from typing import Any

from core.audit import Event
from core.errors import BadInput
from ops.backup.make import make_backup
from ops.control import Progress
from ops.export import Exporter
from ops.migrate import head
from ops.people import account, patient, reader
from ops.wiring import App


def backup(app: App, arguments: dict[str, Any], _progress: Progress) -> dict[str, Any]:
    """Everything but the keyring, as it is at one moment, into a new folder. Raises Refused, StorageFull."""
    target, settings = Path(arguments["target"]), app.settings
    app.notary.note()
    made = make_backup(app.db, _mac(app), app.clock, settings.home, settings.checkpoints, target, head())
    app.db.run(app.trail.record, Event("operator", "backup.make", "done", app.clock.now(), made.messages))
    return {"folder": str(target), "files": len(made.files), "octets": made.octets, "messages": made.messages}


def export_mailbox(app: App, arguments: dict[str, Any], _progress: Progress) -> dict[str, int]:
    """One mailbox as a ZIP of .eml. Raises NotFound, BadInput."""
    _check_target(arguments)
    found = account(app, arguments["login"])
    return _exporter(app).mailbox(found.mailbox_id, "operator", Path(arguments["target"]))


def export_patient(app: App, arguments: dict[str, Any], _progress: Progress) -> dict[str, int]:
    """All of one patient, in the patient's own name. Raises NotFound, BadInput."""
    _check_target(arguments)
    mine, who = patient(app, arguments["login"]), reader(app, arguments["login"])
    return _exporter(app).patient(mine.id, who, Path(arguments["target"]))


COMMANDS = {"backup": backup, "export.mailbox": export_mailbox, "export.patient": export_patient}


def _check_target(arguments: dict[str, Any]) -> None:
    if not Path(arguments["target"]).name.endswith(".zip"):
        raise BadInput("the export goes into a new file whose name ends in .zip")


def _exporter(app: App) -> Exporter:
    return Exporter(app.db, app.keyring, app.trail, app.store, app.records, app.orders, app.clock)


def _mac(app: App) -> Any:
    return lambda data: app.keyring.mac("backup", data)
