"""Fixtures of the fault tests."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import fsync_shim


@pytest.fixture
def folder() -> Iterator[Path]:
    """A temporary folder with a short path: control sockets allow no more than a hundred octets."""
    folder = Path(tempfile.mkdtemp(prefix="pli-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compiled fsync shim."""
    return fsync_shim.build(tmp_path_factory.mktemp("shim"))
