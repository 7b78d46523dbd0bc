"""Chores by the clock: once a day orders expire and body files go; every hour the list of domains is renewed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

import structlog

from core import turns
from core.clock import Clock
from core.db import Db

REST = timedelta(days=1)
LEASE = timedelta(hours=4)  # longer than any chore; what failed or was cut short is tried again after it

Chore = Callable[[], object]
log = structlog.get_logger()


@dataclass(frozen=True)
class Chores:
    """Named chores, each harmless twice; one that fails does not keep the next from running."""

    chores: Mapping[str, Chore]

    def run(self) -> None:
        """Do each chore once."""
        for name, chore in self.chores.items():
            _done(name, chore)


@dataclass(frozen=True)
class Nightly:
    """Chores of which each is done once a day, by one of the processes that work on this database."""

    db: Db
    clock: Clock
    chores: Mapping[str, Chore]

    def run(self) -> None:
        """Do what is due and in nobody's hand."""
        for name in self.db.look(turns.due, self.chores, self.clock.now(), REST):
            taken = self.db.run(turns.take, name, self.clock.now(), REST, LEASE)
            if taken and _done(name, self.chores[name]):
                self.db.run(turns.ended, name, self.clock.now())


def _done(name: str, chore: Chore) -> bool:
    try:
        log.info("nightly.done", chore=name, result=chore())
    except Exception:
        log.exception("nightly.failed", chore=name)
        return False
    return True
