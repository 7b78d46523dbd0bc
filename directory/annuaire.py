"""The annuaire as it is in use: its edition, opened once, changed for a newer one when that is announced.

An edition is a SQLite file of its own beside the instance's database, or a schema of its own in PostgreSQL. Whoever is
searching ends on the edition on which it began.
"""

import re
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from core import engines
from core.db import Db
from core.errors import DatabaseDown, PliError
from core.freight import Signal
from directory.edition.marks import MARK
from directory.edition.readers import Reader, SqliteStatements, Statements
from directory.query import parse
from directory.ranking import Found
from directory.search import search
from directory.tables import directory_editions

TOPIC = "directory.edition"
CURRENT, PREVIOUS = "current", "previous"
CONNECTIONS = 8
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Where:
    """Where editions live: a folder, or a PostgreSQL URL."""

    folder: Path
    url: str = ""

    def path(self, edition: int) -> Path:
        return self.folder / f"edition-{edition}.db"

    @staticmethod
    def schema(edition: int) -> str:
        return f"annuaire_{edition}"


class Annuaire:
    """Searches the edition in use; a new instance has none and finds nothing."""

    def __init__(self, db: Db, folder: Path) -> None:
        self._db = db
        self.where = Where(folder, "" if db.url.get_backend_name() == "sqlite" else _text_of(db))
        self._asking: Any = None
        self._reader: Reader | None = None
        self._statements: Statements | None = None
        self._before: Statements | None = None
        self._edition = 0
        self._stale = True
        self._lock = threading.Lock()
        db.on_commit(self._heard)

    def search(
        self, text: str, *, profession: str = "", place: str = "", limit: int = 10, see_red: bool = False
    ) -> list[Found]:
        """What was typed → cards, the best first. Raises DatabaseDown."""
        reader = self.reader()
        return search(reader, parse(text, profession, place), limit=limit, see_red=see_red) if reader else []

    def reader(self) -> Reader | None:
        """The edition in use; None when there is none yet. Raises DatabaseDown."""
        if self._stale:
            with self._lock:
                self._stale = False
                try:
                    self._refresh()
                except PliError:
                    self._stale = True
                    raise
        return self._reader

    def read(self, work: Callable[..., T], *arguments: object) -> T:
        """A look at what the instance keeps beside its edition. Raises DatabaseDown."""
        return self._db.read(work, *arguments)

    @property
    def edition(self) -> int:
        """Its number; 0: none yet. What was worked out from one edition does not hold for another."""
        self.reader()
        return self._edition

    @property
    def serial(self) -> int:
        """Another number after each change of the edition; what was found under one may not hold under the next."""
        reader = self.reader()
        return reader.serial if reader else 0

    def usable(self) -> int:
        """The edition in use; 0 when there is none, or when it is gone: a backup holds none of SQLite's."""
        edition = self._db.read(current_edition)
        if not edition:
            return 0
        try:
            with closing(self._open(edition)) as statements:
                return edition if Reader(statements).is_whole else 0
        except DatabaseDown:
            return 0

    def close(self) -> None:
        for one in (self._statements, self._before):
            if one:
                one.close()
        if self._asking:
            self._asking.close()

    def _heard(self, signals: list[Signal]) -> None:
        if any(one.topic == TOPIC for one in signals):
            self._stale = True

    def _refresh(self) -> None:
        edition = self._db.read(current_edition)
        if not edition:
            return
        if edition != self._edition or self._statements is None:
            self._before, before = self._statements, self._before  # whoever searches in it still may end
            self._statements = self._open(edition)
            self._edition = edition
            if before:
                before.close()
        self._reader = Reader(self._statements)

    def forget_older(self, edition: int) -> None:
        """Only `edition` and the one before are kept."""
        self._forget([number for number in self._numbers() if number < edition][:-1])

    def forget_unfinished(self) -> None:
        """What is newer than the edition in use was left by an import that was killed. Nobody imports meanwhile."""
        edition = self._db.read(current_edition)
        self._forget([number for number in self._numbers() if number > edition])

    def _numbers(self) -> list[int]:
        if self.where.url:
            return self._db.read(_schemas)
        found = (_FILE.fullmatch(path.name) for path in self.where.folder.glob("edition-*.db"))
        return sorted(int(one[1]) for one in found if one)

    def _forget(self, editions: list[int]) -> None:
        for edition in editions:
            if self.where.url:
                _drop(self.where, edition)
            path = self.where.path(edition)
            for one in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))):
                one.unlink(missing_ok=True)

    def _open(self, edition: int) -> Statements:
        if not self.where.url:
            return SqliteStatements(self.where.path(edition))
        from core.asking import Asking  # PostgreSQL's driver, where PostgreSQL is used
        from directory.edition.readers_postgres import PostgresStatements

        if self._asking is None:
            self._asking = Asking(engines.parse(self.where.url), CONNECTIONS)
        return PostgresStatements(self._asking, self.where.schema(edition))


def _drop(where: Where, edition: int) -> None:
    from directory.edition.sinks_postgres import drop_schema  # where PostgreSQL is used

    drop_schema(where.url, where.schema(edition))


def current_edition(session: Session) -> int:
    """0 when there is none."""
    query = select(directory_editions.c.id).where(directory_editions.c.state == CURRENT)
    return session.execute(query.order_by(directory_editions.c.id.desc()).limit(1)).scalar_one_or_none() or 0


def _schemas(session: Session) -> list[int]:
    """Editions that have a schema of ours: marked so, or listed, as those that were made before there was a mark."""
    found = session.execute(text(_OURS), {"mark": MARK}).scalars()
    return sorted(int(name.partition("_")[2]) for name in found)


_OURS = """
    SELECT nspname FROM pg_namespace WHERE nspname ~ '^annuaire_[1-9][0-9]{0,18}$' AND (
        obj_description(oid, 'pg_namespace') = :mark
        OR nspname IN (SELECT 'annuaire_' || id FROM directory_editions)
    )
"""
_FILE = re.compile(r"edition-([1-9][0-9]{0,18})\.db")


def _text_of(db: Db) -> str:
    return db.url.render_as_string(hide_password=False)
