"""What became of consignments, written down several at a time, and what the queue lets go of then. Units of work."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.orm import Session

from core import outbox
from core.clock import epoch_ms
from crypto.sealed import seal
from mail import removal
from mail.consign import DONE, REPORT_KIND, WAITING
from mail.dsn_parameters import Notify
from mail.envelope import Envelope, reply_aad
from mail.relay_connection import Result
from mail.relay_queue import Load, Patience
from mail.relay_reasons import Reason
from mail.relay_tables import consigned, consignments
from mail.sent import DELAYED, FAILED, RELAYED
from mail.tables import message_keys, messages

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, repr=False)
class Attempt:
    """One consignment after its travel: the mail's key, and a result for each recipient that waited."""

    load: Load
    envelope: Envelope
    key: bytes
    results: Sequence[Result]


@dataclass(frozen=True, slots=True, repr=False)
class _Outcome:
    """What is to be written. `facts`: of the consignment; `waits`: somebody has to be tried again."""

    load: Load
    recipients: list[Row]
    facts: Row
    waits: bool
    owes: bool


def settle(
    session: Session, attempts: Sequence[Attempt], now: datetime, patience: Patience, queue_holder_id: int
) -> None:
    """Write down what became of each recipient, promise the reports that are owed, and say when to come again."""
    found = [_outcome(attempt, now, patience) for attempt in attempts if attempt.results]
    if found:
        session.execute(_RECIPIENT, [row for each in found for row in each.recipients])
        session.execute(_CONSIGNMENT, [each.facts for each in found])
    waiting = {each.load.promise_id for each in found if each.waits}
    outbox.done(session, *(attempt.load.promise_id for attempt in attempts if attempt.load.promise_id not in waiting))
    for each in found:
        if each.waits:
            due = now + patience.wait(each.load.attempts + 1)
            outbox.postpone(session, each.load.promise_id, due, each.facts["its_reason"])
        if each.owes:
            outbox.put(session, REPORT_KIND, each.load.id, now=now)
    over = [each.load.message_id for each in found if not (each.waits or each.owes)]
    release(session, over, queue_holder_id, now)


def release(session: Session, message_ids: Collection[int], queue_holder_id: int, now: datetime) -> None:
    """When nothing of a message waits or is owed: the queue lets go of its key, and of the message nobody else has."""
    free = set(message_ids) - _still_kept(session, message_ids) if message_ids else set()
    if not free:
        return
    held = free - removal.release(session, free, now)
    if held:
        mine = message_keys.c.holder_id == queue_holder_id
        session.execute(delete(message_keys).where(message_keys.c.message_id.in_(held), mine))


def _still_kept(session: Session, message_ids: Collection[int]) -> set[int]:
    """`keeps`, where another process may be settling the rest of a message: the second sees what the first did."""
    kept = keeps(session, message_ids)
    if not kept:
        return kept
    session.execute(select(messages.c.id).where(messages.c.id.in_(kept)).order_by(messages.c.id).with_for_update())
    return keeps(session, kept)


def keeps(session: Session, message_ids: Collection[int]) -> set[int]:
    """Those of the messages that the queue still needs: to send them, or to report about them."""
    waiting = select(consignments.c.message_id).where(
        consignments.c.message_id.in_(message_ids), consignments.c.domain != "", consignments.c.state == WAITING
    )
    owed = (
        select(consignments.c.message_id)
        .join(consigned, consignments.c.id == consigned.c.consignment_id)
        .where(consignments.c.message_id.in_(message_ids), consigned.c.owed != "")
    )
    return {found for query in (waiting, owed) for found in session.execute(query).scalars()}


_RECIPIENT = (
    update(consigned)
    .where(consigned.c.consignment_id == bindparam("of"), consigned.c.place == bindparam("at_place"))
    .values({name: bindparam(f"its_{name}") for name in ("state", "reason", "code", "owed", "sealed_reply", "at")})
)
_CONSIGNMENT = (
    update(consignments)
    .where(consignments.c.id == bindparam("number"))
    .values({name: bindparam(f"its_{name}") for name in ("attempts", "reason", "code", "state", "warned")})
)


def _outcome(attempt: Attempt, now: datetime, patience: Patience) -> _Outcome:
    load, results = attempt.load, attempt.results
    rows = [_recipient(attempt, result, now) for result in results]
    waiting = [result for result, row in zip(results, rows, strict=True) if row["its_state"] == WAITING]
    warns = bool(waiting) and not load.warned and now - load.created_at >= patience.warn
    if warns:
        _owe_delay(attempt.envelope, rows)
    last = waiting[-1] if waiting else results[-1]
    facts = {
        "number": load.id,
        "its_attempts": load.attempts + 1,
        "its_reason": last.reason.value if last.reason else "",
        "its_code": last.reply.code if last.reply else "",
        "its_state": WAITING if waiting else DONE,
        "its_warned": load.warned or warns,
    }
    return _Outcome(load, rows, facts, bool(waiting), any(row["its_owed"] for row in rows))


def _recipient(attempt: Attempt, result: Result, now: datetime) -> Row:
    """The row of one recipient after this attempt."""
    load, reply = attempt.load, result.reply
    reason = _verdict(result.reason, expired=now >= load.expires_at)
    over = reason is None or reason.permanent or reason is Reason.EXPIRED
    state = RELAYED if reason is None else FAILED if over else WAITING
    text = reply.text.encode() if reply and reason is not None else None
    return {
        "of": load.id,
        "at_place": result.place,
        "its_state": state,
        "its_reason": reason.value if reason else "",
        "its_code": reply.code if reply else "",
        "its_owed": _owed(attempt.envelope, result, state),
        "its_sealed_reply": seal(attempt.key, text, reply_aad(load.id, result.place)) if text else None,
        "its_at": epoch_ms(now),
    }


def _verdict(reason: Reason | None, *, expired: bool) -> Reason | None:
    return Reason.EXPIRED if reason is not None and not reason.permanent and expired else reason


def _owed(envelope: Envelope, result: Result, state: str) -> str:
    """The report that the sender is owed about this recipient; never one to the null sender."""
    wishes = envelope.rcpts[result.place].wishes
    if envelope.sender and state == FAILED and wishes.wants(Notify.FAILURE):
        return FAILED
    if envelope.sender and state == RELAYED and wishes.wants(Notify.SUCCESS) and not result.told:
        return RELAYED
    return ""


def _owe_delay(envelope: Envelope, rows: Iterable[Row]) -> None:
    for row in rows:
        wants = envelope.sender and envelope.rcpts[row["at_place"]].wishes.wants(Notify.DELAY)
        if wants and row["its_state"] == WAITING:
            row["its_owed"] = DELAYED
