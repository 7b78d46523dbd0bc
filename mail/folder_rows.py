"""The messages of a folder as rows: changes since, flags, copy, move, expunge. Units of work, Core only.

Every change takes the folder's next modseq inside its transaction, so that "what is newer than modseq" is all that a
session has to ask to be up to date. A UID that goes leaves a tombstone. Signals carry the folder's id.
"""

import enum
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, insert, select
from sqlalchemy.orm import Session

from core.db import next_number, signal
from core.errors import Refused
from core.statements import ask, chunks
from mail import packs
from mail.limits import IMAP_FLAGS
from mail.removal import release
from mail.rights import ALL, Rights, right_for_flag
from mail.tables import expunged, folder_messages, folders

TOPIC = "folder"
DELETED = "\\Deleted"
SEEN = "\\Seen"
LISTED = 500  # so many UIDs are named in a statement; more are read as one range and sifted

# The verdict on a signature is ours to say: no client sets, clears or imitates it.
OURS = frozenset({"$signaturepass", "$signaturefail", "$signaturenone", "$signatureunknown"})


class TooManyFlags(Refused):
    """IMAP [LIMIT]."""


class FolderGone(Refused):
    """The folder was deleted while a session had it selected."""


class Change(enum.Enum):
    """How STORE changes flags. RFC 3501 §6.4.6."""

    SET = "FLAGS"
    ADD = "+FLAGS"
    REMOVE = "-FLAGS"


@dataclass(frozen=True, slots=True)
class Flagged:
    """One message's flags as they are now, separated by spaces."""

    uid: int
    flags: str
    modseq: int


@dataclass(frozen=True, slots=True)
class Stored(Flagged):
    """One message's flags after STORE; `was` is the modseq that it had before."""

    was: int


@dataclass(frozen=True, slots=True)
class Changes:
    """What happened after a modseq: rows new or reflagged (by UID), UIDs gone, the modseq to ask from next time."""

    rows: tuple[Flagged, ...]
    gone: tuple[int, ...]
    modseq: int


@dataclass(frozen=True, slots=True)
class Copied:
    """Pairs of UIDs for COPYUID, RFC 4315 §3."""

    uidvalidity: int
    sources: tuple[int, ...]
    targets: tuple[int, ...]


_NEWER = "SELECT uid, flags, modseq FROM folder_messages WHERE folder_id = ? AND modseq > ? ORDER BY uid"
_GONE = "SELECT uid FROM expunged WHERE folder_id = ? AND modseq > ? ORDER BY uid"
# The folder's last modseq; no row at all when the folder is gone.
_LAST = "SELECT coalesce(c.value, 0) FROM folders f LEFT JOIN counters c ON c.name = ? WHERE f.id = ?"
_NAMED = 16, 64, 256, LISTED  # so many places for UIDs a statement may have: few statements are kept prepared


def changes(session: Session, folder_id: int, since: int) -> Changes:
    """What is newer than modseq `since`. Raises FolderGone."""
    modseq = last_modseq(session, folder_id)
    if modseq == since:
        return Changes((), (), since)
    rows = tuple(Flagged(*row) for row in ask(session, _NEWER, folder_id, since))
    return Changes(rows, gone_since(session, folder_id, since), modseq)


def gone_since(session: Session, folder_id: int, since: int) -> tuple[int, ...]:
    """UIDs expunged after modseq `since`, ascending: what QRESYNC tells. RFC 7162 §3.2.5."""
    return tuple(row[0] for row in ask(session, _GONE, folder_id, since))


def last_modseq(session: Session, folder_id: int) -> int:
    """The folder's modseq, 0 before the first change. Raises FolderGone."""
    found = ask(session, _LAST, f"modseq:{folder_id}", folder_id)
    if not found:
        raise FolderGone("the mailbox was deleted")
    return int(found[0][0])


