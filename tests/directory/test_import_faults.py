"""What goes wrong around an import on PostgreSQL: a crash of the server, somebody who holds a lock, a schema that is
called as ours are, a right that lacks. Told in a sentence; the edition in use serves; nothing is lost."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import func, select, text

from core.db import Db
from core.errors import DatabaseDown, PliError, Temporary
from directory.annuaire import Annuaire, current_edition
from directory.following import STEPS
from directory.importing import Importer
from directory.national import FILES, generate
from directory.tables import directory_struck, entries
from directory.unfinished import there_is
from tests.support.annuaire import NOW, RULES, all_of, changed, one_person, take
from tests.support.postgres import PostgresCluster
from tests.support.process import family

pytestmark = pytest.mark.slow
KINDS = ("mssante", "rpps")


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """So many that there is time for a crash."""
    folder = tmp_path_factory.mktemp("many")
    generate(folder, seed=7, activities=10_000, mailboxes=3_000, progress=lambda *_: None)
    return folder


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresCluster]:
    """One that may crash."""
    with PostgresCluster() as cluster:
        yield cluster


@pytest.fixture
def lasting(server: PostgresCluster, tmp_path: Path) -> Iterator[tuple[Db, Annuaire]]:
    with (
        closing(Db.open(server.create_database(), create=True)) as db,
        closing(Annuaire(db, tmp_path / "annuaire")) as annuaire,
    ):
        yield db, annuaire


def crash(server: PostgresCluster, db: Db, *, noticed: bool) -> None:
    """`noticed`: who asks next finds its connection gone; else somebody else has found out before."""
    server.stop("immediate")
    server.start()
    for _ in range(0 if noticed else 3):
        with suppress(DatabaseDown):
            db.run(lambda session: session.execute(text("SELECT 1")).all())


def entries_of(db: Db) -> int:
    return db.read(lambda session: session.execute(select(func.count()).select_from(entries)).scalar_one())


def crash_beside_workers(server: PostgresCluster, db: Db) -> None:
    """They stand still meanwhile: else they might be ready before the server is away."""
    workers = [pid for pid in family(os.getpid()) if b"directory.edition.worker" in command_of(pid)]
    for number in (signal.SIGSTOP, signal.SIGCONT):
        for pid in workers:
            os.kill(pid, number)
        if number == signal.SIGSTOP:
            crash(server, db, noticed=False)


def command_of(pid: int) -> bytes:
    with suppress(OSError):  # it has just ended
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def on(step: int, do: Callable[[], object], *what: str) -> Callable[[str, int, int], None]:
    done: list[int] = []

    def progress(said: str, number: int, _total: int) -> None:
        if said in (what or (STEPS,)) and number >= step and not done:
            done.append(number)
            do()

    return progress


@pytest.mark.parametrize("noticed", [True, False])
@pytest.mark.parametrize("step", [0, 4])
def test_a_crash_of_the_server_loses_no_entry(
    server: PostgresCluster, lasting: tuple[Db, Annuaire], files: Path, noticed: bool, step: int
) -> None:
    """What waits beside the edition is emptied by it."""
    db, annuaire = lasting
    paths = [files / FILES[kind] for kind in KINDS]
    progress = on(step, lambda: crash(server, db, noticed=noticed))
    with suppress(Temporary):
        Importer(db, annuaire, RULES, progress).run(paths, NOW)
    if there_is(annuaire.where.folder):
        assert Importer(db, annuaire, RULES, lambda *_: None).finish()
    lines = (files / FILES["mssante"]).read_text().splitlines()[1:]
    assert entries_of(db) == len({line.split("|")[1].lower() for line in lines if line.count("|") > 20})
    assert not db.read(lambda session: session.execute(select(directory_struck)).all())
    box = one_person(files)
    assert annuaire.search(box[1])[0].card.key == box[4]
    assert not take(db, annuaire, *paths)["changed"]


def test_a_crash_while_it_is_built_is_told_and_changes_nothing(
    server: PostgresCluster, lasting: tuple[Db, Annuaire], files: Path, many: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    db, annuaire = lasting
    before = take(db, annuaire, files / FILES["red"], files / FILES["mssante"])["edition"]
    count = entries_of(db)
    with pytest.raises(Temporary) as told:
        progress = on(0, lambda: crash_beside_workers(server, db), *KINDS)
        Importer(db, annuaire, RULES, progress).run([many / FILES["rpps"]], NOW)
    assert "base de données ne répond pas" in told.value.public and "pli doctor" in told.value.public
    said = capfd.readouterr()
    assert "Traceback" not in said.err and "import_failed" in said.out + said.err
    assert db.read(current_edition) == before and entries_of(db) == count and not there_is(annuaire.where.folder)
    assert annuaire.search(one_person(files)[1])
    assert take(db, annuaire, many / FILES["rpps"])["changed"]


def test_a_search_goes_on_after_the_server_came_back(
    server: PostgresCluster, lasting: tuple[Db, Annuaire], files: Path
) -> None:
    db, annuaire = lasting
    take(db, annuaire, files / FILES["mssante"])
    address = one_person(files)[1]
    assert annuaire.search(address)
    server.stop("immediate")
    with pytest.raises(DatabaseDown):
        annuaire.search(address)
    server.start()
    assert annuaire.search(address)


def test_whoever_reads_an_old_edition_holds_nobody_up(
    server: PostgresCluster, lasting: tuple[Db, Annuaire], files: Path, tmp_path: Path
) -> None:
    """A copy of the database under way, which locks each table: the old edition goes at a later import."""
    db, annuaire = lasting
    first = take(db, annuaire, *all_of(files))["edition"]
    reds = [changed(files / FILES["red"], tmp_path / f"{n}.txt", ("BAL\n", f"BAL\nx{n}@y.test\n")) for n in range(3)]
    take(db, annuaire, reds[0])
    with psycopg.connect(db.url.set(drivername="postgresql").render_as_string()) as other:
        other.execute(f"SELECT count(*) FROM annuaire_{first}.cards".encode())
        assert take(db, annuaire, reds[1])["changed"]
        assert first in schemas(db)
    take(db, annuaire, reds[2])
    assert len(schemas(db)) == 2 and first not in schemas(db)


def schemas(db: Db) -> set[int]:
    query = text("SELECT nspname FROM pg_namespace WHERE nspname ~ '^annuaire_[0-9]+$'")
    return {int(name.partition("_")[2]) for name in db.read(lambda session: session.execute(query).scalars().all())}


def test_schemas_of_others_are_left_alone(lasting: tuple[Db, Annuaire], files: Path, tmp_path: Path) -> None:
    db, annuaire = lasting
    others = {"annuaire_sauvegarde", "annuaire_12", "annuaire_9000000000000000000", "annuaire_099", "annuairex1"}
    for name in others:
        db.run(lambda session, name=name: session.execute(text(f"CREATE SCHEMA {name}")))
    take(db, annuaire, *all_of(files))
    for number in range(2):
        take(db, annuaire, changed(files / FILES["red"], tmp_path / "r", ("BAL\n", f"BAL\nx{number}@y.test\n")))
    query = text("SELECT nspname FROM pg_namespace")
    assert others <= set(db.read(lambda session: session.execute(query).scalars().all()))


def test_a_right_that_lacks_is_named(server: PostgresCluster, files: Path, tmp_path: Path) -> None:
    url = server.create_database()
    Db.open(url, create=True).close()
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute("DROP ROLE IF EXISTS weak")
        owner.execute("CREATE ROLE weak LOGIN")
        owner.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO weak")
        weak = Db.open(url.replace("pli@", "weak@"))
        with closing(weak), closing(Annuaire(weak, tmp_path / "annuaire")) as annuaire:
            with pytest.raises(PliError) as told:
                take(weak, annuaire, files / FILES["mssante"])
            assert "GRANT CREATE ON DATABASE" in told.value.public and not weak.read(current_edition)
        owner.execute("DROP OWNED BY weak")
        owner.execute("DROP ROLE weak")
