"""One file of an import: what it is of, where it lies, and what it changes."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from directory.edition.compare import read_changes
from directory.edition.kinds import MSSANTE
from directory.edition.update import Line


@dataclass(frozen=True, slots=True)
class Source:
    """One file to import, and what it changes."""

    kind: str
    path: Path
    changes: Path
    found: dict[str, Any]

    @property
    def changed(self) -> int:
        return int(self.found["added"]) + int(self.found["removed"])

    @property
    def is_first_of_boxes(self) -> bool:
        """The first extraction of mailboxes, whose lines nobody noted one by one."""
        return self.kind == MSSANTE and not self.found["before"]

    def report(self) -> dict[str, Any]:
        """Counts, and the first rejections with their line numbers and reasons."""
        tally = self.found["tally"]
        counts = {name: self.found[name] for name in ("added", "removed")}
        return {
            "file": self.path.name,
            "kind": self.kind,
            "lines": tally["read"],
            **counts,
            "unchanged": max(0, tally["read"] - tally["rejected"] - counts["added"]),
            "rejected": tally["rejected"],
            "rejections": [{"line": one["line"], "reason": one["reason"]} for one in tally["rejections"]],
        }


def lines_of(sources: Iterable[Source], sign: str) -> list[Line]:
    """The lines that these files add (`+`) or remove (`-`)."""
    return [
        Line(source.kind, person, structure, text)
        for source in sources
        for mark, person, structure, text in read_changes(source.changes)
        if mark == sign
    ]
