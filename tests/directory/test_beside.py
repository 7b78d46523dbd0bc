"""An edition that several processes make: the same as one makes; nothing of it is left when one of them is killed."""

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
from core.errors import BadInput, Temporary
from directory.annuaire import Annuaire
from directory.edition.beside import Beside
from directory.edition.build import Builder
from directory.edition.kinds import FINESS, MSSANTE, RPPS, SKILLS
from directory.edition.reading import Reading, Scattered
from directory.edition.sinks import SqliteSink
from directory.edition.tables import COLUMNS, INDEXES
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
STREAMS = ("boxes", "skills", "sites", "people")


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


@pytest.mark.parametrize("which", [0, 1, 2])  # who builds, and on PostgreSQL who reads for it
def test_an_import_that_is_killed_leaves_nothing(
    db: Db, annuaire: Annuaire, files: Path, tmp_path: Path, which: int
) -> None:
    before = take(db, annuaire, *(files / name for name in FILES.values()))
    box = next(
        line.split("|") for line in (files / FILES["mssante"]).read_text().splitlines()[2:] if line[:4] == "PER|"
    )
    red = tmp_path / "red.txt"
    red.write_text("Adresse BAL\nx@y.test\n")

    alive = 3 if annuaire.where.url else 1

    def kill(what: str, _done: int, _total: int) -> None:
        if what == "red":
            wait_until(lambda: len(workers()) == alive, what="the last of them")
            os.kill(workers()[which % alive], signal.SIGKILL)

    with pytest.raises(Temporary, match="died|ended with"):
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


def test_whoever_made_it_a_table_has_its_key_and_indexes(db: Db, annuaire: Annuaire, files: Path) -> None:
    edition = take(db, annuaire, *(files / name for name in FILES.values()))
    wanted = {line.split()[0] for lines in INDEXES.values() for line in lines}
    if not annuaire.where.url:
        with closing(sqlite3.connect(annuaire.where.path(edition))) as opened:
            assert wanted <= {name for (name,) in opened.execute("SELECT name FROM sqlite_master")}
        return
    query = text("SELECT indexname FROM pg_indexes WHERE schemaname = :schema")
    found = db.read(lambda session: session.execute(query, {"schema": annuaire.where.schema(edition)}).scalars().all())
    assert set(found) == wanted | {f"{table}_pkey" for table in COLUMNS}


@pytest.fixture
def sources(files: Path, tmp_path: Path) -> dict[str, Path]:
    """The same files, each with a line in it that cannot be read."""
    found = {kind: tmp_path / f"{kind}.txt" for kind in FILES}
    for kind, name in FILES.items():
        head, *rest = (files / name).read_bytes().split(b"\n", 5)
        found[kind].write_bytes(b"\n".join([head, *rest[:3], b"x\tx", *rest[3:]]))
    return found


def test_those_who_read_beside_make_the_same_edition(sources: dict[str, Path], tmp_path: Path) -> None:
    """What one process makes of the files, several make too: cards, words, lines with their numbers, rejections."""
    made = []
    for name in ("alone", "beside"):
        folder = tmp_path / name
        folder.mkdir()
        sink = SqliteSink(folder / "own")
        source = beside(sources, folder) if name == "beside" else Reading(sources, sink, quiet)
        built = Builder(sink, source, sources[MSSANTE], quiet).build()
        made.append((built, {table: sorted(rows_of(folder, table)) for table in COLUMNS}))
    assert made[0] == made[1] and made[0][0].people
    assert {kind: [one.line for one in tally.rejections] for kind, tally in made[0][0].tallies.items()} == {
        kind: [5] for kind in FILES
    }


def beside(sources: dict[str, Path], folder: Path) -> Beside:
    return Beside(sources, lambda tables: SqliteSink(folder / ("-".join(tables) or "rest")), quiet)


def rows_of(folder: Path, table: str) -> list[tuple]:
    """In whichever files they were stored."""
    found = []
    for path in folder.iterdir():
        with closing(sqlite3.connect(path)) as opened:
            found += opened.execute(f"SELECT * FROM {table}").fetchall()
    return found


def test_a_line_has_its_number_whatever_is_read_before(sources: dict[str, Path], tmp_path: Path) -> None:
    numbered = []
    for name, order in {"one": STREAMS, "other": STREAMS[::-1]}.items():
        (tmp_path / name).mkdir()
        sink = SqliteSink(tmp_path / name / "own")
        reading = Reading(sources, sink, quiet)
        for stream in order:
            assert list(getattr(reading, stream)())
        reading.end()
        sink.finish()
        numbered.append(sorted(rows_of(tmp_path / name, "lines")))
    assert numbered[0] == numbered[1]


@pytest.mark.parametrize("kind", [MSSANTE, SKILLS, FINESS, RPPS])
def test_what_stops_one_of_them_is_told(sources: dict[str, Path], tmp_path: Path, kind: str) -> None:
    torn = tmp_path / "torn.zip"
    torn.write_bytes(b"PK\x03\x04 and no more")
    source = beside(sources | {kind: torn}, tmp_path)
    with pytest.raises(BadInput, match="BadZipFile"):
        Builder(SqliteSink(tmp_path / "own"), source, None, quiet).build()
    source.abandon()


def test_people_who_do_not_stand_together_are_told(sources: dict[str, Path], tmp_path: Path) -> None:
    mixed = tmp_path / "mixed"
    mixed.write_bytes(b"".join(sorted(open_lines(sources[RPPS]), key=lambda line: (line[:4] != b"Type", line[::-1]))))
    source = beside(sources | {RPPS: mixed}, tmp_path)
    with pytest.raises(Scattered):
        Builder(SqliteSink(tmp_path / "own"), source, None, quiet).build()
    source.abandon()
