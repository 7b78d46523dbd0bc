"""`message.*`: what became of a message that somebody sent, and receipts."""

from typing import Any

from sqlalchemy.orm import Session

from core.audit import Event
from core.errors import BadInput
from mail.accounts import Account
from mail.mdn import APPLICATION_ERRORS, Disposition
from mail.timeline import LABELS, Timeline, timeline
from ops.control import Progress
from ops.people import account
from ops.wiring import App


def show_timeline(app: App, arguments: dict[str, Any], _progress: Progress) -> dict[str, Any]:
    """Of the message that this person sent under this Message-ID; the reading is traced first. Raises NotFound."""
    who = account(app, arguments["by"])
    found = app.db.run(_traced, app, who, arguments["message_id"])
    return {
        "message": str(found.message_id),
        "sent": found.sent_at.isoformat(timespec="seconds"),
        "recipients": [each.address for each in found.to],
        "events": [
            {
                "at": event.at.isoformat(timespec="seconds"),
                "event": event.kind,
                "label": LABELS.get(event.kind, event.kind),
                "recipient": event.recipient,
                "code": event.code,
                "text": event.text,
            }
            for event in found.events
        ],
    }


def receipt(app: App, arguments: dict[str, Any], _progress: Progress) -> dict[str, Any]:
    """Send the receipt that a message asks for, the reader agreeing. Raises NotFound, Refused, BadInput, Answered."""
    who, error = account(app, arguments["by"]), int(arguments.get("error") or 0)
    if error and error not in APPLICATION_ERRORS:
        raise BadInput("application errors are 900 to 906")
    try:
        disposition = Disposition(arguments.get("disposition") or ("processed" if error else "displayed"))
    except ValueError:
        raise BadInput("a disposition is displayed, deleted, dispatched or processed") from None
    sent = app.receipts.answer(who.mailbox_id, int(arguments["message"]), str(who.id), disposition, error)
    return {"sent": str(sent)}


def decline(app: App, arguments: dict[str, Any], _progress: Progress) -> dict[str, Any]:
    """The reader wants no receipt sent; its sender hears nothing. Raises NotFound, Refused, Answered."""
    who = account(app, arguments["by"])
    app.receipts.decline(who.mailbox_id, int(arguments["message"]), str(who.id))
    return {"declined": True}


COMMANDS = {"message.timeline": show_timeline, "message.receipt": receipt, "message.decline": decline}


def _traced(session: Session, app: App, who: Account, rfc_id: str) -> Timeline:
    found = timeline(session, app.keyring, who.mailbox_id, rfc_id)
    event = Event(str(who.id), "mail.timeline", "allowed", app.clock.now(), found.message_id, who.holder_id)
    app.trail.record(session, event)
    return found
