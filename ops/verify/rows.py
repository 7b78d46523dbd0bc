"""Rows against rows: row counts against COUNT(*), counters against the highest number used, references, the trail.

Each comparison is one statement, so that a server at work never makes it lie.
"""

from typing import Any

from sqlalchemy import String, Table, cast, func, literal, or_, select, union_all
from sqlalchemy.orm import Session

from core import outbox
from core.audit import Trail
from core.audit import count as count_entries
from core.tables import counters, tallies
from core.tables import outbox as promises
from directory.tables import mailboxes
from mail.tables import expunged, folder_messages, folders, message_keys, messages
from ops.audit.snapshot import steady
from ops.verify.context import Context

_STATES = (outbox.WAITING, outbox.LEASED, outbox.DONE, outbox.BURIED, outbox.HELD)


def check_rows(context: Context, trail: Trail, tallied: dict[str, Table]) -> None:
    """`tallied`: the table behind each row count."""
    for found in context.db.read(_all, tallied):
        context.findings.problem(found)
    context.findings.checked("row counts", len(tallied))
    context.findings.checked("audit entries", context.db.read(count_entries))
    for found in context.db.read(_trail, trail):
        context.findings.problem(found)


def _all(session: Session, tallied: dict[str, Table]) -> list[str]:
    checks = (_numbers, _modseqs, _copies, _keyless, _folders, _promises)
    return [*_tallies(session, tallied), *(found for check in checks for found in check(session))]


def _tallies(session: Session, tallied: dict[str, Table]) -> list[str]:
    """One statement for all: kept and counted are seen at the same moment."""
    parts: list[Any] = []
    for name, table in tallied.items():
        kept = select(tallies.c.value).where(tallies.c.name == name).scalar_subquery()
        counted = select(func.count()).select_from(table).scalar_subquery()
        parts.append(
            select(literal(name).label("name"), func.coalesce(kept, 0).label("kept"), counted.label("counted"))
        )
    rows = session.execute(union_all(*parts)).all() if parts else []
    wrong = [f"row count {row.name}: {row.kept} written down, {row.counted} found" for row in rows if row[1] != row[2]]
    unknown = session.execute(select(tallies.c.name).where(tallies.c.name.not_in(list(tallied)))).scalars()
    return wrong + [f"row count {name}: nothing is known to be counted so" for name in unknown]


def _numbers(session: Session) -> list[str]:
    """A UID is never above its folder's counter: it would be given twice."""
    return _above(session, "uid", folder_messages.c.uid) + _above(session, "uid", expunged.c.uid)


def _modseqs(session: Session) -> list[str]:
    return _above(session, "modseq", folder_messages.c.modseq) + _above(session, "modseq", expunged.c.modseq)


def _above(session: Session, counter: str, used: Any) -> list[str]:
    folder_id = used.table.c.folder_id
    highest = select(folder_id, func.max(used).label("highest")).group_by(folder_id).subquery()
    name = literal(f"{counter}:", String).concat(cast(highest.c.folder_id, String))
    query = select(highest.c.folder_id, highest.c.highest, counters.c.value).outerjoin_from(
        highest, counters, counters.c.name == name
    )
    low = or_(counters.c.value.is_(None), counters.c.value < highest.c.highest)
    return [
        f"folder {row[0]}: {counter} {row[1]} is used, its counter says {row[2]}"
        for row in session.execute(query.where(low))
    ]


def _copies(session: Session) -> list[str]:
    """Each copy has a message, and its folder exists."""
    query = (
        select(folder_messages.c.folder_id, folder_messages.c.uid)
        .outerjoin(messages, messages.c.id == folder_messages.c.message_id)
        .outerjoin(folders, folders.c.id == folder_messages.c.folder_id)
        .where(or_(messages.c.id.is_(None), folders.c.id.is_(None)))
    )
    return [f"folder {row[0]}: message {row[1]} is listed and not kept" for row in session.execute(query)]


def _keyless(session: Session) -> list[str]:
    """The owner of each copy holds a key to it."""
    query = (
        select(folder_messages.c.folder_id, folder_messages.c.uid)
        .join(folders, folders.c.id == folder_messages.c.folder_id)
        .join(mailboxes, mailboxes.c.id == folders.c.mailbox_id)
        .outerjoin(
            message_keys,
            (message_keys.c.message_id == folder_messages.c.message_id)
            & (message_keys.c.holder_id == mailboxes.c.holder_id),
        )
        .where(message_keys.c.message_id.is_(None))
    )
    return [f"folder {row[0]}: its owner has no key to message {row[1]}" for row in session.execute(query)]


def _folders(session: Session) -> list[str]:
    query = select(folders.c.id).outerjoin(mailboxes, mailboxes.c.id == folders.c.mailbox_id)
    return [f"folder {row[0]}: belongs to no mailbox" for row in session.execute(query.where(mailboxes.c.id.is_(None)))]


def _promises(session: Session) -> list[str]:
    query = select(promises.c.id).where(promises.c.state.not_in(_STATES))
    return [f"outbox {row[0]}: its state is none that exists" for row in session.execute(query)]


def _trail(session: Session, trail: Trail) -> list[str]:
    steady(session)
    return trail.problems(session)
