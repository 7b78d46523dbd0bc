"""The world of the record room, once on each database."""

from pathlib import Path

import pytest

from core.db import Db
from tests.support.record_world import World


@pytest.fixture
def world(db: Db, tmp_path: Path) -> World:
    return World(db, tmp_path)
