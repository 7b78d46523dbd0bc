"""Look-ups of an edition that do more than read one table by its key: the same on SQLite and on PostgreSQL."""

from pathlib import Path

import pytest

from core.db import Db
from core.errors import DatabaseDown
from directory.annuaire import Annuaire
from directory.edition.readers import SqliteStatements
from directory.national import FILES
from directory.search import FIELDS
from tests.support.annuaire import take

pytestmark = pytest.mark.slow


def test_what_begins_so_and_stands_on_the_most_cards(db: Db, annuaire: Annuaire, files: Path) -> None:
    take(db, annuaire, files / FILES["mssante"], files / FILES["rpps"])
    reader = annuaire.reader()
    for letters in ("m", "d", "ca"):
        prefixes = [field + letters for field in FIELDS]
        every = [row for prefix in prefixes for row in reader.beginning(prefix)]
        assert len(every) > 8 and reader.beginning_each(prefixes) == every
        assert reader.beginning_most(prefixes, 8) == sorted(every, key=lambda row: -row[2])[:8]
        assert reader.beginning_most(prefixes, 8, limit=2) == sorted(
            (row for prefix in prefixes for row in reader.beginning(prefix, 2)), key=lambda row: -row[2]
        )
    assert reader.beginning_most([], 8) == [] == reader.beginning_each([])


def test_an_edition_that_was_closed_meanwhile_does_not_answer(tmp_path: Path) -> None:
    """Whoever searches still in one that two others have followed."""
    statements = SqliteStatements(tmp_path / "edition-1.db")
    (tmp_path / "edition-1.db").touch()
    assert statements.rows("SELECT 1", ()) == [(1,)]
    statements.close()
    with pytest.raises(DatabaseDown):
        statements.rows("SELECT 1", ())
