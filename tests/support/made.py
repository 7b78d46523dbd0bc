"""A new database with all tables, at the price of a file copy where it is a file."""

import tempfile
from functools import cache
from pathlib import Path

from core.db import Db
from core.tables import metadata

FILE = "sqlite:///"


def open_made(url: str) -> Db:
    """Open `url` with every table that is imported by now; a file that is there already is opened as it is."""
    path = Path(url.removeprefix(FILE))
    if not url.startswith(FILE):
        return Db.open(url, create=True)
    if not path.exists():
        path.write_bytes(_empty_file(frozenset(metadata.tables)))
    return Db.open(url)


@cache
def _empty_file(_tables: frozenset[str]) -> bytes:
    """These tables and no row."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "made.db"
        Db.open(f"{FILE}{path}", create=True).close()
        return path.read_bytes()
