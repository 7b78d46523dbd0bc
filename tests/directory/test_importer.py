"""Loading on both databases: twice is once, a changed line is one change, what is bad is counted and told."""

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import func, select

from core.address import Address
from core.db import Db
from core.errors import BadInput
from directory.extracts.entry import Entry, Rejection
from directory.generate import generate
from directory.importer import BATCH, REJECTIONS_KEPT, import_mssante, import_read
from directory.resolve import find_entry
from directory.tables import entries


def count(db: Db) -> int:
    return db.read(lambda session: session.execute(select(func.count()).select_from(entries)).scalar_one())


def entry(name: str, **changes: str) -> Entry:
    return Entry(f"{name}@cabinet.test", "PER", **changes)


def test_twice_is_once(db: Db, tmp_path: Path) -> None:
    made = generate(700, 20)
    path, heard = made.write(tmp_path / "x.txt"), []
    first = import_mssante(db, path, sectors=made.sectors, progress=heard.append)
    second = import_mssante(db, path, sectors=made.sectors)
    assert (first.read, first.added, first.rejected) == (720, 720, 0) and heard == [BATCH, 720]
    assert (second.added, second.changed, second.unchanged) == (0, 0, 720) and count(db) == 720


def test_a_changed_line_is_one_change(db: Db) -> None:
    one, two = entry("a", family="A"), entry("b", family="B")
    import_read(db, [one, two])
    report = import_read(db, [one, replace(two, family="ÇA")])
    assert (report.added, report.changed, report.unchanged) == (0, 1, 1)
    assert db.read(find_entry, Address.parse(two.address)).family == "ÇA"


def test_a_sector_is_not_lost_by_a_load_that_does_not_tell_it(db: Db) -> None:
    one = entry("a", structure_id="1990000010")
    import_read(db, [one], sectors={"1990000010": "SA33"})
    assert import_read(db, [one]).unchanged == 1
    assert db.read(find_entry, Address.parse(one.address)).sector == "SA33"


@pytest.mark.parametrize("gap", [0, BATCH])
def test_of_repeated_addresses_the_first_stands(db: Db, gap: int) -> None:
    between = [entry(f"x{n}") for n in range(gap)]
    report = import_read(db, [entry("a", family="FIRST"), *between, entry("a", family="SECOND")])
    assert report.repeated == 1 and report.added == gap + 1
    assert db.read(find_entry, Address.parse("a@cabinet.test")).family == "FIRST"
    assert import_read(db, [entry("a", family="FIRST"), entry("a", family="SECOND")]).changed == 0


def test_rejections_are_counted_and_the_first_ones_kept(db: Db) -> None:
    bad = [Rejection(n, "not an address") for n in range(REJECTIONS_KEPT + 50)]
    report = import_read(db, [*bad, entry("a")])
    assert report.rejected == REJECTIONS_KEPT + 50 and len(report.rejections) == REJECTIONS_KEPT
    assert report.rejections[0].line == 0 and report.added == 1


def test_a_file_of_another_form_changes_nothing(db: Db, tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    for data in (b"", b"hello\nworld\n", b"\x00" * 1000, b"PK\x03\x04broken"):
        path.write_bytes(data)
        with pytest.raises(BadInput):
            import_mssante(db, path)
    assert count(db) == 0


def test_an_empty_extraction_loads_nothing_and_removes_nothing(db: Db, tmp_path: Path) -> None:
    import_read(db, [entry("a")])
    assert import_mssante(db, generate(0, 0).write(tmp_path / "x.txt")).read == 0
    assert count(db) == 1
