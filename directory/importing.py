"""`import`: extractions into the annuaire. What is refused changes nothing; what is taken is taken as a whole.

Compared with the last copy that was taken, in a process of its own; then either the difference goes into the edition in
use, in one transaction, or a new edition is built beside it and takes its place. What follows from it is written down
before (`directory.unfinished`) and done after (`directory.following`): whatever ends the process between, the next
import or the next look by the clock goes on with it.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog

from core.clock import epoch_ms
from core.db import Db
from core.errors import BadInput, PliError, Refused, Temporary
from core.ids import new_id
from directory import unfinished
from directory.annuaire import Annuaire, current_edition
from directory.edition.faults import KILLED, raised, told
from directory.edition.kinds import FINESS, KINDS, MSSANTE, RED, RPPS, SKILLS, kind_of
from directory.edition.update import Hidden, apply, postgres_transaction, sqlite_transaction
from directory.following import Followers
from directory.import_lock import alone
from directory.published import red_list
from directory.register import Turn, put_edition, read_turn, struck_off
from directory.source import Source, lines_of
from directory.unfinished import Unfinished

ORDER = (RED, MSSANTE, RPPS, SKILLS, FINESS)
BUILD_AT_LEAST = 20_000  # fewer changed lines than that go into the edition in use
BUILD_PERCENT = 2
GUARDED_FROM = 20  # lines; a handful of lines may halve without anything being wrong
WORK = "import"
AT_ONCE = 2  # extractions compared
Progress = Callable[[str, int, int], None]
LATER = (
    "la nouvelle édition sert déjà : ce qui la suit (boîtes publiées, radiations) est repris dans les cinq minutes par "
    "le serveur, ou par le prochain import"
)
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Rules:
    """What an import may do, and how a worker reads addresses."""

    shrink_percent: int
    rejected_percent: int
    patient_domains: frozenset[str]
    ins_oid: str
    force: bool = False
    dry_run: bool = False


class Importer:
    """Imports into one instance; one import at a time."""

    def __init__(self, db: Db, annuaire: Annuaire, rules: Rules, progress: Progress) -> None:
        self._db = db
        self._annuaire = annuaire
        self._rules = rules
        self._progress = progress
        self._kept = annuaire.where.folder / "sources"
        self._work = annuaire.where.folder / WORK

    def run(self, files: Sequence[Path], now: datetime) -> dict[str, Any]:
        """The report. Raises BadInput, Refused (shrunk, or another import runs), Temporary, StorageFull."""
        with _telling():
            return self._run(files, now)

    def _run(self, files: Sequence[Path], now: datetime) -> dict[str, Any]:
        kinds = _kinds(files)
        with self._alone() as work:
            earlier = not self._rules.dry_run and self._finish_earlier()
            with self._copying(kinds, work), ThreadPoolExecutor(AT_ONCE, thread_name_prefix="compare") as beside:
                ordered = [kind for kind in ORDER if kind in kinds]
                sources = list(beside.map(lambda kind: self._compare(kind, kinds[kind], work), ordered))
            for source in sources:
                self._check_size(source)
            if self._rules.dry_run:
                done = {"changed": False, "edition": self._db.read(current_edition)}
            else:
                done = self._take(sources, now)
            said = {"dry_run": self._rules.dry_run, "finished_earlier": earlier}
            return {"files": [source.report() for source in sources]} | said | done

    def finish(self) -> bool:
        """Ends an import that was cut short once its edition was in use; False when there was none to end. Raises as
        `run`."""
        if not unfinished.there_is(self._annuaire.where.folder):
            return False
        with _telling(), self._alone():
            return self._finish()

    def _finish_earlier(self) -> bool:
        """Where its edition is gone, its kept copies never came: this import makes both again, and what follows."""
        found = unfinished.find(self._annuaire.where.folder)
        if found and not self._annuaire.usable():
            found.end()
        return self._finish()

    def _finish(self) -> bool:
        """Of one that was cut short before nothing is left."""
        found = unfinished.find(self._annuaire.where.folder)
        if found is None:
            return False
        if in_use := self._is_in_use(found):
            Followers(self._db, self._annuaire, self._kept, self._progress, again=True).run(found)
        found.end()
        log.info("directory.import_finished", in_use=in_use)
        return in_use

    def _is_in_use(self, one: Unfinished) -> bool:
        """What changes an edition says so in the same transaction."""
        if self._db.read(current_edition) != one.edition:
            return False
        reader = self._annuaire.reader()
        return one.built or (reader is not None and reader.import_number == one.number)

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
        edition = self._annuaire.usable()  # of one that is gone the kept copies and these files make another
        if not changed and edition:
            return {"changed": False, "edition": edition, "struck_off": 0}
        turn = read_turn([source for source in changed if source.kind == RPPS], self._old)
        hidden = turn.struck(self._db.read(struck_off))
        if edition and self._is_small(changed):
            one = self._begin(sources, turn, now, edition, {}, built=False)
            struck = self._use(one, lambda: self._apply(one, hidden))
        else:
            counts = self._build(sources, edition := new_id(), hidden)
            one = self._begin(sources, turn, now, edition, counts, built=True)
            struck = self._use(one, lambda: self._db.run(put_edition, edition, now, one.counts))
        return {"changed": True, "edition": edition, "struck_off": struck}

    def _begin(
        self, sources: list[Source], turn: Turn, now: datetime, edition: int, counts: dict[str, Any], *, built: bool
    ) -> Unfinished:
        said = json.dumps(counts | {"files": [source.report() for source in sources]}, ensure_ascii=False)
        return unfinished.begin(
            Unfinished(self._work, new_id(), edition, built, epoch_ms(now), said, turn, tuple(sources))
        )

    def _use(self, one: Unfinished, swap: Callable[[], None]) -> int:
        """The edition is changed, then what follows it. Returns how many were struck off."""
        try:
            swap()
        except BaseException:
            with suppress(PliError):  # nobody can say: the next one who looks will
                if not self._is_in_use(one):
                    one.end()
            raise
        try:
            struck = Followers(self._db, self._annuaire, self._kept, self._progress, again=False).run(one)
        except Exception as error:
            failure = told(error)
            raise Temporary(f"{failure.public} ; {LATER}", failure.cause) from error
        one.end()
        return struck

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
        return Source(kind, path, work / kind, self._done_beside(asked))

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

    def _apply(self, one: Unfinished, struck: frozenset[str]) -> None:
        where = self._annuaire.where
        changed = [source for source in one.sources if source.changed]
        hidden = Hidden(self._db.read(red_list), struck)
        at = (
            postgres_transaction(where.url, where.schema(one.edition))
            if where.url
            else sqlite_transaction(where.path(one.edition))
        )
        with at as statements:
            apply(statements, lines_of(changed, "+"), lines_of(changed, "-"), hidden, one.number)

    def _build(self, sources: list[Source], edition: int, struck: frozenset[str]) -> dict[str, Any]:
        """What it counts. Nothing of it is in use."""
        paths = {kind: self._kept / kind for kind in KINDS if self._old(kind)}
        paths |= {source.kind: source.path for source in sources}
        self._annuaire.forget_unfinished()
        where = self._annuaire.where
        asked = {
            "job": "build",
            "work": str(self._work),
            "sources": {kind: str(path) for kind, path in paths.items()},
            "path": "" if where.url else str(where.path(edition)),
            "url": where.url,
            "schema": where.schema(edition),
            "waiting": any(source.is_first_of_boxes for source in sources),
            "struck": sorted(struck),
            "totals": {source.kind: source.found["tally"]["read"] for source in sources},
            "rejected_percent": self._rules.rejected_percent,
        }
        counts = self._done_beside(asked)
        tallies = counts.pop("tallies")
        for source in sources:
            if tallies.get(source.kind, {}).get("rejected") and not source.found["tally"]["rejected"]:
                again = self._compare(source.kind, source.path, source.changes.parent, every=True)
                source.found.update(again.found)
        return counts

    def _done_beside(self, asked: dict[str, Any]) -> dict[str, Any]:
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
        if "error" in answer:
            raise raised(answer)
        raise Temporary(KILLED, f"the worker ended with {child.returncode}")

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
        with alone(self._annuaire.where.folder):
            shutil.rmtree(self._work, ignore_errors=True)
            self._work.mkdir()
            try:
                yield self._work
            finally:
                shutil.rmtree(self._work, ignore_errors=True)


@contextmanager
def _telling() -> Iterator[None]:
    """Whatever goes wrong is told in our words, and its cause is in the log."""
    try:
        yield
    except Exception as error:
        failure = told(error)
        log.warning("directory.import_failed", cause=failure.cause)
        raise failure from error


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


def _copy(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
    with target.open("rb") as file:
        os.fsync(file.fileno())
