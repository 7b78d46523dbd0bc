"""What an import that is about to be in use still has to do, kept in a folder until it is done.

All that it takes lies in the folder, on the disk, before the edition changes; the folder comes by one rename and goes
by one. Whoever finds it knows that an import was cut short, and from the edition whether it was in use by then.
"""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from core.durable import sync
from directory.register import Turn
from directory.source import Source

FOLDER, PLAN, GONE = "unfinished", "plan.json", "finished"


@dataclass(frozen=True, slots=True)
class Unfinished:
    """`number` is the import's own; `built`: a new edition takes the place of the one in use, which else is changed.
    `at`: when it was asked for, epoch ms."""

    folder: Path
    number: int
    edition: int
    built: bool
    at: int
    counts: str
    turn: Turn
    sources: tuple[Source, ...]

    @property
    def boxes(self) -> int:
        """Mailboxes of a new edition."""
        return int(json.loads(self.counts).get("boxes", 0)) if self.built else 0

    def copy_of(self, kind: str) -> Path:
        """The extraction as it was imported, until it is put in the last one's place."""
        return self.folder / f"{kind}.copy"

    def end(self) -> None:
        """There is nothing left to do."""
        gone = self.folder.with_name(GONE)
        shutil.rmtree(gone, ignore_errors=True)
        self.folder.rename(gone)
        sync(gone.parent)
        shutil.rmtree(gone, ignore_errors=True)


def begin(one: Unfinished) -> Unfinished:
    """The folder in which an import works becomes that of an unfinished one, durably. Raises OSError."""
    work = one.folder
    plan = {
        "number": one.number,
        "edition": one.edition,
        "built": one.built,
        "at": one.at,
        "counts": one.counts,
        "gone": sorted(one.turn.gone),
        "come": sorted(one.turn.come),
        "sources": [{"kind": each.kind, "name": each.path.name, "found": each.found} for each in one.sources],
    }
    (work / PLAN).write_text(json.dumps(plan, ensure_ascii=False), encoding="utf-8")
    for each in one.sources:
        sync(each.changes)
        sync(each.changes.with_suffix(".rejected"))
    for path in (work / PLAN, work):
        sync(path)
    work.rename(folder := work.with_name(FOLDER))
    sync(folder.parent)
    return _read(folder)


def find(home: Path) -> Unfinished | None:
    """The one of this annuaire's folder. Raises OSError."""
    return _read(home / FOLDER) if there_is(home) else None


def there_is(home: Path) -> bool:
    """Whether an import was put into use and has not ended; one under way has not."""
    return (home / FOLDER / PLAN).exists()


def put_away(one: Unfinished, kept: Path) -> None:
    """The copies that the next import is compared with come into their place; the ones before stay beside them."""
    kept.mkdir(parents=True, exist_ok=True)
    for source in one.sources:
        copy, fresh = kept / source.kind, one.copy_of(source.kind)
        if not fresh.exists():  # put away before something was cut short
            continue
        if copy.exists():
            copy.replace(copy.with_suffix(".previous"))
        shutil.copyfile(source.changes.with_suffix(".rejected"), kept / f"{source.kind}.rejected")
        fresh.replace(copy)
    sync(kept)


def _read(folder: Path) -> Unfinished:
    plan = json.loads((folder / PLAN).read_text(encoding="utf-8"))
    sources = (Source(one["kind"], Path(one["name"]), folder / one["kind"], one["found"]) for one in plan["sources"])
    return Unfinished(
        folder,
        plan["number"],
        plan["edition"],
        plan["built"],
        plan["at"],
        plan["counts"],
        Turn(frozenset(plan["gone"]), frozenset(plan["come"])),
        tuple(sources),
    )
