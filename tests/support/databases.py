"""The two databases on which every test of a unit of work runs: SQLite in a file, PostgreSQL in a throwaway cluster.

What these tests prove is not durability (tests/faults does): the files lie in memory and PostgreSQL does not sync.
"""

import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

import directory.tables  # noqa: F401  each room's tables stand on the one MetaData
import instant.tables  # noqa: F401
import mail.collect_tables  # noqa: F401
import mail.relay_tables  # noqa: F401
import mail.tables  # noqa: F401
import record.tables  # noqa: F401
from core.db import Db
from core.tables import metadata
from tests.support.made import open_made
from tests.support.postgres import PostgresCluster

ENGINES = ("sqlite", pytest.param("postgresql", marks=pytest.mark.slow))  # the fast set is on SQLite
MEMORY = Path("/dev/shm")
TEMPLATE = "pli_template"


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresCluster]:
    """One PostgreSQL for the whole run, started when the first test asks for it."""
    with PostgresCluster(durable=False) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def memory() -> Iterator[Path]:
    """A folder whose files cost no disk, for the whole run."""
    with tempfile.TemporaryDirectory(prefix="pli-test-", dir=MEMORY if MEMORY.is_dir() else None) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def postgres_template(postgres: PostgresCluster) -> str:
    """The same on PostgreSQL: the name of a database to copy."""
    Db.open(postgres.create_database(TEMPLATE), create=True).close()
    return TEMPLATE


@pytest.fixture(scope="session")
def postgres_clean(postgres: PostgresCluster, postgres_template: str) -> list[str]:
    """URLs of databases with all tables and no row; a test takes one and brings it back empty."""
    return []


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """Which database: once on each."""
    name: str = request.param
    return name


@pytest.fixture
def database_folder(memory: Path) -> Iterator[Path]:
    """A folder for one test's database file."""
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        yield Path(folder)


@pytest.fixture
def database_url(engine: str, request: pytest.FixtureRequest, database_folder: Path) -> str:
    """A fresh, empty database."""
    if engine == "sqlite":
        return f"sqlite:///{database_folder / 'empty.db'}"
    cluster: PostgresCluster = request.getfixturevalue("postgres")
    return cluster.create_database()


@pytest.fixture
def db(engine: str, request: pytest.FixtureRequest, database_folder: Path) -> Iterator[Db]:
    """An open database with all tables and no row."""
    yield from (_sqlite if engine == "sqlite" else _postgres)(request, database_folder)


def _sqlite(_request: pytest.FixtureRequest, folder: Path) -> Iterator[Db]:
    with closing(open_made(f"sqlite:///{folder / 'pli.db'}")) as database:
        yield database


def _postgres(request: pytest.FixtureRequest, _folder: Path) -> Iterator[Db]:
    cluster: PostgresCluster = request.getfixturevalue("postgres")
    clean: list[str] = request.getfixturevalue("postgres_clean")
    url = clean.pop() if clean else cluster.create_database(template=request.getfixturevalue("postgres_template"))
    with closing(Db.open(url)) as database:
        yield database
    if cluster.emptied(url, metadata.tables):  # five times as fast as a new copy
        clean.append(url)
