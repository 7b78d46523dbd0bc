"""The heavy part of an import in a process of its own, so that searches and mail keep their pace: `python -m` runs it.

Standard input: one JSON object. Standard output, JSON lines: {"progress": […]}, then {"result": …} or {"error": "…"}.
"""

import gc
import json
import sys
import time
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from core.address import PatientRules, use_patient_rules
from core.errors import PliError
from directory.edition.build import Builder, Built, Scattered
from directory.edition.compare import check as check_difference
from directory.edition.compare import check_readable, compare
from directory.edition.kinds import RPPS
from directory.edition.sinks import Sink, SqliteSink
from directory.edition.sorting import sort_by_person

PATIENCE_S = 0.2


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
    print(json.dumps(message, ensure_ascii=False), flush=True)


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
    sink = _sink(asked)
    try:
        builder = Builder(sink, sources, _Speaker(asked["totals"]), asked["struck"])
        built = builder.build(partial(check_rejected, asked["rejected_percent"], force=asked["force"]))
    except BaseException:
        sink.abandon()
        raise
    tallies = {kind: asdict(tally) for kind, tally in built.tallies.items()}
    return {"people": built.people, "structures": built.structures, "boxes": built.boxes, "tallies": tallies}


def _sink(asked: dict[str, Any]) -> Sink:
    if asked["path"]:
        return SqliteSink(Path(asked["path"]))
    from directory.edition.sinks_postgres import PostgresSink

    return PostgresSink(asked["url"], asked["schema"])


def check_rejected(percent: int, built: Built, *, force: bool) -> None:
    """Before anything is in use. Raises BadInput."""
    for kind, tally in built.tallies.items():
        check_readable(kind, tally, percent, force=force)


JOBS = {"compare": compare_files, "build": build}


def main() -> int:
    """Returns the exit code. Nothing here makes circles, of millions of lists none is to be looked through."""
    gc.disable()
    asked = json.loads(sys.stdin.readline())
    use_patient_rules(PatientRules(frozenset(asked["patient_domains"]), asked["ins_oid"]))
    try:
        say({"result": JOBS[asked["job"]](asked)})
    except PliError as error:
        say({"error": error.public, "cause": error.cause})
    except OSError as error:
        say({"error": f"{error.strerror or 'erreur'} : import abandonné", "cause": type(error).__name__})
    return 0


if __name__ == "__main__":
    sys.exit(main())