def change_flags(
    session: Session,
    folder_id: int,
    uids: Sequence[int],
    change: Change,
    names: Collection[str],
    unchanged_since: int | None = None,
    rights: Rights = ALL,
) -> tuple[Stored, ...]:
    """STORE: the flags of all of `uids` that exist, after the change; only rows that differ are written.

    Those newer than modseq `unchanged_since` stay as they are and are left out (RFC 7162 §3.1.3). Raises TooManyFlags.
    """
    before = _rows(session, folder_id, uids, "uid", "flags", "modseq")
    if unchanged_since is not None:
        before = [row for row in before if row[2] <= unchanged_since]
    after = {flags: merged(flags, change, names, rights) for flags in {row[1] for row in before}}
    moved = [row for row in before if after[row[1]] != row[1]]
    if not moved:
        return tuple(Stored(u, f, m, m) for u, f, m in before)
    modseq = next_number(session, f"modseq:{folder_id}")
    by_flags: dict[str, list[int]] = {}
    for row in moved:
        by_flags.setdefault(after[row[1]], []).append(row[0])
    for flags, group in by_flags.items():
        _write_flags(session, folder_id, group, flags, modseq)
    signal(session, TOPIC, folder_id)
    return tuple(Stored(u, after[f], m if after[f] == f else modseq, m) for u, f, m in before)


def merged(flags: str, change: Change, names: Collection[str], rights: Rights = ALL) -> str:
    """The flags after STORE, sorted; names compare without case; our own verdict stays as it is, and so does what the
    rights do not reach (RFC 4314 §4)."""
    have = {flag.lower(): flag for flag in flags.split()}
    given = {name.lower(): name for name in names if _may_change(name.lower(), rights) and name.lower() != "\\recent"}
    kept = {key: flag for key, flag in have.items() if not _may_change(key, rights)}
    if change is Change.ADD:
        have = given | have
    elif change is Change.REMOVE:
        have = {key: flag for key, flag in have.items() if key not in given} | kept
    else:
        have = {key: have.get(key, name) for key, name in given.items()} | kept
    if len(have) > IMAP_FLAGS:
        raise TooManyFlags("too many flags on one message")
    return " ".join(sorted(have.values()))


def _may_change(key: str, rights: Rights) -> bool:
    return key not in OURS and right_for_flag(key) in rights


def _carried(flags: str, rights: Rights) -> str:
    """The flags that a copy keeps: ours, and those that `rights` would let a client set there (RFC 4314 §4)."""
    keys = {flag: flag.lower() for flag in flags.split()}
    return " ".join(flag for flag, key in keys.items() if key in OURS or right_for_flag(key) in rights)


def copy(session: Session, source: int, uids: Sequence[int], target: int, rights: Rights = ALL) -> Copied:
    """COPY: new rows of the same messages in folder `target` of the same mailbox, flags and dates kept; of the flags
    only what `rights` allow there."""
    rows = _rows(session, source, uids, "uid", "message_id", "flags", "internal_at")
    validity = _uidvalidity(session, target)
    if not rows:
        return Copied(validity, (), ())
    modseq = next_number(session, f"modseq:{target}")
    first = next_number(session, f"uid:{target}", len(rows))
    fresh = range(first, first + len(rows))
    session.execute(
        insert(folder_messages),
        [
            {"folder_id": target, "uid": uid, "modseq": modseq, "message_id": row[1], "internal_at": row[3]}
            | {"flags": _carried(row[2], rights)}
            for uid, row in zip(fresh, rows, strict=True)
        ],
    )
    signal(session, TOPIC, target)
    return Copied(validity, tuple(row[0] for row in rows), tuple(fresh))


def move(session: Session, source: int, uids: Sequence[int], target: int, rights: Rights = ALL) -> Copied:
    """MOVE, RFC 6851: copy and expunge as one."""
    copied = copy(session, source, uids, target, rights)
    _take_out(session, source, copied.sources)
    return copied


def move_all(session: Session, source: int, target: int) -> None:
    """Every message of `source` goes to `target`."""
    move(session, source, _all_uids(session, source), target)


