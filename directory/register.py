"""What an import of the national register means for people: who is struck off, who is back; and what changed, kept.

Who was in the last RPPS extraction and is in no line of the new one is struck off: the publication of their mailboxes
ends, and an event tells other rooms (chat closes the account).
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, TypeVar

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from core.clock import epoch_ms
from core.db import Db, signal
from core.ids import new_id
from directory.annuaire import CURRENT, PREVIOUS, TOPIC
from directory.edition.compare import read_changes
from directory.edition.kinds import MSSANTE
from directory.events import REINSTATED, STRUCK_OFF, put_event
from directory.extracts.files import open_lines
from directory.publication_rows import unpublish_carrier
from directory.tables import directory_changes, directory_editions, directory_struck, entries

BATCH = 500
CHANGES_KEPT = 20_000  # of one import; a first import is not a change of each line
T = TypeVar("T")


class Changed(Protocol):
    """A file that was compared with the last one."""

    @property
    def kind(self) -> str: ...

    @property
    def path(self) -> Path: ...

    @property
    def changes(self) -> Path: ...


@dataclass(frozen=True)
class Turn:
    """Who is in the register no more, and who gained a line in it. Nothing of it is done before the edition is there: a
    file that is refused strikes nobody off."""

    gone: frozenset[str] = frozenset()
    come: frozenset[str] = frozenset()

    def struck(self, before: frozenset[str]) -> frozenset[str]:
        """Those struck off once it is done."""
        return (before | self.gone) - self.come


def read_turn(sources: Iterable[Changed], old: Callable[[str], Path | None]) -> Turn:
    """What these extractions of the register change. Raises OSError."""
    turn = Turn()
    for source in sources:
        gone, come = _people(source.changes)
        gone = gone - _still_there(source.path, gone) if old(source.kind) is not None and gone else set()
        turn = Turn(turn.gone | gone, turn.come | come)
    return turn


def strike_off(db: Db, turn: Turn, now: datetime) -> int:
    """How many were not struck off before."""
    return sum(db.run(_strike_off, batch, now) for batch in _batches(sorted(turn.gone)))


def returning(db: Db, turn: Turn) -> list[str]:
    """Those struck off who are back."""
    return sorted(db.read(struck_off) & turn.come)


def reinstate(db: Db, people: Iterable[str], now: datetime) -> None:
    """They are struck off no more."""
    for batch in _batches(people):
        db.run(_reinstate, batch, now)


def struck_off(session: Session) -> frozenset[str]:
    """National ids that the register knew once and does not know now."""
    return frozenset(session.execute(select(directory_struck.c.national_id)).scalars())


def put_edition(session: Session, edition: int, now: datetime, counts: str) -> None:
    """The edition in use from the commit on; said to all who search."""
    known = select(directory_editions.c.id).where(directory_editions.c.id == edition)
    if session.execute(known).one_or_none() is None:
        session.execute(update(directory_editions).where(directory_editions.c.state == CURRENT).values(state=PREVIOUS))
        row = {"id": edition, "made_at": epoch_ms(now), "state": CURRENT, "counts": counts}
        session.execute(insert(directory_editions), row)
    else:
        change = update(directory_editions).where(directory_editions.c.id == edition)
        session.execute(change.values(made_at=epoch_ms(now), counts=counts))
    signal(session, TOPIC, edition)


def note_changes(db: Db, sources: Iterable[Changed], now: datetime, *, again: bool = False) -> None:
    """What came and what went, by address, person or structure: the history of a daily import. `again`: some of it may
    be noted."""
    known = db.read(_noted, epoch_ms(now)) if again else frozenset()
    rows = (row for source in sources for row in _changes(source, epoch_ms(now)))
    for batch in _batches(islice(rows, CHANGES_KEPT)):
        if fresh := [row for row in batch if (row["source"], row["change"], row["key"]) not in known]:
            db.run(_write_changes, fresh)


def changes_of(session: Session, key: str, limit: int = 50) -> list[tuple[int, str, str]]:
    """Moment (epoch ms), source and change of an address, national id or structure id, the latest first."""
    query = select(directory_changes).where(directory_changes.c.key == key)
    rows = session.execute(query.order_by(directory_changes.c.id.desc()).limit(limit))
    return [(row.at, row.source, row.change) for row in rows]


def _changes(source: Changed, at: int) -> Iterator[dict[str, Any]]:
    keys: dict[str, set[str]] = {}
    for sign, person, structure, text in read_changes(source.changes):
        key = text.split("|", 2)[1].lower() if source.kind == MSSANTE else person or structure
        keys.setdefault(key, set()).add(sign)
    for key, signs in keys.items():
        change = "changed" if len(signs) > 1 else "added" if "+" in signs else "removed"
        yield {"id": new_id(), "at": at, "source": source.kind, "change": change, "key": key[:320]}


def _noted(session: Session, at: int) -> frozenset[tuple[str, str, str]]:
    columns = (directory_changes.c[name] for name in ("source", "change", "key"))
    rows = session.execute(select(*columns).where(directory_changes.c.at == at))
    return frozenset((row.source, row.change, row.key) for row in rows)


def _write_changes(session: Session, rows: list[dict[str, Any]]) -> None:
    session.execute(insert(directory_changes), rows)


def _people(changes: Path) -> tuple[set[str], set[str]]:
    """Who lost a line and gained none; who gained one."""
    gone: set[str] = set()
    come: set[str] = set()
    for sign, person, _, _ in read_changes(changes):
        (come if sign == "+" else gone).add(person)
    return gone - come, come


def _still_there(path: Path, people: set[str]) -> set[str]:
    """Those of `people` that have a line in the new extraction."""
    wanted = {person.encode() for person in people}
    found = {fields[2] for line in open_lines(path) if len(fields := line.split(b"|", 3)) == 4 and fields[2] in wanted}
    return {person.decode() for person in found}


def _strike_off(session: Session, people: list[str], now: datetime) -> int:
    known = struck_off(session)
    fresh = [person for person in people if person not in known]
    for person in fresh:
        session.execute(insert(directory_struck), {"national_id": person, "at": epoch_ms(now)})
        put_event(session, STRUCK_OFF, person, now)
        unpublish_carrier(session, person, now)
    session.execute(delete(entries).where(entries.c.national_id.in_(fresh)))
    return len(fresh)


def _reinstate(session: Session, people: list[str], now: datetime) -> None:
    struck = directory_struck.c.national_id
    for person in session.execute(select(struck).where(struck.in_(people))).scalars().all():
        session.execute(delete(directory_struck).where(struck == person))
        put_event(session, REINSTATED, person, now)


def _batches(items: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(items)
    while batch := list(islice(rest, BATCH)):
        yield batch
