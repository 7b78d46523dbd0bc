"""Migrations end at the schema that the code knows, on both databases, and twice is harmless."""

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, inspect, text

from core import engines
from core.db import Db
from core.errors import DatabaseDown, Permanent, Refused
from ops import migrate
from tests.support.kept import open_kept

pytestmark = pytest.mark.slow


def test_the_migrated_schema_is_the_one_of_the_code(database_url: str):  # noqa: F811
    assert migrate.current(database_url) is None
    assert migrate.upgrade(database_url) == migrate.head() == migrate.current(database_url)
    engine = create_engine(engines.parse(database_url))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, migrate.schema()) == []
    engine.dispose()


def test_the_same_words_as_the_tests_use(tmp_path: Path):
    """Partial indexes included, which a comparison of meta-data does not see; SQLite keeps the words of a schema."""
    migrated, made = f"sqlite:///{tmp_path / 'migrated.db'}", f"sqlite:///{tmp_path / 'made.db'}"
    migrate.upgrade(migrated)
    Db.open(made, create=True).close()
    assert _words(migrated) == _words(made)


def _words(url: str) -> dict[str, list[str]]:
    """The order of constraints does not matter."""
    engine = create_engine(url)
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")).all()
    engine.dispose()
    return {
        name: sorted(sql.replace('"', "").replace(",", " ").split()) for name, sql in rows if name != "alembic_version"
    }


def test_twice_is_harmless_and_keeps_the_rows(database_url: str, tmp_path: Path):  # noqa: F811
    migrate.upgrade(database_url)
    kept = open_kept(database_url, tmp_path)
    kept.db.close()
    assert migrate.upgrade(database_url) == migrate.head()
    engine = create_engine(engines.parse(database_url))
    with engine.connect() as connection:
        assert connection.execute(text("SELECT COUNT(*) FROM mailboxes")).scalar_one() == 2
    engine.dispose()


def test_two_at_once(database_url: str):  # noqa: F811
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(migrate.upgrade, [database_url] * 4)) == {migrate.head()}


def test_a_failed_step_leaves_nothing(database_url: str, monkeypatch: pytest.MonkeyPatch):  # noqa: F811
    def fail(*_arguments: object) -> str:
        raise RuntimeError("power cut")

    with monkeypatch.context() as patch, pytest.raises(RuntimeError):
        patch.setattr(migrate, "_revision_after", fail)
        migrate.upgrade(database_url)
    engine = create_engine(engines.parse(database_url))
    assert inspect(engine).get_table_names() == []
    engine.dispose()
    assert migrate.upgrade(database_url) == migrate.head()


def test_tables_that_no_migration_made_are_left_alone(database_url: str):  # noqa: F811
    Db.open(database_url, create=True).close()
    with pytest.raises(Permanent) as refused:
        migrate.upgrade(database_url)
    assert "no migration made" in refused.value.public


def _set_revision(url: str, revision: str) -> None:
    engine = create_engine(engines.parse(url))
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})
    engine.dispose()


def test_a_database_of_a_newer_version_is_refused(database_url: str):  # noqa: F811
    migrate.upgrade(database_url)
    _set_revision(database_url, "9999")
    with pytest.raises(Permanent):
        migrate.upgrade(database_url)


def test_tables_of_another_version_are_not_served(database_url: str):  # noqa: F811
    migrate.upgrade(database_url)
    migrate.check(database_url)
    _set_revision(database_url, "0001_core")
    with pytest.raises(Refused, match="pli migrate"):
        migrate.check(database_url)


def test_no_database_is_said_in_our_words(tmp_path: Path):
    with pytest.raises(DatabaseDown):
        migrate.upgrade(f"sqlite:///{tmp_path / 'none' / 'pli.db'}")
    with pytest.raises(DatabaseDown):
        migrate.upgrade("postgresql://nobody@127.0.0.1:1/none")


def test_no_room_s_tables_are_forgotten():
    """Importing the migrations alone knows every table that any `tables.py` names."""
    declared = {
        name
        for path in Path(migrate.__file__).parents[1].glob("*/**/tables.py")
        if not {".venv", "build", "tests"} & set(path.parts)
        for name in re.findall(r'= Table\(\s*"(\w+)"', path.read_text(encoding="utf-8"))
    }
    asked = "from ops.migrate import schema; print(*schema().tables)"
    known = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True).stdout.split()
    assert declared <= set(known)
