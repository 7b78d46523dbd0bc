"""`order.*`: what the counter does with orders, for whoever works from a terminal or a program."""

from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from core.audit import Event
from core.clock import from_epoch_ms
from core.errors import BadInput, NotFound, Refused
from crypto.verdict import Reason, reason_text_fr
from directory.patients import patient_of_mailbox
from ops.control import Progress
from ops.people import account, actor
from ops.wiring import App
from record.order_book import OrderBook
from record.order_detail import ALERTS, PROVENANCE
from record.order_facts import Actor, Order, Wish
from record.orders import LABELS, Role, State, next_states


def list_orders(app: App, arguments: dict[str, Any], _progress: Progress) -> list[dict[str, Any]]:
    """The orders of this pharmacist's pharmacy or of this patient, those that are over included."""
    who = actor(app, arguments["by"])
    return [_row(order) for order in app.db.read(_visible, app.orders, who)]


def show(app: App, arguments: dict[str, Any], _progress: Progress) -> dict[str, Any]:
    """One order, whole. Raises NotFound, also for somebody else's."""
    who = actor(app, arguments["by"])
    order = _mine(app, who, arguments["number"])
    app.db.run(app.trail.record, Event(who.name, "order.read", "allowed", app.clock.now(), order.id))
    order, detail = app.db.read(app.orders.opened, order.id)  # it may have changed since: both of one moment
    return _row(order) | {
        "signature": _signature(app, order, account(app, arguments["by"]).holder_id),
        "provenance": PROVENANCE[detail.provenance],
        "alerts": [ALERTS[alert] for alert in detail.alerts],
        "lines": [asdict(line) for line in detail.lines],
        "promised": list(detail.promised),
        "promised_on": detail.promised_on.isoformat() if detail.promised_on else None,
        "documents": [str(document) for document in detail.documents],
        "moves": {state.value: LABELS[state] for state in next_states(order.state, who.role)},
    }


def confirm(app: App, arguments: dict[str, Any], _progress: Progress) -> dict[str, Any]:
    """The pharmacist has compared every proposed line with the document. Raises NotFound, Refused."""
    who = actor(app, arguments["by"])
    order = _mine(app, who, arguments["number"])
    moved, lines = app.db.run(_confirm, app.orders, order.id, who, app.clock.now())
    return _row(moved) | {"confirmed": lines}


def move(app: App, arguments: dict[str, Any], _progress: Progress) -> dict[str, Any]:
    """To another state. Raises NotFound, BadInput, Refused with a sentence for the one who asked."""
    who = actor(app, arguments["by"])
    order = _mine(app, who, arguments["number"])
    wish = _wish(arguments)
    return _row(app.db.run(_move, app.orders, order.id, _state(arguments["to"]), who, app.clock.now(), wish))


COMMANDS = {"order.list": list_orders, "order.show": show, "order.confirm": confirm, "order.move": move}


def _signature(app: App, order: Order, holder_id: int) -> dict[str, str]:
    """The verdict on the message that asked for the order, in the standard's word and in a sentence."""
    found = app.store.open_many([order.message_id], holder_id).get(order.message_id)
    if found is None:  # the patient's own copy is where they put it, in Sent
        return {}
    meta = found.meta
    return {"verdict": meta.verdict, "reason": meta.reason, "text": reason_text_fr(Reason(meta.reason))}


def _visible(session: Session, book: OrderBook, who: Actor) -> tuple[Order, ...]:
    if who.role is Role.PHARMACIST:
        return book.of_pharmacy(session, who.mailbox_id or 0, done=True)
    patient = patient_of_mailbox(session, who.mailbox_id or 0)
    return book.of_patient(session, patient.id) if patient else ()


def _mine(app: App, who: Actor, number: str) -> Order:
    for order in app.db.read(_visible, app.orders, who):
        if order.number == number.strip().upper():
            return order
    raise NotFound("no order with this number here")


def _row(order: Order) -> dict[str, Any]:
    return {
        "number": order.number,
        "state": order.state.value,
        "label": order.label,
        "message": str(order.message_id),
        "updated": from_epoch_ms(order.updated_at).isoformat(timespec="seconds"),
    }


def _confirm(session: Session, book: OrderBook, order_id: int, who: Actor, now: datetime) -> tuple[Order, int]:
    """Unit of work: the order with its lines confirmed as they stand now, and how many they are."""
    order = book.get(session, order_id)
    lines = book.detail(session, order).lines
    if any("?" in line.strength for line in lines):  # only somebody who sees the document can say what it is
        raise Refused("un dosage est douteux : corrigez-le sur la page de la commande", "a doubtful strength")
    return book.confirm_lines(session, order_id, lines, who, now, version=order.version), len(lines)


def _move(session: Session, book: OrderBook, order_id: int, to: State, who: Actor, now: datetime, wish: Wish) -> Order:
    """Unit of work: no page was looked at, so the version that counts is the one that is there, also while the machine
    reads on."""
    return book.move(session, order_id, to, who, now, version=book.get(session, order_id).version, wish=wish)


def _state(text: str) -> State:
    try:
        return State(text)
    except ValueError:
        raise BadInput(f"unknown state: use one of {', '.join(state.value for state in State)}") from None


def _wish(arguments: dict[str, Any]) -> Wish:
    promised = tuple(item.strip() for item in arguments.get("promised", "").split(",") if item.strip())
    try:
        due = date.fromisoformat(arguments["due"]) if arguments.get("due") else None
    except ValueError:
        raise BadInput("a date is written YYYY-MM-DD") from None
    return Wish(arguments.get("note", ""), promised, due)
