"""The state table, move by move: what it does not hold is refused."""

import itertools

import pytest

from core.errors import Refused
from record.order_mail import News, subject, tells, text
from record.orders import FINAL, LABELS, TABLE, Role, State, check_move, next_states

R, T, Q, P = State.RECEIVED, State.TAKEN, State.QUESTION, State.PREPARING
OK, PART, OUT = State.READY, State.PARTLY_READY, State.COLLECTED
NO, BYE, LATE = State.NOT_DISPENSABLE, State.CANCELLED, State.EXPIRED

# Written out on purpose, apart from the table itself: from, to, who.
ALLOWED = {
    *((R, to, Role.PHARMACIST) for to in (T, Q, NO, BYE)),
    *((T, to, Role.PHARMACIST) for to in (Q, P, NO, BYE)),
    *((Q, to, Role.PHARMACIST) for to in (T, Q, NO, BYE)),
    *((P, to, Role.PHARMACIST) for to in (Q, OK, PART, NO, BYE)),
    *((PART, to, Role.PHARMACIST) for to in (OK, PART, OUT, BYE)),
    *((OK, to, Role.PHARMACIST) for to in (OUT, BYE)),
    *((state, BYE, Role.PATIENT) for state in (R, T, Q, P, PART, OK)),
    *((state, LATE, Role.SYSTEM) for state in (R, T, Q, P, PART, OK)),
}
EVERY = list(itertools.product(State, State, Role))


@pytest.mark.parametrize("move", EVERY, ids="-".join)
def test_exactly_these_moves(move) -> None:
    state, to, role = move
    if move in ALLOWED:
        assert to in next_states(state, role)
        check_move(state, to, role)
    else:
        assert to not in next_states(state, role)
        with pytest.raises(Refused):
            check_move(state, to, role)


def test_table_and_labels_are_whole() -> None:
    assert set(TABLE) == set(LABELS) == set(State)
    assert {state for state, moves in TABLE.items() if not moves} == FINAL


def test_every_order_can_end() -> None:
    for state in set(State) - FINAL:
        assert FINAL & set(TABLE[state])


@pytest.mark.parametrize("move", [m for m in sorted(ALLOWED) if m[1] in (P, OK, PART, OUT)], ids="-".join)
def test_nothing_is_prepared_before_the_lines_are_confirmed(move) -> None:
    with pytest.raises(Refused, match="unconfirmed"):
        check_move(*move, unconfirmed_lines=1)


def test_public_text_is_french_and_holds_no_code() -> None:
    with pytest.raises(Refused) as refusal:
        check_move(OUT, R, Role.PHARMACIST)
    assert refusal.value.public == "une commande retirée ne peut pas devenir reçue"


def test_every_move_that_tells_has_a_letter() -> None:
    told = {to for moves in TABLE.values() for to, move in moves.items() if move.notify}
    assert told == {T, Q, OK, PART, NO, BYE, LATE}
    assert all(tells(state) for state in told) and not tells(P) and not tells(OUT)


@pytest.mark.parametrize("state", [T, Q, OK, PART, NO, BYE, LATE])
def test_a_subject_never_names_what_was_ordered(state: State) -> None:
    news = News(state, "K7M-4TQ2", "PHARMACIE DU PORT", note="RAMIPRIL 5 mg", promised=("RAMIPRIL 5 mg",))
    assert "RAMIPRIL" not in subject(news) and "K7M-4TQ2" in subject(news)
    assert subject(news).isprintable() and "RAMIPRIL" in text(news)
