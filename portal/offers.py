"""Which buttons an order shows: exactly the moves of `record.orders`, with the words and fields that each needs."""

from dataclasses import dataclass

from core.errors import Refused
from portal.language import N_
from record.orders import Role, State, check_move, next_states

NONE, NOTE, MAYBE_NOTE, PROMISE = "none", "note", "maybe_note", "promise"

_VERBS = {
    State.TAKEN: N_("Prendre en charge"),
    State.QUESTION: N_("Demander une précision"),
    State.PREPARING: N_("Mettre en préparation"),
    State.READY: N_("Prête"),
    State.PARTLY_READY: N_("Prête en partie"),
    State.COLLECTED: N_("Remise au patient"),
    State.NOT_DISPENSABLE: N_("Non délivrable"),
    State.CANCELLED: N_("Annuler"),
}
_FIELDS = {
    State.QUESTION: NOTE,
    State.NOT_DISPENSABLE: NOTE,
    State.PARTLY_READY: PROMISE,
    State.CANCELLED: MAYBE_NOTE,
}


@dataclass(frozen=True, slots=True)
class Offer:
    """One move. `fields`: what the form asks for; `blocked`: why it cannot be made yet, empty when it can."""

    to: str
    label: str
    fields: str
    blocked: str

    @property
    def is_quick(self) -> bool:
        """One click, nothing to write."""
        return self.fields == NONE and not self.blocked


def offers(state: State, role: Role, unconfirmed: int) -> tuple[Offer, ...]:
    """In the order of the table."""
    return tuple(_offer(state, to, role, unconfirmed) for to in next_states(state, role))


def _offer(state: State, to: State, role: Role, unconfirmed: int) -> Offer:
    blocked = ""
    try:
        check_move(state, to, role, unconfirmed_lines=unconfirmed)
    except Refused as refused:
        blocked = refused.public
    return Offer(to.value, _label(state, to), _FIELDS.get(to, NONE), blocked)


def _label(state: State, to: State) -> str:
    if state is to is State.PARTLY_READY:
        return N_("Changer la promesse")
    if state is State.QUESTION and to is State.TAKEN:
        return N_("Réponse reçue, reprendre")
    return _VERBS[to]
