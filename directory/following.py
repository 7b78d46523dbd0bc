"""What follows an edition that is in use: history, who is struck off, published mailboxes, the kept copies.

Each step is harmless twice, so that an import that was cut short among them is done again from the first one.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from pathlib import Path

from core.clock import from_epoch_ms
from core.db import Db
from directory.annuaire import Annuaire
from directory.edition.kinds import FINESS, MSSANTE, RED, RPPS
from directory.edition.tables import WAITING_FILE
from directory.edition.waiting import take_from_file, take_from_schema
from directory.published import (
    follow_all_boxes,
    follow_boxes,
    follow_red_list,
    follow_sectors,
    publish_again,
    without_sector,
)
from directory.register import note_changes, put_edition, reinstate, returning, strike_off
from directory.source import Source, lines_of
from directory.unfinished import Unfinished, put_away

Progress = Callable[[str, int, int], None]
STEPS, BOXES = "suites de l'import", "boîtes publiées"


class Followers:
    """`again`: a process that was killed, or failed, may have done some of it."""

    def __init__(self, db: Db, annuaire: Annuaire, kept: Path, progress: Progress, *, again: bool) -> None:
        self._db = db
        self._annuaire = annuaire
        self._kept = kept
        self._progress = progress
        self._again = again

    def run(self, one: Unfinished) -> int:
        """All of it; returns how many were struck off. Raises PliError, OSError: it is to be done again then."""
        changed = [source for source in one.sources if source.changed]
        now = from_epoch_ms(one.at)
        struck = 0
        steps: tuple[Callable[[], int | None], ...] = (
            lambda: self._tell(one, now),
            lambda: note_changes(self._db, [each for each in changed if each.found["before"]], now, again=self._again),
            lambda: strike_off(self._db, one.turn, now),
            lambda: self._red_list(changed),
            lambda: self._boxes(one, changed),
            lambda: self._sectors(changed),
            lambda: self._welcome(one, now),
            lambda: put_away(one, self._kept),
        )
        for number, step in enumerate(steps):
            self._progress(STEPS, number, len(steps))
            struck += step() or 0
        self._progress(STEPS, len(steps), len(steps))
        return struck

    def _tell(self, one: Unfinished, now: datetime) -> None:
        """A new edition was told of by what put it into use."""
        if one.built:
            self._annuaire.forget_older(one.edition)
        else:
            self._db.run(put_edition, one.edition, now, one.counts)

    def _red_list(self, changed: list[Source]) -> None:
        red = [source for source in changed if source.kind == RED]
        follow_red_list(self._db, lines_of(red, "+"), lines_of(red, "-"))

    def _boxes(self, one: Unfinished, changed: list[Source]) -> None:
        for source in changed:
            if source.kind == MSSANTE:
                say = partial(self._followed, source.changed)
                if not source.is_first_of_boxes:
                    follow_boxes(self._db, self._annuaire, source.changes, say)
                elif self._again or not self._take_waiting(one, say):
                    follow_all_boxes(self._db, self._annuaire, self._copy(one, MSSANTE), say)

    def _take_waiting(self, one: Unfinished, say: Callable[[int], None]) -> bool:
        """False when not all of it waits any more: nobody made it last."""
        where = self._annuaire.where
        if not where.url:
            return take_from_file(self._db, one.folder / WAITING_FILE, one.boxes, say)
        from directory.edition.sinks_postgres import drop_waiting  # where PostgreSQL is used

        schema = where.schema(one.edition)
        taken = take_from_schema(self._db, schema, one.boxes, say)
        drop_waiting(where.url, schema)
        return taken

    def _copy(self, one: Unfinished, kind: str) -> Path:
        fresh = one.copy_of(kind)
        return fresh if fresh.exists() else self._kept / kind

    def _sectors(self, changed: list[Source]) -> None:
        telling = [source for source in changed if source.kind in (RPPS, FINESS)]
        if telling and not any(
            source.is_first_of_boxes for source in changed
        ):  # whose entries have them from the start
            follow_sectors(self._db, self._annuaire, self._structures(telling))

    def _structures(self, telling: list[Source]) -> Iterable[str]:
        """Whose sector may be another now."""
        if all(source.found["before"] for source in telling):
            return sorted({line.structure for line in lines_of(telling, "+") if line.structure})
        return self._db.read(without_sector)

    def _welcome(self, one: Unfinished, now: datetime) -> None:
        """Entries first: who is cut short between is struck off still, and welcomed when it is done again."""
        back = returning(self._db, one.turn)
        publish_again(self._db, self._annuaire, back)
        reinstate(self._db, back, now)

    def _followed(self, total: int, done: int) -> None:
        self._progress(BOXES, done, total)
