"""`record.glass.*`: an emergency opens one patient's record, ends, is listed and reviewed by somebody else."""

from typing import Any

from sqlalchemy.orm import Session

from core.audit import Event
from core.errors import Refused
from directory.patients import get_patient
from mail.accounts import Account
from ops.control import Progress
from ops.people import account, patient
from ops.wiring import App
from record import break_glass
from record.break_glass import Glass

MAY_OPEN = frozenset({"physician", "pharmacist"})  # an operator's mailbox is an organisation's too, and treats nobody
MAY_REVIEW = frozenset({"operator", "physician", "pharmacist"})


def open_glass(app: App, arguments: dict[str, Any], _progress: Progress) -> dict[str, Any]:
    """Raises BadInput, NotFound, Refused."""
    who, whose = account(app, arguments["by"]), patient(app, arguments["patient"])
    if who.role not in MAY_OPEN:
        raise Refused(break_glass.NO_PROFESSIONAL, "break-glass by another role")

    def work(session: Session) -> Glass:
        return break_glass.open_glass(
            session,
            app.keyring,
            app.trail,
            account_id=who.id,
            mailbox_id=who.mailbox_id,
            patient_id=whose.id,
            reason=arguments["reason"],
            now=app.clock.now(),
        )

    return _row(app.db.run(work))


def close_glass(app: App, arguments: dict[str, Any], _progress: Progress) -> dict[str, Any]:
    """Raises NotFound."""
    number, who = int(arguments["glass"]), account(app, arguments["by"])
    app.db.run(break_glass.close_glass, app.trail, number, who.id, app.clock.now())
    return {"glass": str(number), "state": "closed"}


def list_glasses(app: App, arguments: dict[str, Any], _progress: Progress) -> list[dict[str, Any]]:
    """A patient's own; for anybody else, what waits to be reviewed. Traced before a reason is shown. Raises NotFound,
    Refused."""
    who = account(app, arguments["by"])
    if who.role == "patient":
        found = app.db.read(break_glass.of_patient, app.keyring, patient(app, arguments["by"]).id)
    else:
        _may_review(who)
        found = app.db.read(break_glass.to_review, app.keyring)
    app.db.run(_seen, app, who, found)
    return [_row(glass) for glass in found]


def review(app: App, arguments: dict[str, Any], _progress: Progress) -> dict[str, Any]:
    """Raises BadInput, NotFound, Refused."""
    number, who = int(arguments["glass"]), account(app, arguments["by"])
    _may_review(who)
    app.db.run(break_glass.review, app.trail, number, who.id, arguments["verdict"], app.clock.now())
    return {"glass": str(number), "state": arguments["verdict"]}


COMMANDS = {
    "record.glass.open": open_glass,
    "record.glass.close": close_glass,
    "record.glass.list": list_glasses,
    "record.glass.review": review,
}


def _may_review(who: Account) -> None:
    if who.role not in MAY_REVIEW:
        raise Refused("an operator or a professional reviews")


def _seen(session: Session, app: App, who: Account, found: tuple[Glass, ...]) -> None:
    """The patient sees in « qui a lu » who has seen the reasons."""
    for glass in found:
        holder_id = get_patient(session, glass.patient_id).holder_id
        app.trail.record(session, Event(str(who.id), "glass.show", "allowed", app.clock.now(), glass.id, holder_id))


def _row(glass: Glass) -> dict[str, Any]:
    return {
        "glass": str(glass.id),
        "account": str(glass.account_id),
        "opened": glass.opened_at.isoformat(timespec="seconds"),
        "until": glass.until.isoformat(timespec="seconds"),
        "state": glass.reviewed or "to review",
        "reason": glass.reason,
    }
