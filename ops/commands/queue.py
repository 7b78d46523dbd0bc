"""`queue.*`: mail that waits for other operators, and what the administrator does about it."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from core import outbox
from core.audit import Event
from core.errors import BadInput, Refused
from mail import relay_queue, relay_view
from mail.consign import RELAY_TOPIC
from mail.relay_view import Waiting, WaitingFor
from ops.control import Progress
from ops.wiring import App


def list_queue(app: App, arguments: dict[str, Any], _progress: Progress) -> list[dict[str, Any]]:
    """What waits, oldest first; `to` names one destination."""
    return [_row(each) for each in app.db.read(relay_view.listed, arguments.get("to") or None)]


def show(app: App, arguments: dict[str, Any], _progress: Progress) -> dict[str, Any]:
    """One of them with its recipients, masked. Raises NotFound."""
    number = _number(arguments["number"])
    app.db.read(relay_view.promise_of, number)
    (found,) = app.db.read(relay_view.listed, None, number)
    recipients = app.db.read(relay_view.recipients, app.queue, number)
    return _row(found) | {"to_each": [_recipient(each) for each in recipients]}


def hold(app: App, arguments: dict[str, Any], _progress: Progress) -> dict[str, Any]:
    """Nothing is tried until `retry`. Raises NotFound, Refused while it is being sent."""
    return _act(app, arguments, "held", _hold)


def retry(app: App, arguments: dict[str, Any], _progress: Progress) -> dict[str, Any]:
    """Due now; without a number all that waits, or all for `to`. Raises NotFound."""
    return _act(app, arguments, "due", _retry)


def drop(app: App, arguments: dict[str, Any], _progress: Progress) -> dict[str, Any]:
    """Out of the queue; the sender is told. Raises NotFound, Refused while it is being sent."""
    return _act(app, arguments, "dropped", _drop)


COMMANDS = {
    "queue.list": list_queue,
    "queue.show": show,
    "queue.hold": hold,
    "queue.retry": retry,
    "queue.drop": drop,
}


def _act(app: App, arguments: dict[str, Any], word: str, act: Any) -> dict[str, Any]:
    """One number, or all of a destination; each act is written into the trail."""
    alone = arguments.get("number")
    if alone:
        numbers = [_number(alone)]
        app.db.read(relay_view.promise_of, numbers[0])
    else:
        numbers = [each.id for each in app.db.read(relay_view.listed, arguments.get("to") or None)]
    now, done = app.clock.now(), 0
    for number in numbers:
        done += app.db.run(_traced, app, number, word, act, now)
    if alone and not done:
        raise Refused("it is being sent at this moment: try again", "consignment is leased")
    return {"state": word, "count": done}


def _traced(session: Session, app: App, number: int, word: str, act: Any, now: datetime) -> bool:
    done: bool = act(session, number, now)
    if done:
        app.trail.record(session, Event("operator", f"queue.{word}", "done", now, number))
    return done


def _hold(session: Session, number: int, _now: datetime) -> bool:
    return outbox.hold(session, relay_view.promise_of(session, number))


def _retry(session: Session, number: int, now: datetime) -> bool:
    return outbox.let_go(session, relay_view.promise_of(session, number), now, RELAY_TOPIC)


def _drop(session: Session, number: int, now: datetime) -> bool:
    return relay_queue.drop(session, number, now)


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 19:
        raise BadInput("a number of the queue has digits only, see `pli queue list`")
    return int(text)


def _row(waiting: Waiting) -> dict[str, Any]:
    return {
        "id": str(waiting.id),
        "to": waiting.domain,
        "state": waiting.state,
        "recipients": waiting.recipients,
        "reason": waiting.reason,
        "code": waiting.code,
        "attempts": waiting.attempts,
        "size": waiting.size,
        "queued": _at(waiting.queued),
        "next": _at(waiting.due),
        "expires": _at(waiting.expires),
    }


def _recipient(each: WaitingFor) -> dict[str, str]:
    return {
        "recipient": each.recipient,
        "state": each.state,
        "reason": each.reason,
        "code": each.code,
        "reply": each.reply,
    }


def _at(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds") if moment else None
