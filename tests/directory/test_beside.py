"""An edition that two processes make: the same as one makes, and nothing of it is left when one of them is killed."""

import os
import signal
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select, text

from core.clock import FakeClock
from core.db import Db
from core.errors import BadInput
from directory.annuaire import Annuaire
from directory.edition.beside import STORED, Beside
from directory.edition.build import Builder
from directory.edition.kinds import MSSANTE, RPPS
from directory.edition.reading import Reading, Scattered
from directory.edition.sinks import SqliteSink
from directory.edition.tables import COLUMNS
from directory.extracts import mssante, rpps
from directory.extracts.entry import Entry
from directory.extracts.files import open_lines
from directory.importer import upsert
from directory.importing import Importer
from directory.national import FILES, generate
from directory.tables import entries
from tests.support.annuaire import RULES
from tests.support.process import family, wait_until

pytestmark = pytest.mark.slow
NOW = FakeClock().now()


def quiet(*_: object) -> None:
    """Nobody watches."""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """So many that there is time to be killed in."""
    folder = tmp_path_factory.mktemp("national")
    generate(folder, seed=7, activities=10_000, mailboxes=120, progress=quiet)
    return folder


def take(db: Db, annuaire: Annuaire, *paths: Path) -> int:
    return Importer(db, annuaire, RULES, quiet).run(paths, NOW)["edition"]


def test_entries_are_what_the_files_publish(db: Db, annuaire: Annuaire, files: Path) -> None:
    """Each with the sector of its structure, which only the register tells, and the red list. One is known before."""
    sectors: dict[str, str] = {}
    for one in rpps.parse_lines(open_lines(files / FILES[RPPS])):
        sectors.setdefault(one.structure_id, one.sector_code)
    red = (files / FILES["red"]).read_text().split("\n")[1:]
    published = {}
    for one in mssante.parse_lines(open_lines(files / FILES[MSSANTE])):
        sector = sectors.get(one.structure_id, "") if one.structure_id else ""
        published.setdefault(one.address, replace(one, sector=sector, red_list=one.address in red))
    known = next(iter(published.values()))
    db.run(upsert, [replace(known, family="AUTREFOIS")])
    take(db, annuaire, *(files / name for name in FILES.values()))
    found = db.read(lambda session: session.execute(select(entries)).mappings().all())
    assert {row["address"]: Entry(**row) for row in found} == published
    assert any(one.sector for one in published.values()) and any(one.red_list for one in published.values())


@pytest.mark.parametrize("which", [0, -1])  # who builds, and on PostgreSQL who reads for it
def test_an_import_that_is_killed_leaves_nothing(
    db: Db, annuaire: Annuaire, files: Path, tmp_path: Path, which: int
) -> None:
    before = take(db, annuaire, *(files / name for name in FILES.values()))
    box = next(
        line.split("|") for line in (files / FILES["mssante"]).read_text().splitlines()[2:] if line[:4] == "PER|"
    )
    red = tmp_path / "red.txt"
    red.write_text("Adresse BAL\nx@y.test\n")

    def kill(what: str, _done: int, _total: int) -> None:
        if what == "red":
            os.kill(workers()[which], signal.SIGKILL)

    with pytest.raises(BadInput):
        Importer(db, annuaire, RULES, kill).run([red], NOW)
    assert annuaire.edition == before and annuaire.search(box[1])[0].card.key == box[4]
    wait_until(lambda: not workers(), what="the end of what reads for it")
    after = take(db, annuaire, red)
    assert after != before and annuaire.search(box[1])[0].card.key == box[4]
    assert editions(db, annuaire) == {before, after}


def workers() -> list[int]:
    """Who builds stands before who reads for it."""
    return [pid for pid in sorted(family(os.getpid())) if "directory.edition.worker" in command_of(pid)]


def command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:  # it has just ended
        return ""


def editions(db: Db, annuaire: Annuaire) -> set[int]:
    """Those of which anything is left."""
    if not annuaire.where.url:
        return {int(path.stem.split("-")[1]) for path in annuaire.where.folder.glob("edition-*.db")}
    query = text("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'annuaire%'")
    return {int(name.split("_")[1]) for name in db.read(lambda session: session.execute(query).scalars().all())}


def test_who_reads_beside_makes_the_same_edition(files: Path, tmp_path: Path) -> None:
    """What one process makes of the files, two make too; what stops the one stops both."""
    sources = {kind: files / name for kind, name in FILES.items()}
    made = []
    for name in ("alone", "beside"):
        own, others = tmp_path / f"{name}.db", {}
        sink = SqliteSink(own)
        if name == "beside":
            others = {table: tmp_path / table for table in STORED}
            source = Beside(sources, lambda tables: SqliteSink(tmp_path / tables[0]), quiet)
        else:
            source = Reading(sources, sink, quiet)
        built = Builder(sink, source, sources[MSSANTE], quiet).build()
        made.append((built, [rows_of(others.get(table, own), table) for table in COLUMNS]))
    assert made[0] == made[1] and made[0][0].people
    mixed = tmp_path / "mixed"
    mixed.write_bytes(b"".join(sorted(open_lines(sources[RPPS]), key=lambda line: (line[:4] != b"Type", line[::-1]))))
    torn = Beside(sources | {RPPS: mixed}, lambda tables: SqliteSink(tmp_path / f"torn-{tables[0]}"), quiet)
    with pytest.raises(Scattered):
        Builder(SqliteSink(tmp_path / "torn.db"), torn, None, quiet).build()
    torn.abandon()


def rows_of(path: Path, table: str) -> list[tuple]:
    with closing(sqlite3.connect(path)) as opened:
        return opened.execute(f"SELECT * FROM {table}").fetchall()
