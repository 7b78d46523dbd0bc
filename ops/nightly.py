"""Chores by the clock: once a day orders expire and body files go; every hour the list of domains is renewed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog

log = structlog.get_logger()


@dataclass(frozen=True)
class Nightly:
    """Named chores, each harmless twice; one that fails does not keep the next from running."""

    chores: Mapping[str, Callable[[], object]]

    def run(self) -> None:
        """Do each chore once."""
        for name, chore in self.chores.items():
            try:
                log.info("nightly.done", chore=name, result=chore())
            except Exception:
                log.exception("nightly.failed", chore=name)
