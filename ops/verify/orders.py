"""Orders: every key, detail and note opens, and an order stands where its last move left it."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from crypto.committing import SealBroken
from crypto.sealed import unseal, unwrap_key
from directory.tables import holders, patients
from ops.verify.context import Context, Rows
from record.order_detail import aad, key_aad, load, note_aad
from record.orders import State
from record.tables import order_moves, orders


def check_orders(context: Context) -> None:
    """All orders with their moves."""
    context.count("orders", orders.c.id)
    for rows in context.batches(_query(), orders.c.id):
        moves: dict[int, list[Any]] = {row.id: [] for row in rows}
        for move in context.db.read(_moves, list(moves)):
            moves[move.order_id].append(move)
        for row in rows:
            _one(context, row, moves[row.id])
        context.findings.checked("orders", len(rows))


def _query() -> Any:
    return (
        select(
            *(orders.c.id, orders.c.state, orders.c.version, orders.c.sealed_detail),
            *(orders.c.wrapped_key.label("object_key"), patients.c.holder_id, holders.c.wrapped_key),
        )
        .join(patients, patients.c.id == orders.c.patient_id)
        .join(holders, holders.c.id == patients.c.holder_id)
    )


def _moves(session: Session, ids: Sequence[int]) -> Rows:
    columns = (order_moves.c.id, order_moves.c.order_id, order_moves.c.to_state, order_moves.c.sealed_note)
    query = select(*columns).where(order_moves.c.order_id.in_(ids))
    return session.execute(query.order_by(order_moves.c.id)).all()


def _one(context: Context, row: Any, moves: list[Any]) -> None:
    holder = context.holder(row.holder_id, row.wrapped_key)
    if holder is None:
        context.findings.checked("orders shredded")
        return
    try:
        key = unwrap_key(holder, row.object_key, key_aad(row.id))
    except SealBroken:
        context.findings.problem(f"order {row.id}: its wrapped key does not open")
        return
    for found in _wrong(row, moves, key):
        context.findings.problem(f"order {row.id}: {found}")


def _wrong(row: Any, moves: list[Any], key: bytes) -> list[str]:
    found = []
    try:
        load(unseal(key, row.sealed_detail, aad(row.id, row.version)))
    except (SealBroken, ValueError, KeyError, TypeError):
        found.append("its detail does not open in this version")
    found += [f"the note of move {move.id} does not open" for move in moves if not _note_opens(move, key)]
    if row.state != (moves[-1].to_state if moves else State.RECEIVED.value):
        found.append("its state is not the one of its last move")
    return found


def _note_opens(move: Any, key: bytes) -> bool:
    try:
        return move.sealed_note is None or bool(unseal(key, move.sealed_note, note_aad(move.id)))
    except SealBroken:
        return False
