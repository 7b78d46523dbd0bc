"""Nightly chores are due by when they ended last, not by how long a process has lived; two processes do them once."""

import threading
from collections.abc import Callable
from pathlib import Path

from core.clock import FakeClock
from core.db import Db
from core.settings import Settings
from directory.annuaire import Annuaire
from ops.chores import Work, rounds
from ops.importing import Finishing
from ops.keeper import Keeper
from ops.nightly import Chores, Nightly

HOUR_S = 3600
WAIT_S = 30


class Night:
    """Processes on one database that come and go, and what they did."""

    def __init__(self, db: Db, **chores: Callable[[], object]) -> None:
        self.db, self.clock = db, FakeClock()
        self.done: list[str] = []
        self._chores = chores or {"forget": lambda: None, "expire": lambda: None}

    def process(self) -> Nightly:
        """One that has just been started."""
        return Nightly(self.db, self.clock, {name: self._noted(name) for name in self._chores})

    def _noted(self, name: str) -> Callable[[], object]:
        def chore() -> object:
            self.done.append(name)
            return self._chores[name]()

        return chore


def test_what_never_ended_is_due_in_any_process(db: Db):
    night = Night(db)
    night.process().run()
    assert night.done == ["forget", "expire"]


def test_a_process_looks_whether_they_are_due_some_minutes_after_its_start_and_again(db: Db, tmp_path: Path):
    night = Night(db)
    imports = Finishing(Settings(), db, Annuaire(db, tmp_path))
    work = Work(Keeper(db, night.clock, {}, 1, 1), night.process(), Chores({}), Chores({}), imports)
    [look] = [one for one in rounds(Settings(), work) if one.name == "nightly"]
    assert 60 <= look.seconds <= 600
    look.work()
    assert night.done == ["forget", "expire"]


def test_a_process_started_anew_each_few_hours_does_them_once_a_day(db: Db):
    night = Night(db)
    for _ in range(12):  # three days
        night.process().run()
        night.clock.advance(6 * HOUR_S)
    assert night.done == ["forget", "expire"] * 3


def test_two_processes_do_them_once(db: Db):
    begun, let_go = threading.Event(), threading.Event()

    def slow() -> bool:
        begun.set()
        return let_go.wait(WAIT_S)

    night = Night(db, slow=slow, quick=lambda: None)
    first = threading.Thread(target=night.process().run)
    first.start()
    assert begun.wait(WAIT_S)
    night.process().run()  # takes the other one meanwhile
    assert night.done == ["slow", "quick"]
    let_go.set()
    first.join(WAIT_S)
    night.process().run()
    assert night.done == ["slow", "quick"]


def test_both_at_the_same_moment_do_them_once(db: Db):
    night = Night(db, **{f"chore-{number}": lambda: None for number in range(8)})
    barrier = threading.Barrier(4)

    def go() -> None:
        barrier.wait(WAIT_S)
        night.process().run()

    threads = [threading.Thread(target=go) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)
    assert sorted(night.done) == [f"chore-{number}" for number in range(8)]


def test_what_failed_keeps_no_other_from_running_and_comes_again_the_same_night(db: Db):
    outcomes = iter([ValueError("disk"), None])

    def fails_once() -> None:
        if error := next(outcomes):
            raise error

    night = Night(db, fails=fails_once, other=lambda: None)
    for _ in range(3):
        night.process().run()
        night.clock.advance(5 * HOUR_S)
    assert night.done == ["fails", "other", "fails"]


def test_what_a_killed_process_had_in_hand_is_done_by_the_next(db: Db):
    class Killed(BaseException):
        pass

    outcomes = iter([Killed(), None])

    def cut() -> None:
        if error := next(outcomes):
            raise error

    night = Night(db, cut=cut)
    try:
        night.process().run()
    except Killed:
        night.clock.advance(5 * HOUR_S)
    night.process().run()
    assert night.done == ["cut", "cut"]
