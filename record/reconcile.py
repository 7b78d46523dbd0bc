"""The list of documents that a person has to look at, and what that person decides. Never decided by itself."""

from datetime import datetime

from sqlalchemy import delete, exists, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core import outbox
from core.audit import Event, Trail
from core.clock import epoch_ms
from core.db import tally
from core.errors import NotFound, Refused
from crypto.keyring import Keyring
from directory.patients import get_patient
from mail.tables import message_keys
from record.documents import (
    DUPLICATE,
    FILED,
    RECONCILE,
    REFUSED,
    REMOVED,
    DocumentRow,
    document_key,
    get_row,
    open_meta,
    rows_of,
    wipe,
)
from record.filing import DRAFT_KIND, FILE_KIND
from record.masking import take_out
from record.replacing import OLD_VERSION, OTHER_AUTHOR, removed_by, replaced_by, supersede
from record.tables import documents

DECIDED_SHOWN = 10
_KEPT_AS, _DROPPED_AS = "reconciled/", "not_this_patient"


def waiting_for(session: Session, holder_id: int) -> tuple[DocumentRow, ...]:
    """What waits, among the messages that this mailbox's holder has."""
    theirs = (message_keys.c.message_id == documents.c.message_id) & (message_keys.c.holder_id == holder_id)
    return rows_of(session, documents.c.state == RECONCILE, exists().where(theirs))


def decide(
    session: Session,
    trail: Trail,
    keyring: Keyring,
    document_id: int,
    accept: bool,
    actor: str,
    holder_id: int,
    now: datetime,
) -> tuple[DocumentRow, tuple[int, ...]]:
    """File it after all, or drop it; returns the row and the files to discard after the commit.

    `holder_id` is that of the mailbox for which the actor decides: it must hold the message. A broken signature is not
    healed by a decision, nor is a document without content: Refused. NotFound when nothing waits under this id.
    A notice of removal that is accepted removes what it names.
    """
    row = get_row(session, document_id)
    if row is None or row.state != RECONCILE or row.id not in {found.id for found in waiting_for(session, holder_id)}:
        raise NotFound("document introuvable", "nothing to reconcile under this id")
    if accept and (row.patient_id is None or row.reason.startswith("signature")):
        raise Refused("ce document ne peut pas être classé", f"cannot file: {row.reason}")
    if accept and row.reason == "deletion":
        state, files = _remove(session, trail, keyring, row, actor, now)
    else:
        state, files = (_accept(session, keyring, row, now), []) if accept else _drop(session, row)
    patient_holder = get_patient(session, row.patient_id).holder_id if row.patient_id else None
    trail.record(session, Event(actor, "document.reconcile", state, now, row.id, patient_holder, row.reason))
    return _again(session, document_id), tuple(files)


def undo(session: Session, trail: Trail, document_id: int, actor: str, holder_id: int, now: datetime) -> DocumentRow:
    """Take a decision back: the document waits again. What was dropped is read again from the message that brought it.

    Raises NotFound: no decision under this id for this mailbox's holder; Refused: it cannot be taken back any more.
    """
    row = get_row(session, document_id)
    if row is None or not _is_held(session, row, holder_id) or not row.reason.startswith((_KEPT_AS, _DROPPED_AS)):
        raise NotFound("document introuvable", "no decision under this id")
    if row.state not in (FILED, REFUSED):
        raise Refused("cette décision ne peut plus être annulée", f"document is {row.state}")
    if row.state == FILED:
        _set(session, row.id, {"state": RECONCILE, "reason": row.reason.removeprefix(_KEPT_AS)})
    else:
        session.execute(delete(documents).where(documents.c.id == row.id))
        tally(session, "documents", -1)
        outbox.put(session, FILE_KIND, row.message_id, now=now)
    patient_holder = get_patient(session, row.patient_id).holder_id if row.patient_id else None
    trail.record(session, Event(actor, "document.reconcile", "undone", now, row.id, patient_holder, row.reason))
    return row


def decided_for(session: Session, holder_id: int) -> tuple[DocumentRow, ...]:
    """The latest decisions on messages of this mailbox's holder that can be taken back, newest first."""
    held = select(message_keys.c.message_id).where(message_keys.c.holder_id == holder_id)
    told = or_(documents.c.reason.startswith(_KEPT_AS), documents.c.reason.startswith(_DROPPED_AS))
    decided = told & documents.c.state.in_((FILED, REFUSED)) & documents.c.message_id.in_(held)
    newest = select(documents.c.id).where(decided).order_by(documents.c.filed_at.desc(), documents.c.id.desc())
    return rows_of(session, documents.c.id.in_(newest.limit(DECIDED_SHOWN)))[::-1]


def _accept(session: Session, keyring: Keyring, row: DocumentRow, now: datetime) -> str:
    try:
        with session.begin_nested():
            kept = {"state": FILED, "reason": f"{_KEPT_AS}{row.reason}", "filed_at": epoch_ms(now)}
            _set(session, row.id, kept)
    except IntegrityError:  # the same content is in the record already
        _set(session, row.id, {"state": DUPLICATE, "reason": "same_content"})
        wipe(session, [row.id])
        return DUPLICATE
    if row.patient_id and row.reason not in (OLD_VERSION, OTHER_AUTHOR):
        meta = open_meta(session, document_key(session, keyring, row), row.id)
        supersede(session, replaced_by(session, keyring, row.patient_id, meta).rows, row.id)
    outbox.put(session, DRAFT_KIND, row.message_id, now=now)
    return FILED


def _remove(
    session: Session, trail: Trail, keyring: Keyring, row: DocumentRow, actor: str, now: datetime
) -> tuple[str, list[int]]:
    """Raises Refused: the author of the notice may not (ANS error 901), or it names no current version (900)."""
    notice = open_meta(session, document_key(session, keyring, row), row.id)
    meant = removed_by(session, keyring, row.patient_id or 0, notice)
    if meant.reason or not meant.rows:
        raise Refused("ce document ne peut pas être retiré", meant.reason or "removes nothing that is filed here")
    files = [file for found in meant.rows for file in take_out(session, trail, found, actor, "author", now)]
    _set(session, row.id, {"state": REFUSED, "reason": "removal_done"})
    return REMOVED, [*files, *wipe(session, [row.id])]


def _drop(session: Session, row: DocumentRow) -> tuple[str, list[int]]:
    _set(session, row.id, {"state": REFUSED, "reason": _DROPPED_AS})
    return REFUSED, wipe(session, [row.id])


def _is_held(session: Session, row: DocumentRow, holder_id: int) -> bool:
    held = select(message_keys.c.message_id).where(
        message_keys.c.holder_id == holder_id, message_keys.c.message_id == row.message_id
    )
    return session.execute(held).first() is not None


def _again(session: Session, document_id: int) -> DocumentRow:
    found = get_row(session, document_id)
    if found is None:
        raise NotFound("document introuvable")
    return found


def _set(session: Session, document_id: int, values: dict[str, object]) -> None:
    session.execute(update(documents).where(documents.c.id == document_id).values(values))
