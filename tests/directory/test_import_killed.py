"""An import whose process is killed at any point: before its edition is in use nothing of it is left; after that,
whoever looks next does what follows, and all is as if nobody had been killed."""

import os
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import select

from core.db import Db
from directory.annuaire import Annuaire, current_edition
from directory.following import BOXES, STEPS
from directory.importing import Importer
from directory.national import FILES
from directory.tables import directory_changes, directory_events, directory_red, directory_struck, entries
from directory.unfinished import FOLDER, there_is
from tests.support.annuaire import RULES, all_of, changed, import_that_dies, one_person, take
from tests.support.process import family, wait_until

pytestmark = pytest.mark.slow
TABLES = (entries, directory_changes, directory_events, directory_red, directory_struck)


class House:
    """A database and an annuaire's folder, opened for a while."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder = url, folder

    @contextmanager
    def opened(self) -> Iterator[tuple[Db, Annuaire]]:
        with closing(Db.open(self.url, create=True)) as db, closing(Annuaire(db, self.folder)) as annuaire:
            yield db, annuaire

    def start(self, what: str, number: int, files: list[Path]) -> subprocess.Popen:
        return import_that_dies(self.url, self.folder, what, number, files)

    def state(self) -> dict[str, object]:
        """All that an import leaves but for numbers."""
        with self.opened() as (db, annuaire):
            found = {table.name: db.read(_rows, table) for table in TABLES}
            cards = sorted(text for _, text in annuaire.reader().cards_after(-1, 10_000))
        kept = {path.name: path.read_bytes() for path in (self.folder / "sources").iterdir()}
        return found | {
            "cards": cards,
            "kept": kept,
            "folders": sorted(path.name for path in self.folder.iterdir() if path.is_dir()),
        }


def _rows(session, table) -> list[tuple]:
    columns = [column for column in table.c if column.name != "id"]
    return sorted(tuple(row) for row in session.execute(select(*columns)))


@pytest.fixture
def house(database_url: str, tmp_path: Path) -> House:
    return House(database_url, tmp_path / "annuaire")


@pytest.fixture(scope="module")
def next_day(files: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Somebody is struck off, an address is another, a structure's sector too, and one is on the red list now."""
    folder = tmp_path_factory.mktemp("next")
    box = one_person(files)
    lines = (files / FILES["rpps"]).read_text().splitlines(keepends=True)
    rpps = folder / "rpps.txt"
    rpps.write_text("".join(line for line in lines if f"|{box[4]}|" not in line).replace("|SA07|", "|SA05|"))
    others = [line.split("|")[1] for line in (files / FILES["mssante"]).read_text().splitlines()[-3:]]
    boxes = changed(files / FILES["mssante"], folder / "boxes.txt", (others[0], "nouvelle@etab-9.mssante.test"))
    red = changed(files / FILES["red"], folder / "red.txt", ("Adresse BAL\n", f"Adresse BAL\n{others[1]}\n"))
    return {"rpps": rpps, "mssante": boxes, "red": red}


WAYS = {"first": (), "difference": ("rpps", "mssante"), "rebuilt": ("rpps", "mssante", "red")}


@pytest.fixture(scope="module")
def unharmed(files: Path, next_day: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict]:
    """What each import leaves where nobody is killed."""
    found = {}
    for name, kinds in WAYS.items():
        folder = tmp_path_factory.mktemp(name)
        house = House(f"sqlite:///{folder}/pli.db", folder / "annuaire")
        with house.opened() as (db, annuaire):
            take(db, annuaire, *all_of(files))
            if kinds:
                assert take(db, annuaire, *(next_day[kind] for kind in kinds))["struck_off"] == 1
        found[name] = house.state()
    return found


