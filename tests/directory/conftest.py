"""What several tests of the annuaire start from."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.db import Db
from directory.annuaire import Annuaire


@pytest.fixture
def annuaire(db: Db, tmp_path: Path) -> Iterator[Annuaire]:
    """An empty one of this database."""
    found = Annuaire(db, tmp_path / "annuaire")
    yield found
    found.close()
