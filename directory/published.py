"""The published mailboxes that mail resolves: they follow an import in small batches, each durable."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from core.db import Db
from directory.annuaire import Annuaire
from directory.edition.card import key_and_sector
from directory.edition.compare import read_changes
from directory.edition.kinds import MSSANTE
from directory.edition.sources import Tally, texts
from directory.edition.update import Line
from directory.extracts import mssante
from directory.extracts.entry import SECTOR_LETTERS, Entry
from directory.extracts.lines import Unreadable
from directory.importer import upsert
from directory.register import struck_off
from directory.tables import directory_red, entries, local_domains

BATCH = 500
T = TypeVar("T")


def follow_boxes(db: Db, annuaire: Annuaire, path: Path, progress: Callable[[int], None]) -> None:
    """Entries of removed lines go, unless another line publishes the address; those of added lines come or change.

    `path` holds the changes.
    """
    _follow_removed(db, path)
    _come(db, annuaire, _added(path), progress)


def follow_all_boxes(db: Db, annuaire: Annuaire, path: Path, progress: Callable[[int], None]) -> None:
    """Entries of all lines of an extraction come or change. What was not taken of it is passed over here, too."""
    _come(db, annuaire, _rows(path), progress)


def _come(db: Db, annuaire: Annuaire, published: Iterable[mssante.Row], progress: Callable[[int], None]) -> None:
    """Of lines with the same address the first stands."""
    red, struck, done = db.read(red_list), db.read(struck_off), 0
    seen: set[int] = set()
    for rows in _batches(published):
        fresh = {row.address: row for row in reversed(rows) if hash(row.address) not in seen}
        seen.update(map(hash, fresh))
        sectors = _sectors(annuaire, {row.structure_id for row in fresh.values() if row.structure_id})
        db.run(upsert, [_entry(row, sectors, red) for row in fresh.values() if row.national_id not in struck])
        done += len(rows)
        progress(done)


def _values(row: mssante.Row, sectors: dict[str, str], red: frozenset[str]) -> tuple[Any, ...]:
    return mssante.values_of(row, sectors.get(row.structure_id, ""), red_list=row.address in red)


def _follow_removed(db: Db, changes: Path) -> None:
    gone = {_address(text) for sign, _, _, text in read_changes(changes) if sign == "-"}
    if gone:
        gone -= {_address(text) for sign, _, _, text in read_changes(changes) if sign == "+"}
    for batch in _batches(sorted(gone)):
        db.run(_remove, batch)


def _added(changes: Path) -> Iterator[mssante.Row]:
    return (mssante.row_of(text) for sign, _, _, text in read_changes(changes) if sign == "+")


def _rows(path: Path) -> Iterator[mssante.Row]:
    for _, text in texts(path, MSSANTE, Tally()):
        with suppress(Unreadable):
            yield mssante.row_of(text)


def _address(text: str) -> str:
    """The address of a line that was read before."""
    return text.split("|", 2)[1].strip().lower()


def publish_again(db: Db, annuaire: Annuaire, people: Iterable[str]) -> None:
    """Entries of those whom the register knows again, from the lines that never went."""
    reader, red = annuaire.reader(), db.read(red_list)
    for person in people if reader else ():
        lines = reader.lines_of_person(person) if reader else []
        rows = {row.address: row for source, text in lines if source == MSSANTE for row in (mssante.row_of(text),)}
        sectors = _sectors(annuaire, {row.structure_id for row in rows.values() if row.structure_id})
        db.run(upsert, [_entry(row, sectors, red) for row in rows.values()])


def follow_sectors(db: Db, annuaire: Annuaire, structures: Iterable[str]) -> None:
    """Their entries have the sector that the annuaire knows now: mailboxes and structures may come one by one."""
    for batch in _batches(structures):
        by_sector: dict[str, list[str]] = {}
        for structure, sector in _sectors(annuaire, set(batch)).items():
            by_sector.setdefault(sector, []).append(structure)
        if by_sector:
            db.run(_put_sectors, by_sector)


def without_sector(session: Session) -> list[str]:
    """Structures of entries whose sector nothing has told yet."""
    query = select(entries.c.structure_id).where(entries.c.sector == "", entries.c.structure_id != "").distinct()
    return list(session.execute(query).scalars())


def _put_sectors(session: Session, by_sector: dict[str, list[str]]) -> None:
    for sector, structures in by_sector.items():
        there = entries.c.structure_id.in_(structures) & (entries.c.sector != sector)
        session.execute(update(entries).where(there).values(sector=sector))


def red_list(session: Session) -> frozenset[str]:
    """Addresses that are shown to nobody but the entitled."""
    return frozenset(session.execute(select(directory_red.c.address)).scalars())


def follow_red_list(db: Db, added: Iterable[Line], removed: Iterable[Line]) -> None:
    """The operator's red list as it is now."""
    for batch in _batches(line.structure for line in removed):
        db.run(_red, batch, False)
    for batch in _batches(line.structure for line in added):
        db.run(_red, batch, True)


def _red(session: Session, addresses: list[str], hidden: bool) -> None:
    session.execute(delete(directory_red).where(directory_red.c.address.in_(addresses)))
    if hidden:
        session.execute(directory_red.insert(), [{"address": address} for address in dict.fromkeys(addresses)])
    session.execute(update(entries).where(entries.c.address.in_(addresses)).values(red_list=hidden))


def _remove(session: Session, addresses: list[str]) -> None:
    """What we publish ourselves is not ended by an extraction that does not hold it yet."""
    ours = set(session.execute(select(local_domains.c.domain)).scalars())
    foreign = [address for address in addresses if address.partition("@")[2] not in ours]
    session.execute(delete(entries).where(entries.c.address.in_(foreign)))


def _entry(row: mssante.Row, sectors: dict[str, str], red: frozenset[str]) -> Entry:
    return Entry(*_values(row, sectors, red))


def _sectors(annuaire: Annuaire, structures: set[str]) -> dict[str, str]:
    """Structure → SAxx, which the mailboxes' extraction does not tell."""
    reader = annuaire.reader()
    found = map(key_and_sector, (text for _, text in reader.cards_by_key(structures))) if reader else ()
    return {key: sector[:SECTOR_LETTERS] for key, sector in found if sector}


def _batches(items: Iterable[T], size: int = BATCH) -> Iterator[list[T]]:
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch
