"""What the pharmacist changes: confirming the lines as read on the document, and moving the order."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from datetime import date, datetime

from sqlalchemy.orm import Session

from core.errors import BadInput, Refused
from record.lines import Line, posology_text
from record.order_book import ITEMS, OrderBook
from record.order_facts import Actor, Order, Owed, Wish
from record.orders import State

LONGEST_FIELD = 200


@dataclass(frozen=True, slots=True, repr=False)
class Typed:
    """One row of the lines' form; an empty name takes the line away."""

    name: str
    strength: str
    posology: str
    duration: str


def confirm(
    session: Session,
    book: OrderBook,
    order: Order,
    typed: Sequence[Typed],
    actor: Actor,
    now: datetime,
    *,
    then: State | None,
) -> Order:
    """Unit of work: the lines count now; with `then`, on to preparation or straight to ready, and of the moves on the
    way the patient is told the last one only. Raises as `OrderBook.confirm_lines` and `move`; then nothing has changed.
    """
    if any(len(text) > LONGEST_FIELD for row in typed for text in astuple(row)):
        raise BadInput("Une ligne est trop longue.", "line too long")
    if any("?" in row.strength for row in typed if row.name.strip()):
        raise BadInput(
            "Un dosage porte encore un « ? » : écrivez ce que vous lisez sur le document.", "doubtful strength"
        )
    proposed = book.detail(session, order).lines
    lines = tuple(_merged(proposed, typed))
    changed = book.confirm_lines(session, order.id, lines, actor, now, version=order.version)
    for to in _way(changed.state, then):
        tells = Wish(tells=(to in (then, State.TAKEN) and then is not State.READY) or to is State.READY)
        changed = book.move(session, changed.id, to, actor, now, version=changed.version, wish=tells)
    return changed


def _way(state: State, then: State | None) -> tuple[State, ...]:
    """The moves from here to there, in the trade's order."""
    if then is None:
        return ()
    path = (State.TAKEN, State.PREPARING, State.READY)
    begin = path.index(state) + 1 if state in path else 0
    return path[begin : path.index(then) + 1]


def wish(note: str, items: Sequence[str], days: Sequence[str]) -> Wish:
    """From a form: each item beside its day, as browsers send them; an item without a day is not promised, a day
    without an item neither. Raises BadInput."""
    if len(items) != len(days) or len(items) > ITEMS or any(len(item) > LONGEST_FIELD for item in items):
        raise BadInput("La liste des produits promis est incomplète ou trop longue.", "promised items do not fit")
    try:
        pairs = [(item.strip(), date.fromisoformat(day)) for item, day in zip(items, days, strict=True) if day]
    except ValueError:
        raise BadInput("La date promise s'écrit AAAA-MM-JJ.", "malformed date") from None
    return Wish(note, owed=tuple(Owed(item, day) for item, day in pairs if item))


def check_version(order: Order, seen: int) -> None:
    """What is confirmed is what was looked at. Raises Refused."""
    if order.version != seen:
        raise Refused("la commande a changé entre-temps", "stale version")


def state(word: str) -> State:
    """Raises BadInput."""
    try:
        return State(word)
    except ValueError:
        raise BadInput("Ce changement n'existe pas.", "unknown state") from None


def _merged(proposed: tuple[Line, ...], typed: Sequence[Typed]) -> list[Line]:
    """The proposal as the pharmacist corrected it; rows beyond it are lines of their own."""
    found = []
    for index, row in enumerate(typed):
        if row.name.strip():
            found.append(_corrected(proposed[index], row) if index < len(proposed) else _new(row))
    return found


def _corrected(line: Line, row: Typed) -> Line:
    changed = replace(line, name=row.name.strip(), strength=row.strength.strip(), duration=row.duration.strip())
    if row.posology.strip() == posology_text(line):
        return changed
    return replace(changed, dose=row.posology.strip(), moments=(), frequency="", intake="", if_needed=False)


def _new(row: Typed) -> Line:
    parts = (row.name, row.strength, row.posology, row.duration)
    raw = " ".join(part.strip() for part in parts if part.strip())
    posology, duration = row.posology.strip(), row.duration.strip()
    return Line(raw, row.name.strip(), strength=row.strength.strip(), dose=posology, duration=duration)
