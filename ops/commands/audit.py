"""`audit.*`: the trail verified, proved, shown, signed."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.errors import BadInput
from core.tables import audit
from crypto.checkpoint import split_notes
from ops.audit.check import check
from ops.audit.prove import plain, prove
from ops.control import Progress
from ops.people import account
from ops.people import patient as patient_of
from ops.wiring import App

MOST_SHOWN = 10_000


def verify(app: App, arguments: dict[str, Any], _progress: Progress) -> dict[str, Any]:
    """Every entry and every checkpoint, those kept elsewhere too. Raises OSError when checkpoints cannot be read."""
    elsewhere = split_notes(arguments.get("elsewhere", ""))
    checked = app.db.read(check, app.trail, app.witness, elsewhere)
    return {
        "entries": checked.size - checked.forgotten,
        "forgotten": checked.forgotten,
        "size": checked.size,
        "root": checked.root.hex(),
        "checkpoints": checked.checkpoints,
        "key": app.witness.verifier.text,
        "problems": checked.problems,
    }


def prove_entry(app: App, arguments: dict[str, Any], _progress: Progress) -> dict[str, Any]:
    """Raises NotFound."""
    return app.db.read(prove, app.trail, app.witness, int(arguments["entry"]))


def checkpoint(app: App, _arguments: dict[str, Any], _progress: Progress) -> dict[str, Any]:
    """Sign now. Raises RolledBack."""
    made = app.notary.note()
    return {"signed": made is not None, "size": made.size if made else None}


def show(app: App, arguments: dict[str, Any], _progress: Progress) -> list[dict[str, Any]]:
    """The newest entries, oldest of them first; chosen by account, patient or action. Raises NotFound, BadInput."""
    conditions = []
    if arguments.get("by"):
        conditions.append(audit.c.actor == str(account(app, arguments["by"]).id))
    if arguments.get("patient"):
        conditions.append(audit.c.holder_id == patient_of(app, arguments["patient"]).holder_id)
    if arguments.get("action"):
        conditions.append(audit.c.action == arguments["action"])
    last = int(arguments.get("last", 50))
    if not 0 < last <= MOST_SHOWN:
        raise BadInput(f"between 1 and {MOST_SHOWN} entries")
    return app.db.read(_newest, conditions, last)


COMMANDS = {"audit.verify": verify, "audit.prove": prove_entry, "audit.show": show, "audit.checkpoint": checkpoint}


def _newest(session: Session, conditions: list[Any], last: int) -> list[dict[str, Any]]:
    rows = session.execute(select(audit).where(*conditions).order_by(audit.c.seq.desc()).limit(last)).mappings()
    return [plain(row) for row in rows][::-1]
