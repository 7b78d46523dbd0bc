"""What several tests of the annuaire start from."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.db import Db
from directory.annuaire import Annuaire
from directory.national import generate


@pytest.fixture
def annuaire(db: Db, tmp_path: Path) -> Iterator[Annuaire]:
    """An empty one of this database."""
    found = Annuaire(db, tmp_path / "annuaire")
    yield found
    found.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("national")
    generate(folder, seed=7, activities=400, mailboxes=120, progress=lambda *_: None)
    return folder
