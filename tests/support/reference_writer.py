"""A small durable ledger writer: what the fault tools are proved on, before the server is.

`python -m tests.support.reference_writer HOME MODE [COUNT]` writes numbered items until COUNT or its end, and prints
the number of each only when it holds it to be durable. MODE is `sqlite` (WAL, synchronous=FULL), `sqlite-off` (WAL, no
sync) or `files` (temporary name, fsync, rename, fsync of the folder), `files-off` (the same without any fsync).
"""

import os
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

SIZE = 3000


def content(number: int) -> bytes:
    """What item `number` must hold: every byte depends on the number, so that a torn item shows."""
    return (f"{number:08d}" * (SIZE // 8)).encode()


def open_database(home: Path, *, sync: bool = True) -> sqlite3.Connection:
    db = sqlite3.connect(home / "items.db", isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute(f"PRAGMA synchronous={'FULL' if sync else 'OFF'}")
    db.execute("PRAGMA wal_autocheckpoint=50")
    db.execute("CREATE TABLE IF NOT EXISTS items (number INTEGER PRIMARY KEY, content BLOB)")
    return db


def write_rows(home: Path, start: int, *, sync: bool) -> Iterator[int]:
    db = open_database(home, sync=sync)
    for number in range(start, sys.maxsize):
        db.execute("INSERT INTO items VALUES (?, ?)", (number, content(number)))
        yield number


def write_files(home: Path, start: int, *, sync: bool) -> Iterator[int]:
    folder = os.open(home, os.O_RDONLY)
    for number in range(start, sys.maxsize):
        with (home / f"{number}.tmp").open("wb") as file:
            file.write(content(number))
            file.flush()
            if sync:
                os.fsync(file.fileno())
        (home / f"{number}.tmp").rename(home / f"{number}.item")
        if sync:
            os.fsync(folder)
        yield number


def read_back(home: Path) -> dict[int, bytes]:
    """Every item that the disk holds, by number."""
    items = {int(path.stem): path.read_bytes() for path in home.glob("*.item")}
    if (home / "items.db").exists():
        db = open_database(home)
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        items.update(db.execute("SELECT number, content FROM items"))
        db.close()
    return items


def main(home: Path, mode: str, count: int = sys.maxsize) -> None:
    kind, _, off = mode.partition("-")
    write = {"sqlite": write_rows, "files": write_files}[kind]
    start = max(read_back(home), default=-1) + 1
    for number in write(home, start, sync=not off):
        print(number, flush=True)
        if number + 1 - start >= count:
            return


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], *map(int, sys.argv[3:]))
