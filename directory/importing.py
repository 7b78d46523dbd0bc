"""`import`: extractions into the annuaire. What is refused changes nothing; what is taken is taken as a whole.

Compared with the last copy that was taken, in a process of its own; then either the difference goes into the edition in
use, in one transaction, or a new edition is built beside it and takes its place. Last, the published mailboxes that
mail resolves follow in small batches, so that deliveries go on between them.
"""

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from core.db import Db
from core.errors import BadInput, Refused, Temporary
from core.ids import new_id
from directory.annuaire import Annuaire, current_edition
from directory.edition.compare import read_changes
from directory.edition.kinds import FINESS, KINDS, MSSANTE, RED, RPPS, SKILLS, kind_of
from directory.edition.tables import WAITING_FILE
from directory.edition.update import Hidden, Line, apply, postgres_transaction, sqlite_transaction
from directory.edition.waiting import take_from_file, take_from_schema
from directory.published import follow_boxes, follow_red_list, follow_sectors, publish_again, red_list, without_sector
from directory.register import (
    Turn,
    note_changes,
    put_edition,
    read_turn,
    reinstate,
    returning,
    strike_off,
    struck_off,
)

ORDER = (RED, MSSANTE, RPPS, SKILLS, FINESS)
BUILD_AT_LEAST = 20_000  # fewer changed lines than that go into the edition in use
BUILD_PERCENT = 2
GUARDED_FROM = 20  # lines; a handful of lines may halve without anything being wrong
WORK = "import"
AT_ONCE = 2  # extractions compared
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Rules:
    """What an import may do, and how a worker reads addresses."""

    shrink_percent: int
    rejected_percent: int
    patient_domains: frozenset[str]
    ins_oid: str
    force: bool = False
    dry_run: bool = False


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


