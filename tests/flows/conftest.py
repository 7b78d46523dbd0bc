"""A demonstration made once, and copies of it to run: each file of tests has its own server."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.flow import Flow
from tests.support.pli_server import PliServer

PASSING = shutil.ignore_patterns("*.sock", "pli.log")


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A temporary folder with a short path: control sockets allow no more than a hundred octets."""
    with tempfile.TemporaryDirectory(prefix="pli-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def made() -> Iterator[Path]:
    """The home of a demonstration that was made and never played, its server stopped."""
    with tempfile.TemporaryDirectory(prefix="pli-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        with PliServer(Path(folder) / "home") as server:
            pass
        yield server.home


@pytest.fixture(scope="module")
def copy(made: Path, folder: Path) -> Callable[[str], Path]:
    """A function that copies the demonstration; returns the new home."""
    return lambda name: Path(shutil.copytree(made, folder / name, ignore=PASSING))


@pytest.fixture(scope="module")
def flow(copy: Callable[[str], Path]) -> Iterator[Flow]:
    """A running demonstration. When the tests of the file are over, its log has been read, too."""
    with PliServer(copy("home")) as server:
        flow = Flow(server)
        yield flow
    flow.assert_clean()
