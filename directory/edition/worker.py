"""The heavy part of an import in a process of its own, so that searches and mail keep their pace: `python -m` runs it.

Standard input: one JSON object. Standard output, JSON lines: {"progress": […]}, then {"result": …} or {"error": "…"}.
"""

import gc
import json
import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from core.address import PatientRules, use_patient_rules
from core.redact import configure_logging
from directory.edition import faults
from directory.edition.build import Builder, Built
from directory.edition.compare import check as check_difference
from directory.edition.compare import check_readable, compare
from directory.edition.kinds import MSSANTE, RPPS
from directory.edition.reading import Progress, Reading, Scattered, Source
from directory.edition.sinks import Sink, SqliteSink
from directory.edition.sorting import sort_by_person
from directory.edition.tables import COLUMNS, WAITING_FILE

PATIENCE_S = 0.2
NICE = 10  # whoever searches meanwhile comes first


class _Speaker:
    """Progress at a human pace."""

    def __init__(self, totals: dict[str, int]) -> None:
        self._totals = totals
        self._said = 0.0

    def __call__(self, what: str, done: int) -> None:
        now = time.monotonic()
        if now - self._said > PATIENCE_S:
            self._said = now
            say({"progress": [what, done, max(done, self._totals.get(what, 0))]})


def say(message: dict[str, Any]) -> None:
    """In one piece: several processes speak."""
    sys.stdout.write(json.dumps(message, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def compare_files(asked: dict[str, Any]) -> dict[str, Any]:
    """Raises BadInput."""
    old = Path(asked["old"]) if asked["old"] else None
    rejected = Path(asked["rejected"]) if asked["rejected"] else None
    out = Path(asked["out"])
    found = compare(asked["kind"], Path(asked["new"]), old, rejected, out, _Speaker({}), every=asked["every"])
    check_difference(asked["kind"], found, asked["rejected_percent"], force=asked["force"])
    return asdict(found)


def build(asked: dict[str, Any]) -> dict[str, Any]:
    """Raises BadInput, OSError. People in another order than the real file's are sorted first."""
    sources = {kind: Path(path) for kind, path in asked["sources"].items()}
    try:
        return _build(asked, sources)
    except Scattered:
        in_order = Path(asked["work"]) / "sorted"
        sort_by_person(sources[RPPS], in_order)
        return _build(asked, sources | {RPPS: in_order})


def _build(asked: dict[str, Any], sources: dict[str, Path]) -> dict[str, Any]:
    """Raises BadInput, Scattered, OSError."""
    say_so = _Speaker(asked["totals"])
    with _opened(asked, sources, say_so) as (sink, source):
        boxes = sources.get(MSSANTE)
        builder = Builder(sink, source, boxes, say_so, asked["struck"], waiting=asked["waiting"])
        built = builder.build(partial(check_rejected, asked["rejected_percent"], force=asked["force"]))
    tallies = {kind: asdict(tally) for kind, tally in built.tallies.items()}
    return {"people": built.people, "structures": built.structures, "boxes": built.boxes, "tallies": tallies}


def _opened(
    asked: dict[str, Any], sources: dict[str, Path], progress: Progress
) -> AbstractContextManager[tuple[Sink, Source]]:
    """Of an edition that is not finished nothing is left."""
    if asked["path"]:
        waiting = Path(asked["work"]) / WAITING_FILE if asked["waiting"] else None
        return _in_a_file(Path(asked["path"]), waiting, sources, progress)
    return _in_a_schema(asked["url"], asked["schema"], sources, progress, waiting=asked["waiting"])


@contextmanager
def _in_a_file(
    path: Path, waiting: Path | None, sources: dict[str, Path], progress: Progress
) -> Iterator[tuple[Sink, Source]]:
    sink = SqliteSink(path, waiting)
    try:
        yield sink, Reading(sources, sink, progress, waiting=bool(waiting))
    except BaseException:
        sink.abandon()
        raise


@contextmanager
def _in_a_schema(
    url: str, schema: str, sources: dict[str, Path], progress: Progress, *, waiting: bool
) -> Iterator[tuple[Sink, Source]]:
    """Several may write into it: the lines are read and stored beside the rest."""
    from directory.edition.beside import INDEXED, Beside
    from directory.edition.sinks_postgres import PostgresSink, PostgresSinks, drop_schema, make_schema

    make_schema(url, schema, waiting=waiting)
    source = Beside(sources, partial(PostgresSink, url, schema), progress, waiting=waiting)
    sink = PostgresSinks(url, schema, [table for table in COLUMNS if table not in INDEXED])
    try:
        yield sink, source
    except BaseException:
        source.abandon()
        sink.abandon()
        drop_schema(url, schema)
        raise


def check_rejected(percent: int, built: Built, *, force: bool) -> None:
    """Before anything is in use. Raises BadInput."""
    for kind, tally in built.tallies.items():
        check_readable(kind, tally, percent, force=force)


JOBS = {"compare": compare_files, "build": build}


def main() -> int:
    """Returns the exit code. Nothing here makes circles, of millions of lists none is to be looked through."""
    gc.disable()
    os.nice(NICE)
    configure_logging(False, sys.stderr, logging.ERROR)  # standard output is for our messages alone
    asked = json.loads(sys.stdin.readline())
    use_patient_rules(PatientRules(frozenset(asked["patient_domains"]), asked["ins_oid"]))
    try:
        say({"result": JOBS[asked["job"]](asked)})
    except Exception as error:
        say(faults.message_of(error))
    return 0


if __name__ == "__main__":
    sys.exit(main())