class Importer:
    """Imports into one instance; one import at a time."""

    def __init__(self, db: Db, annuaire: Annuaire, rules: Rules, progress: Progress) -> None:
        self._db = db
        self._annuaire = annuaire
        self._rules = rules
        self._progress = progress
        self._kept = annuaire.where.folder / "sources"

    def run(self, files: Sequence[Path], now: datetime) -> dict[str, Any]:
        """The report. Raises BadInput, Refused (shrunk, or another import runs), StorageFull, OSError."""
        with self._alone() as work:
            kinds = _kinds(files)
            with self._copying(kinds, work), ThreadPoolExecutor(AT_ONCE, thread_name_prefix="compare") as beside:
                ordered = [kind for kind in ORDER if kind in kinds]
                sources = list(beside.map(lambda kind: self._compare(kind, kinds[kind], work), ordered))
            for source in sources:
                self._check_size(source)
            if self._rules.dry_run:
                done = {"changed": False, "edition": self._db.read(current_edition)}
            else:
                done = self._take(sources, now)
            return {"files": [source.report() for source in sources], "dry_run": self._rules.dry_run} | done

    @contextmanager
    def _copying(self, kinds: Mapping[str, Path], work: Path) -> Iterator[None]:
        """The copies that will be kept are made while the worker compares. Raises OSError."""
        with ThreadPoolExecutor(1, thread_name_prefix="copy") as beside:
            wanted = {} if self._rules.dry_run else kinds
            copies = [beside.submit(_copy, path, work / f"{kind}.copy") for kind, path in wanted.items()]
            yield
            for copy in copies:
                copy.result()

    def _take(self, sources: list[Source], now: datetime) -> dict[str, Any]:
        changed = [source for source in sources if source.changed]
        if not changed and self._db.read(current_edition):
            return {"changed": False, "edition": self._db.read(current_edition), "struck_off": 0}
        turn = read_turn([source for source in changed if source.kind == RPPS], self._old)
        hidden = turn.struck(self._db.read(struck_off))
        edition = self._db.read(current_edition)
        if edition and self._is_small(changed):
            self._apply(edition, changed, hidden)
            self._db.run(put_edition, edition, now, json.dumps([source.report() for source in sources]))
        else:
            edition = self._build(sources, now, hidden)
        note_changes(self._db, [source for source in changed if source.found["before"]], now)
        struck = strike_off(self._db, turn, now)
        self._follow(changed)
        self._welcome(turn, now)
        self._keep(sources)  # last: what was cut short before is a change at the next import, too
        return {"changed": True, "edition": edition, "struck_off": struck}

    def _welcome(self, turn: Turn, now: datetime) -> None:
        """Entries first: who is cut short between is struck off still, and welcomed by the next import."""
        back = returning(self._db, turn)
        publish_again(self._db, self._annuaire, back)
        reinstate(self._db, back, now)

    def _old(self, kind: str) -> Path | None:
        path = self._kept / kind
        return path if path.exists() else None

    def _compare(self, kind: str, path: Path, work: Path, *, every: bool = False) -> Source:
        """A first extraction is counted only, where nobody asks for each line: the builder reads it all."""
        rejected = self._kept / f"{kind}.rejected"
        asked = {
            "job": "compare",
            "kind": kind,
            "new": str(path),
            "old": str(self._old(kind) or ""),
            "rejected": str(rejected) if rejected.exists() else "",
            "out": str(work / kind),
            "rejected_percent": self._rules.rejected_percent,
            "every": every or self._rules.dry_run or kind == RED,
        }
        return Source(kind, path, work / kind, self._work(asked))

    def _check_size(self, source: Source) -> None:
        before, after = int(source.found["before"]), int(source.found["tally"]["read"])
        least = before * (100 - self._rules.shrink_percent) / 100
        guarded = before >= GUARDED_FROM or (before and not after)
        if guarded and after < least and not self._rules.force:
            raise Refused(
                f"extraction {source.kind} : {after} lignes au lieu de {before}, refusée (l'option --force l'accepte)",
                "suspicious shrink",
            )
        if not after and not before:
            raise BadInput(f"extraction {source.kind} : aucune ligne", "empty extraction")

    def _is_small(self, changed: list[Source]) -> bool:
        """A red list alone touches cards that no line names: the edition is built again."""
        lines = sum(source.changed for source in changed)
        whole = sum(int(source.found["before"]) for source in changed)
        named = all(source.kind != RED for source in changed)
        return (
            named
            and lines <= max(BUILD_AT_LEAST, whole * BUILD_PERCENT // 100)
            and all(source.found["before"] for source in changed)
        )

    def _apply(self, edition: int, changed: list[Source], struck: frozenset[str]) -> None:
        where = self._annuaire.where
        added, removed = _lines(changed, "+"), _lines(changed, "-")
        hidden = Hidden(self._db.read(red_list), struck)
        at = (
            postgres_transaction(where.url, where.schema(edition))
            if where.url
            else sqlite_transaction(where.path(edition))
        )
        with at as statements:
            apply(statements, added, removed, hidden)

    def _build(self, sources: list[Source], now: datetime, struck: frozenset[str]) -> int:
        paths = {kind: self._kept / kind for kind in KINDS if self._old(kind)}
        paths |= {source.kind: source.path for source in sources}
        self._annuaire.forget_unfinished()
        where, edition = self._annuaire.where, new_id()
        asked = {
            "job": "build",
            "work": str(where.folder / WORK),
            "sources": {kind: str(path) for kind, path in paths.items()},
            "path": "" if where.url else str(where.path(edition)),
            "url": where.url,
            "schema": where.schema(edition),
            "waiting": any(map(_is_first_of_boxes, sources)),
            "struck": sorted(struck),
            "totals": {source.kind: source.found["tally"]["read"] for source in sources},
            "rejected_percent": self._rules.rejected_percent,
        }
        counts = self._work(asked)
        tallies = counts.pop("tallies")
        for source in sources:
            if tallies.get(source.kind, {}).get("rejected") and not source.found["tally"]["rejected"]:
                again = self._compare(source.kind, source.path, source.changes.parent, every=True)
                source.found.update(again.found)
        counts |= {"files": [source.report() for source in sources]}
        self._db.run(put_edition, edition, now, json.dumps(counts, ensure_ascii=False))
        self._annuaire.forget_older(edition)
        return edition

    def _keep(self, sources: list[Source]) -> None:
        """The copy that the next import is compared with; the one before stays beside it."""
        self._kept.mkdir(parents=True, exist_ok=True)
        for source in sources:
            kept, fresh = self._kept / source.kind, source.changes.with_name(f"{source.kind}.copy")
            if kept.exists():
                kept.replace(kept.with_suffix(".previous"))
            fresh.replace(kept)
            shutil.copyfile(source.changes.with_suffix(".rejected"), self._kept / f"{source.kind}.rejected")

    def _follow(self, changed: list[Source]) -> None:
        for source in changed:
            if source.kind == RED:
                follow_red_list(self._db, _lines([source], "+"), _lines([source], "-"))
        for source in changed:
            if source.kind == MSSANTE:
                say = partial(self._followed, source.changed)
                if not _is_first_of_boxes(source):
                    follow_boxes(self._db, self._annuaire, source.changes, say)
                else:
                    self._follow_first(say)
        telling = [source for source in changed if source.kind in (RPPS, FINESS)]
        if telling and not any(map(_is_first_of_boxes, changed)):  # whose entries have them from the start
            follow_sectors(self._db, self._annuaire, self._structures(telling))

    def _structures(self, telling: list[Source]) -> Iterable[str]:
        """Whose sector may be another now."""
        if all(source.found["before"] for source in telling):
            return sorted({line.structure for line in _lines(telling, "+") if line.structure})
        return self._db.read(without_sector)

    def _follow_first(self, say: Callable[[int], None]) -> None:
        where = self._annuaire.where
        if where.url:
            take_from_schema(self._db, where.schema(self._db.read(current_edition)), say)
        else:
            take_from_file(self._db, where.folder / WORK / WAITING_FILE, say)

    def _followed(self, total: int, done: int) -> None:
        self._progress("boîtes publiées", done, total)

    def _work(self, asked: dict[str, Any]) -> dict[str, Any]:
        """In a process of its own. Raises BadInput, Temporary."""
        rules = {
            "patient_domains": sorted(self._rules.patient_domains),
            "ins_oid": self._rules.ins_oid,
            "force": self._rules.force,
        }
        command = [sys.executable, "-m", "directory.edition.worker"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:  # noqa: S603
            if child.stdin is None or child.stdout is None:
                raise Temporary("import impossible", "no pipe to the worker")
            child.stdin.write(json.dumps(asked | rules) + "\n")
            child.stdin.close()
            answer = self._listen(child.stdout)
        if "result" in answer:
            return dict(answer["result"])
        raise BadInput(answer.get("error", "import impossible"), answer.get("cause", "the worker died"))

    def _listen(self, lines: Any) -> dict[str, Any]:
        for line in lines:
            answer: dict[str, Any] = json.loads(line)
            if "progress" not in answer:
                return answer
            self._progress(*answer["progress"])
        return {}

    @contextmanager
    def _alone(self) -> Iterator[Path]:
        """A folder for this import, removed at its end. Raises Refused while another import runs."""
        work = self._annuaire.where.folder / WORK
        work.parent.mkdir(parents=True, exist_ok=True)
        with (self._annuaire.where.folder / "import.lock").open("w") as mark:
            try:
                fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)  # it goes with the process, however that ends
            except BlockingIOError:
                raise Refused("un import est déjà en cours", "another import runs") from None
            shutil.rmtree(work, ignore_errors=True)
            work.mkdir()
            try:
                yield work
            finally:
                shutil.rmtree(work, ignore_errors=True)


def _is_first_of_boxes(source: Source) -> bool:
    return source.kind == MSSANTE and not source.found["before"]


def _kinds(files: Sequence[Path]) -> dict[str, Path]:
    """Raises BadInput when a file is none of ours or two are of one kind, NotFound as OSError does."""
    found: dict[str, Path] = {}
    for path in files:
        kind = kind_of(path)
        if kind in found:
            raise BadInput(
                f"deux fichiers de la même extraction : {found[kind].name} et {path.name}", "same kind twice"
            )
        found[kind] = path
    if not found:
        raise BadInput("aucun fichier à importer", "no file")
    return found


def _lines(sources: list[Source], sign: str) -> list[Line]:
    return [
        Line(source.kind, person, structure, text)
        for source in sources
        for mark, person, structure, text in read_changes(source.changes)
        if mark == sign
    ]


def _copy(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
    with target.open("rb") as file:
        os.fsync(file.fileno())