@pytest.mark.parametrize(
    ("way", "what", "number"),
    [
        ("first", STEPS, 0),
        ("first", BOXES, 0),
        ("first", STEPS, 7),
        ("difference", STEPS, 0),
        ("difference", STEPS, 2),
        ("difference", BOXES, 0),
        ("difference", STEPS, 8),
        ("rebuilt", STEPS, 0),
        ("rebuilt", STEPS, 4),
    ],
)
def test_what_follows_is_done_by_whoever_looks_next(
    house: House, files: Path, next_day: dict[str, Path], unharmed: dict, way: str, what: str, number: int
) -> None:
    _killed(house, files, next_day, way, what, number)
    with house.opened() as (db, annuaire):
        assert there_is(house.folder)
        assert Importer(db, annuaire, RULES, lambda *_: None).finish()
        assert not Importer(db, annuaire, RULES, lambda *_: None).finish()
    assert house.state() == unharmed[way]


def test_any_other_import_ends_one_that_was_cut_short(
    house: House, files: Path, next_day: dict[str, Path], unharmed: dict
) -> None:
    _killed(house, files, next_day, "difference", STEPS, 1)
    with house.opened() as (db, annuaire):
        done = take(db, annuaire, files / FILES["skills"])
        assert done["finished_earlier"] and not done["changed"]
        assert not take(db, annuaire, *(next_day[kind] for kind in WAYS["difference"]))["changed"]
    assert house.state() == unharmed["difference"]


def test_one_whose_edition_is_gone_since_keeps_no_other_from_making_it_again(
    house: House, files: Path, next_day: dict[str, Path], unharmed: dict
) -> None:
    _killed(house, files, next_day, "difference", STEPS, 1)
    with house.opened() as (db, annuaire):
        annuaire._forget([db.read(current_edition)])
        assert take(db, annuaire, *(next_day[kind] for kind in WAYS["difference"]))["changed"]
        assert not there_is(house.folder) and annuaire.usable()
    found = house.state()
    assert len(found["cards"]) == len(unharmed["difference"]["cards"])
    assert found | {"cards": []} == unharmed["difference"] | {"cards": []}


def _killed(house: House, files: Path, next_day: dict[str, Path], way: str, what: str, number: int) -> None:
    kinds = WAYS[way]
    with house.opened() as (db, annuaire):
        if kinds:
            take(db, annuaire, *all_of(files))
    wanted = [next_day[kind] for kind in kinds] or all_of(files)
    assert house.start(what, number, wanted).wait(120) == -signal.SIGKILL


def test_one_that_is_killed_before_its_edition_is_in_use_leaves_nothing(
    house: House, files: Path, next_day: dict[str, Path], unharmed: dict
) -> None:
    with house.opened() as (db, annuaire):
        take(db, annuaire, *all_of(files))
    before = house.state()
    with _held(house):
        child = house.start("never", 0, [next_day[kind] for kind in WAYS["difference"]])
        wait_until(lambda: there_is(house.folder), what="the import's last moment")
        for pid in family(child.pid):
            os.kill(pid, signal.SIGKILL)
        child.wait()
    with house.opened() as (db, annuaire):
        assert not Importer(db, annuaire, RULES, lambda *_: None).finish() and not (house.folder / FOLDER).exists()
    assert house.state() == before
    with house.opened() as (db, annuaire):
        take(db, annuaire, *(next_day[kind] for kind in WAYS["difference"]))
    assert house.state() == unharmed["difference"]


@contextmanager
def _held(house: House) -> Iterator[None]:
    """Somebody else writes into the edition: an import waits where it would change it."""
    with house.opened() as (db, annuaire):
        edition = db.read(current_edition)
        path, schema = annuaire.where.path(edition), annuaire.where.schema(edition)
    if house.url.startswith("sqlite"):
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("PRAGMA journal_mode=WAL")
            other.execute("BEGIN IMMEDIATE")
            yield
        return
    with psycopg.connect(house.url) as other:
        other.execute(f"LOCK TABLE {schema}.lines IN EXCLUSIVE MODE")
        yield
        other.rollback()
