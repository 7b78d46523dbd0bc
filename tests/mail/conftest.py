"""The house of the relay's tests."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.db import Db
from tests.support.operators import World
from tests.support.post_office import PostOffice


@pytest.fixture
async def world(db: Db, tmp_path: Path) -> AsyncIterator[World]:
    """A post office whose mail leaves by the relay."""
    office = PostOffice(db, tmp_path, row_octets=4096, announce=())
    yield World(office)
    await office.stop()
