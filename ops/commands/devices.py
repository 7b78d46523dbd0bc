"""`account.device.*`: passwords of single devices, for mail programs."""

from typing import Any

from sqlalchemy.orm import Session

from core.audit import Event
from mail import app_passwords
from mail.accounts import Account
from ops.control import Progress
from ops.people import account
from ops.wiring import App

ACTOR = "operator"


def add(app: App, arguments: dict[str, Any], _progress: Progress) -> dict[str, str]:
    """A new one, shown once. Raises NotFound, BadInput, Refused."""
    who, now = account(app, arguments["login"]), app.clock.now()

    def work(session: Session) -> tuple[int, str]:
        number, password = app_passwords.add(session, app.keyring, who, arguments["label"], now)
        app.trail.record(session, Event(ACTOR, "device.add", "done", now, number, who.holder_id))
        return number, password

    number, password = app.db.run(work)
    return {"device": str(number), "password": password}


def list_all(app: App, arguments: dict[str, Any], _progress: Progress) -> list[dict[str, str]]:
    """The account's devices, without their passwords. Raises NotFound."""
    who = account(app, arguments["login"])
    return [_row(each) for each in app.db.read(app_passwords.devices_of, app.keyring, who)]


def revoke(app: App, arguments: dict[str, Any], _progress: Progress) -> dict[str, str]:
    """Raises NotFound."""
    who: Account = account(app, arguments["login"])
    number, now = int(arguments["device"]), app.clock.now()

    def work(session: Session) -> None:
        app_passwords.revoke(session, who.id, number)
        app.trail.record(session, Event(ACTOR, "device.revoke", "done", now, number, who.holder_id))

    app.db.run(work)
    return {"device": str(number), "state": "revoked"}


COMMANDS = {"account.device.add": add, "account.device.list": list_all, "account.device.revoke": revoke}


def _row(device: app_passwords.Device) -> dict[str, str]:
    used = device.used.isoformat(timespec="minutes") if device.used else "never"
    made = device.created.isoformat(timespec="minutes")
    return {"device": str(device.id), "label": device.label, "made": made, "used": used}
