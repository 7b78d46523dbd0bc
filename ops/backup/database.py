"""The database copied as it was at one moment, beside a server at work: SQLite's online backup, pg_dump."""

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

from sqlalchemy.engine import URL

from core.errors import Permanent, Temporary

SQLITE, POSTGRES = "pli.db", "pli.dump"
PAGES = 2000  # copied at a time, so that the writer gets its turn


def copy_database(url: URL, folder: Path) -> str:
    """Into the folder; returns which kind it is. Raises Temporary, Permanent."""
    if url.get_backend_name() == "sqlite":
        _copy_sqlite(Path(url.database or ""), folder / SQLITE)
        return "sqlite"
    _run("pg_dump", "--format=custom", "--no-owner", f"--file={folder / POSTGRES}", url=url)
    return "postgresql"


def put_database(kind: str, folder: Path, url: URL) -> None:
    """From the folder into an empty database. Raises Permanent, Temporary."""
    if kind == "sqlite":
        if url.get_backend_name() != "sqlite":
            raise Permanent("a backup of SQLite is restored into SQLite")
        target = Path(url.database or "")
        if target.exists():
            raise Permanent("there is a database already")
        shutil.copyfile(folder / SQLITE, target)
        target.chmod(0o600)
        return
    if url.get_backend_name() != "postgresql":
        raise Permanent("a backup of PostgreSQL is restored into PostgreSQL: set database.url")
    _run(
        "pg_restore",
        "--no-owner",
        "--exit-on-error",
        "--single-transaction",
        f"--dbname={_plain(url)}",
        str(folder / POSTGRES),
        url=url,
    )


def _copy_sqlite(source: Path, target: Path) -> None:
    try:
        with closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=30)) as live:
            live.execute("BEGIN")  # one snapshot for the whole copy: writers do not restart it
            live.execute("SELECT count(*) FROM sqlite_master").fetchone()
            with closing(sqlite3.connect(target)) as copy:
                live.backup(copy, pages=-1)
                copy.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.Error as error:
        raise Temporary("the database cannot be copied now", f"sqlite: {type(error).__name__}") from None
    target.chmod(0o600)


def _run(program: str, *arguments: str, url: URL) -> None:
    """The password goes by the environment: a command line is seen by everybody on the machine."""
    if shutil.which(program) is None:
        raise Permanent(f"{program} is not installed")
    source = [f"--dbname={_plain(url)}"] if program == "pg_dump" else []
    environment = os.environ | ({"PGPASSWORD": url.password} if url.password else {})
    done = subprocess.run(  # noqa: S603  our own arguments
        [program, *source, *arguments], env=environment, capture_output=True, check=False
    )
    if done.returncode:
        raise Permanent(f"{program} failed: is the database empty and the program of its version?", program)


def _plain(url: URL) -> str:
    """The URL for PostgreSQL's own programs, without the password."""
    return url.set(drivername="postgresql", password=None).render_as_string()
