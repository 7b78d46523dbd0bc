"""What a verification gathers: how much was checked, what is wrong, what is worth knowing. Ids only, never content."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

Progress = Callable[[str, int, int], None]  # what, done, total
MOST_KEPT = 1_000  # a lost keyring must not fill the memory with one line for each message


@dataclass(frozen=True, slots=True)
class Report:
    """`checked`: how many of each kind; `problems`: what is wrong; `notes`: what is no damage but worth knowing.

    `found` counts all problems, also those beyond the ones that are told.
    """

    checked: dict[str, int]
    problems: tuple[str, ...]
    notes: tuple[str, ...]
    found: int

    @property
    def clean(self) -> bool:
        return self.found == 0


class Findings:
    """Filled by several threads."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._lock = threading.Lock()
        self._checked: dict[str, int] = {}
        self._totals: dict[str, int] = {}
        self._problems: list[str] = []
        self._notes: list[str] = []
        self._found = 0

    def expect(self, kind: str, total: int) -> None:
        """So many of this kind will be checked: for the progress bar."""
        self._totals[kind] = total
        self._progress(kind, 0, total)

    def checked(self, kind: str, count: int = 1) -> None:
        with self._lock:
            done = self._checked[kind] = self._checked.get(kind, 0) + count
        if kind in self._totals:
            self._progress(kind, done, max(done, self._totals[kind]))

    def problem(self, text: str) -> None:
        with self._lock:
            self._found += 1
            if len(self._problems) < MOST_KEPT:
                self._problems.append(text)

    def note(self, text: str) -> None:
        with self._lock:
            self._notes.append(text)

    def report(self) -> Report:
        return Report(dict(sorted(self._checked.items())), tuple(self._problems), tuple(self._notes), self._found)
