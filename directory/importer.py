"""Loads an extraction into the directory: in batches, each one durable; harmless when run again.

Issue A loads and refreshes; staging, diff and the refusal of a suspicious shrink come with the directory's own issue.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from operator import attrgetter
from pathlib import Path
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from core.db import Db
from directory.extracts import mssante
from directory.extracts.entry import NAMES, Entry, Rejection
from directory.extracts.files import open_lines
from directory.tables import entries

BATCH = 500
REJECTIONS_KEPT = 100
Progress = Callable[[int], None]

_UPDATE = (
    update(entries)
    .where(entries.c.address == bindparam("b_address"))
    .values({column.name: bindparam(f"b_{column.name}") for column in entries.c if column.name != "address"})
)
# Half a million at a first import: SQLAlchemy's way costs four times as much a row.
_values = attrgetter(*NAMES)
_INTO = f"INSERT INTO {entries.name} ({', '.join(NAMES)})"
_ROW_BY_ROW = f"{_INTO} VALUES ({', '.join('?' * len(NAMES))}) ON CONFLICT DO NOTHING"
# psycopg takes as long for each row as PostgreSQL: here a batch is one text. No line that was taken holds such marks.
# OFFSET 0: else a row is taken apart once for each of its columns.
_FIELD, _ROW = "\x1c", "\x1d"
_CASTS = {"digital": "::boolean", "red_list": "::boolean", "rank": "::integer"}
_FIELDS = ", ".join(f"f[{place}]{_CASTS.get(name, '')}" for place, name in enumerate(NAMES, 1))
_AT_ONCE = (
    f"{_INTO} SELECT {_FIELDS} FROM (SELECT string_to_array(row, '{_FIELD}') AS f "
    f"FROM unnest(string_to_array(%s, '{_ROW}')) AS row OFFSET 0) AS rows ON CONFLICT DO NOTHING"
)


@dataclass(frozen=True, slots=True)
class Report:
    """Counts of lines; the first rejections are kept to be shown."""

    read: int
    added: int
    changed: int
    unchanged: int
    repeated: int  # same address on a later line: the first one stands
    rejected: int
    rejections: tuple[Rejection, ...]


def import_mssante(
    db: Db, path: Path, *, sectors: Mapping[str, str] | None = None, progress: Progress | None = None
) -> Report:
    """Load the file at `path` (text or zip). `sectors`: structure id → SAxx, which this extraction does not tell.

    `progress(lines)` is called after each durable batch. Raises BadInput when it is not such a file.
    """
    return import_read(db, mssante.parse_lines(open_lines(path)), sectors=sectors, progress=progress)


def import_read(
    db: Db,
    read: Iterable[Entry | Rejection],
    *,
    sectors: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> Report:
    """Load what a parser yields, each batch in a unit of work of its own."""
    counts: Counter[str] = Counter()
    rejections: list[Rejection] = []
    seen: set[int] = set()
    for batch in _batches(read):
        good = _sort(batch, seen, counts, rejections)
        counts.update(db.run(upsert, [_with_sector(entry, sectors or {}) for entry in good]))
        if progress:
            progress(counts["read"])
    names = ("read", "added", "changed", "unchanged", "repeated", "rejected")
    return Report(**{name: counts[name] for name in names}, rejections=tuple(rejections))


def upsert(session: Session, batch: list[Entry]) -> dict[str, int]:
    """Unit of work: insert the new, update the changed; addresses in a batch are distinct. Returns the counts."""
    known = _known(session, [entry.address for entry in batch])
    new = [_values(entry) for entry in batch if entry.address not in known]
    kept = [_keep_sector(entry, known[entry.address]) for entry in batch if entry.address in known]
    changed = [entry for entry in kept if known[entry.address] != entry]
    _insert(session, new)
    if changed:
        session.connection().execute(_UPDATE, [_bound(entry) for entry in changed])
    return {"added": len(new), "changed": len(changed), "unchanged": len(kept) - len(changed)}


def _insert(session: Session, new: list[tuple[Any, ...]]) -> None:
    if not new:
        return
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(_ROW_BY_ROW, new)
    else:
        text = _ROW.join(_FIELD.join(map(str, values)) for values in new)
        connection.exec_driver_sql(_AT_ONCE, (text,))


def _known(session: Session, addresses: list[str]) -> dict[str, Entry]:
    rows = session.execute(select(entries).where(entries.c.address.in_(addresses))).mappings()
    return {row["address"]: Entry(**row) for row in rows}


def _keep_sector(entry: Entry, known: Entry) -> Entry:
    """The sector comes from elsewhere: a load that does not tell it does not erase it."""
    return entry if entry.sector else replace(entry, sector=known.sector)


def _bound(entry: Entry) -> dict[str, object]:
    return {f"b_{name}": value for name, value in entry.row().items()}


def _sort(
    batch: list[Entry | Rejection], seen: set[int], counts: Counter[str], rejections: list[Rejection]
) -> list[Entry]:
    good = []
    for item in batch:
        counts["read"] += 1
        if isinstance(item, Rejection):
            counts["rejected"] += 1
            rejections.extend([item] if len(rejections) < REJECTIONS_KEPT else [])
        elif hash(item.address) in seen:
            counts["repeated"] += 1
        else:
            seen.add(hash(item.address))
            good.append(item)
    return good


def _with_sector(entry: Entry, sectors: Mapping[str, str]) -> Entry:
    sector = sectors.get(entry.structure_id, "")
    return replace(entry, sector=sector) if sector else entry


def _batches(read: Iterable[Entry | Rejection]) -> Iterator[list[Entry | Rejection]]:
    rest = iter(read)
    while batch := list(islice(rest, BATCH)):
        yield batch
