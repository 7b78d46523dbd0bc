"""The state table of an order at the pharmacy: which move follows which, who may make it, what the patient is told.

Pure: no session, no clock. `record.order_book` keeps orders, `record.pharmacy` writes the mails.
"""

import enum
from dataclasses import dataclass

from core.errors import Refused


class State(enum.StrEnum):
    """Where an order stands. The words are kept in rows: never rename one."""

    RECEIVED = "received"
    TAKEN = "taken"
    QUESTION = "question"
    PREPARING = "preparing"
    READY = "ready"
    PARTLY_READY = "partly_ready"
    COLLECTED = "collected"
    NOT_DISPENSABLE = "not_dispensable"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class Role(enum.StrEnum):
    PATIENT = "patient"
    PHARMACIST = "pharmacist"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Move:
    """One row of the table. `confirmed`: no proposed line may still wait for the pharmacist's eyes."""

    who: frozenset[Role]
    notify: bool = True
    confirmed: bool = False


LABELS = {
    State.RECEIVED: "reçue",
    State.TAKEN: "prise en charge",
    State.QUESTION: "précision demandée",
    State.PREPARING: "en préparation",
    State.READY: "prête",
    State.PARTLY_READY: "prête partiellement",
    State.COLLECTED: "retirée",
    State.NOT_DISPENSABLE: "non délivrable",
    State.CANCELLED: "annulée",
    State.EXPIRED: "expirée",
}

FINAL = frozenset({State.COLLECTED, State.NOT_DISPENSABLE, State.CANCELLED, State.EXPIRED})

_PHARMACIST = frozenset({Role.PHARMACIST})
_EITHER = frozenset({Role.PHARMACIST, Role.PATIENT})
_SYSTEM = frozenset({Role.SYSTEM})

_TAKE = Move(_PHARMACIST)
_ASK = Move(_PHARMACIST)
_PREPARE = Move(_PHARMACIST, notify=False, confirmed=True)
_FINISH = Move(_PHARMACIST, confirmed=True)
_HAND_OVER = Move(_PHARMACIST, notify=False, confirmed=True)
_DECLINE = Move(_PHARMACIST)
_CANCEL = Move(_EITHER)
_EXPIRE = Move(_SYSTEM)

_ENDS = {State.NOT_DISPENSABLE: _DECLINE, State.CANCELLED: _CANCEL, State.EXPIRED: _EXPIRE}
_WAITING = {State.COLLECTED: _HAND_OVER, State.CANCELLED: _CANCEL, State.EXPIRED: _EXPIRE}

TABLE: dict[State, dict[State, Move]] = {
    State.RECEIVED: {State.TAKEN: _TAKE, State.QUESTION: _ASK} | _ENDS,
    State.TAKEN: {State.QUESTION: _ASK, State.PREPARING: _PREPARE} | _ENDS,
    State.QUESTION: {State.TAKEN: _TAKE, State.QUESTION: _ASK} | _ENDS,
    State.PREPARING: {State.QUESTION: _ASK, State.READY: _FINISH, State.PARTLY_READY: _FINISH} | _ENDS,
    # Partly ready again: the promise has moved.
    State.PARTLY_READY: {State.READY: _FINISH, State.PARTLY_READY: _FINISH} | _WAITING,
    State.READY: dict(_WAITING),
    State.COLLECTED: {},
    State.NOT_DISPENSABLE: {},
    State.CANCELLED: {},
    State.EXPIRED: {},
}


def check_move(state: State, to: State, role: Role, *, unconfirmed_lines: int = 0) -> Move:
    """The row of the table for this move. Raises Refused, with a sentence that the user may read."""
    move = TABLE[state].get(to)
    if move is None:
        raise Refused(f"une commande {LABELS[state]} ne peut pas devenir {LABELS[to]}", f"no move {state} to {to}")
    if role not in move.who:
        raise Refused("ce changement ne vous appartient pas", f"{role} may not move {state} to {to}")
    if move.confirmed and unconfirmed_lines:
        raise Refused("des lignes restent à confirmer", "unconfirmed lines")
    return move


def next_states(state: State, role: Role) -> tuple[State, ...]:
    """What this role may do now, in the table's order: the buttons of a page."""
    return tuple(to for to, move in TABLE[state].items() if role in move.who)