def expunge(session: Session, folder_id: int, uids: Sequence[int] | None, now: datetime) -> dict[int, int]:
    """Remove the messages marked \\Deleted, among `uids` when given (RFC 4315 §2.1): UID → message of what went."""
    query = select(folder_messages.c.uid, folder_messages.c.message_id).where(
        folder_messages.c.folder_id == folder_id, folder_messages.c.flags.contains(DELETED, escape="!")
    )
    wanted = None if uids is None else set(uids)
    rows = session.execute(query.order_by(folder_messages.c.uid)).all()
    going = {row[0]: row[1] for row in rows if wanted is None or row[0] in wanted}
    _remove(session, folder_id, going, now)
    return going


def held(session: Session, folder_id: int) -> list[int]:
    """The messages of the folder, in the order of their UIDs."""
    query = select(folder_messages.c.message_id).where(folder_messages.c.folder_id == folder_id)
    return list(session.execute(query.order_by(folder_messages.c.uid)).scalars())


def clear_folder(session: Session, folder_id: int, now: datetime) -> None:
    """Remove every message of the folder, marked or not."""
    rows = session.execute(
        select(folder_messages.c.uid, folder_messages.c.message_id).where(folder_messages.c.folder_id == folder_id)
    ).all()
    _remove(session, folder_id, {row[0]: row[1] for row in rows}, now)


def _remove(session: Session, folder_id: int, going: Mapping[int, int], now: datetime) -> None:
    _take_out(session, folder_id, list(going))
    release(session, set(going.values()), now)


def _take_out(session: Session, folder_id: int, uids: Sequence[int]) -> None:
    """The rows go, tombstones stay."""
    if not uids:
        return
    modseq = next_number(session, f"modseq:{folder_id}")
    session.execute(insert(expunged), [{"folder_id": folder_id, "uid": uid, "modseq": modseq} for uid in uids])
    for chunk in chunks(list(uids)):
        session.execute(delete(folder_messages).where(_named(folder_id, chunk)))
    packs.drop(session, folder_id, uids)
    signal(session, TOPIC, folder_id)


def _write_flags(session: Session, folder_id: int, uids: list[int], flags: str, modseq: int) -> None:
    for chunk in chunks(uids, LISTED):
        inside, values = among(chunk, exactly=True)
        statement = "UPDATE folder_messages AS f SET flags = ?, modseq = ? WHERE f.folder_id = ? AND " + inside
        ask(session, statement, flags, modseq, folder_id, *values)


def _rows(session: Session, folder_id: int, uids: Sequence[int], *fields: str) -> list[Any]:
    """Those fields of the rows with ascending `uids`, as far as they are there."""
    if not uids:
        return []
    inside, values = among(uids)
    statement = f"SELECT {', '.join(fields)} FROM folder_messages AS f WHERE f.folder_id = ? AND {inside} ORDER BY uid"
    wanted = set(uids)
    return [row for row in ask(session, statement, folder_id, *values) if row[0] in wanted]


def among(uids: Sequence[int], *, exactly: bool = False) -> tuple[str, Sequence[int]]:
    """A condition on f.uid, and the values in it: ascending `uids` by their range when they have no gap, or (unless
    `exactly`, then there are LISTED at most) are too many to be named. The caller sifts what lies between."""
    if uids[-1] - uids[0] == len(uids) - 1 or (len(uids) > LISTED and not exactly):
        return "f.uid BETWEEN ? AND ?", (uids[0], uids[-1])
    places = next(size for size in _NAMED if size >= len(uids))
    return f"f.uid IN ({', '.join('?' * places)})", (*uids, *[uids[-1]] * (places - len(uids)))


def _named(folder_id: int, uids: Sequence[int]) -> ColumnElement[bool]:
    return (folder_messages.c.folder_id == folder_id) & folder_messages.c.uid.in_(uids)


def _all_uids(session: Session, folder_id: int) -> list[int]:
    query = select(folder_messages.c.uid).where(folder_messages.c.folder_id == folder_id)
    return list(session.execute(query.order_by(folder_messages.c.uid)).scalars())


def _uidvalidity(session: Session, folder_id: int) -> int:
    found: int | None = session.execute(
        select(folders.c.uidvalidity).where(folders.c.id == folder_id)
    ).scalar_one_or_none()
    if found is None:
        raise FolderGone("the mailbox was deleted")
    return found
