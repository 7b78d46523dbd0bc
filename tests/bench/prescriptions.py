"""How well prescriptions are read: exact lines, strengths that are wrong and not asked about, seconds for a page.

    python tests/bench/prescriptions.py [--count 8 | --full] [--seed 1] [--only pdf,clean,phone] [--check]
                                        [--peer-python PYTHON]

Pages are invented from labels of the public medicines database (PLI_TEST_SHARED or ../shared holds its files), in six
layouts, as text-layer PDF, clean picture, scan, phone photo, small photo, bad photo and by hand. A line is exact when
name, strength, dose, duration and renewals all are. Writes the table into docs/performance.md between its markers,
unless --check; with a Python that has the peers, a table of theirs on the same pictures instead.
"""

import argparse
import os
import platform
import random
import resource
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from record.lines import NAME, STRENGTH, Line  # noqa: E402  the path above makes the rooms importable
from record.medicines.bdpm import read_folder  # noqa: E402
from record.medicines.medicine import Medicine  # noqa: E402
from record.medicines.names import key, words  # noqa: E402
from record.medicines.search import Index  # noqa: E402
from record.medicines.shelf import medicine_of  # noqa: E402
from record.medicines.strengths import parse  # noqa: E402
from record.reading.read import Reader, Reading  # noqa: E402
from tests.bench.prescription_peers import Edsnlp, Rapid, tesseract_alone  # noqa: E402
from tests.bench.table import put_table  # noqa: E402
from tests.support.paper_prescriptions import (  # noqa: E402
    DEGRADATIONS,
    LAYOUTS,
    Prescribed,
    Sheet,
    picture,
    prescribed,
    rows,
)
from tests.support.record_files import text_pdf  # noqa: E402

FILES = Path(os.environ.get("PLI_TEST_SHARED", ROOT.parent / "shared")) / "samples" / "bdpm"
HEADING = "Prescriptions: lines read"
KINDS = ("pdf", *DEGRADATIONS)
SAID = {
    "pdf": "PDF with a text layer",
    "clean": "clean picture",
    "scan": "scan, skewed, noisy",
    "phone": "phone photo",
    "small": "small phone photo",
    "bad": "bad photo",
    "hand": "by hand",
}


@dataclass
class Score:
    """Sums over the pages of one kind."""

    pages: int = 0
    lines: int = 0
    exact: int = 0
    named: int = 0  # name and strength are those asked, the rest aside
    silent: int = 0  # a wrong strength that nobody is asked about
    asked: int = 0  # strengths to be confirmed
    wrong_cis: int = 0
    refused: int = 0  # pages sent back to be taken again
    proposed: int = 0
    seconds: float = 0.0
    cpu: float = 0.0  # of this process and its children
    misses: list[tuple[str, str]] = field(default_factory=list)


def reference() -> Index:
    names = set(Medicine.__dataclass_fields__)
    found = read_folder(FILES).medicines
    return Index(medicine_of((name, value) for name, value in row.items() if name in names) for row in found)


def sheets(index: Index, count: int, seed: int, kind: str) -> Iterable[Sheet]:
    """Pages of four to six lines, in all layouts in turn."""
    draw = random.Random(f"{seed} {kind}")
    known = [one for one in index.medicines if one.marketed and one.strengths and len(one.label) <= 90]
    known = [one for one in known if "dilution" not in one.label and not one.strengths[0].several]
    for number in range(count):
        chosen = draw.sample(known, draw.randint(4, 6))
        lines = tuple(prescribed(one.label, one.name, one.head[len(one.name) :], draw) for one in chosen)
        yield Sheet(lines, LAYOUTS[number % len(LAYOUTS)], kind, draw.randrange(2**31))


def file_of(sheet: Sheet) -> bytes:
    if sheet.degradation != "pdf":
        return picture(sheet)
    return text_pdf(*(row.encode("cp1252", "replace").decode("cp1252") for row in rows(sheet) if row))


def judge(score: Score, sheet: Sheet, reading: Reading, index: Index) -> None:
    score.pages += 1
    score.lines += len(sheet.lines)
    score.refused += bool(reading.refused)
    score.proposed += len(reading.lines)
    left = list(reading.lines)
    for truth in sheet.lines:
        found = _nearest(truth, left)
        if found is None:
            score.misses.append((truth.label, "-"))
            continue
        left.remove(found)
        _judge_line(score, truth, found, index)
    if sheet.degradation == "hand":
        score.silent += sum(bool(line.strength) and STRENGTH not in line.to_confirm for line in left)


def _nearest(truth: Prescribed, lines: list[Line]) -> Line | None:
    """The line proposed for it: of the same name, else of the same beginning."""
    name = key(truth.name)
    return next(
        (line for line in lines if key(line.name) == name),
        next((line for line in lines if key(line.name)[:4] == name[:4]), None),
    )


def _judge_line(score: Score, truth: Prescribed, line: Line, index: Index) -> None:
    right = _same_strength(truth.strength, line.strength)
    score.asked += STRENGTH in line.to_confirm
    score.silent += not right and bool(line.strength) and STRENGTH not in line.to_confirm
    score.wrong_cis += bool(line.cis) and NAME not in line.to_confirm and index.by_cis[line.cis].label != truth.label
    score.named += right and _same_name(truth.name, line.name)
    same = key(line.name) == key(truth.name) and right and line.dose == truth.dose
    if same and line.duration == truth.duration and line.renewals == truth.renewals:
        score.exact += 1
    else:
        shown = (line.name, line.strength, line.dose, line.duration, line.renewals)
        score.misses.append((f"{truth.label} | {truth.posology}", str(shown)))


def _same_name(truth: str, read: str) -> bool:
    """Whether one is the beginning of the other: the substance without its maker is named well enough."""
    pairs = list(zip(words(truth), words(read), strict=False))
    return bool(pairs) and all(asked == found for asked, found in pairs)


def _same_strength(truth: str, read: str) -> bool:
    return parse(truth.partition("(")[0]) == parse(read.partition("(")[0].replace(" ?", ""))


def measure(
    index: Index, kind: str, count: int, seed: int, *, peer: Callable[[bytes], Reading] | None = None, threads: int = 1
) -> Score:
    score, read_it = Score(), peer or Reader(lambda: index).read
    pages = list(sheets(index, count, seed, kind))

    def read(sheet: Sheet) -> tuple[Sheet, Reading, float]:
        data = file_of(sheet)
        started = time.monotonic()
        reading = read_it(data)
        return sheet, reading, time.monotonic() - started

    before = _cpu()
    with ThreadPoolExecutor(threads) as pool:
        for sheet, reading, seconds in pool.map(read, pages):
            judge(score, sheet, reading, index)
            score.seconds += seconds
    score.cpu = _cpu() - before
    return score


def _cpu() -> float:
    """Seconds, the drawing of the pages among them."""
    both = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in both)


def own_table(index: Index, args: argparse.Namespace) -> Iterable[str]:
    yield (
        "| Page | pages | lines | exact % | wrong strength, not asked | strength asked % | sent back | proposed "
        "| wrong CIS | s/page | CPU s/page |"
    )
    yield "|---" * 11 + "|"
    for kind in args.only.split(","):
        score = measure(index, kind, args.count, args.seed, threads=args.threads)
        share, asked = 100 * score.exact / score.lines, 100 * score.asked / score.lines
        yield (
            f"| {SAID[kind]} | {score.pages} | {score.lines} | {share:.1f} | {score.silent} | {asked:.0f} "
            f"| {score.refused} | {score.proposed} | {score.wrong_cis} | {score.seconds / score.pages:.2f} "
            f"| {score.cpu / score.pages:.2f} |"
        )
        for truth, read in score.misses[: args.misses]:
            print(f"  {truth} → {read}", file=sys.stderr)


def peers_table(index: Index, args: argparse.Namespace) -> Iterable[str]:
    """Every reader on the same pictures; edsnlp is judged by what it is made for, names and strengths."""
    readers = {
        "Pli": None,
        "Tesseract alone": tesseract_alone,
        "RapidOCR alone": Rapid(args.peer_python),
        "Tesseract, then edsnlp": Edsnlp(args.peer_python),
    }
    yield (
        "| Page | lines | reader | name and strength % | whole line % | wrong strength, not asked | sent back "
        "| s/page |"
    )
    yield "|---" * 8 + "|"
    for kind in args.only.split(","):
        for name, reader in readers.items():
            score = measure(index, kind, args.count, args.seed, peer=reader)
            whole = "–" if isinstance(reader, Edsnlp) else f"{100 * score.exact / score.lines:.1f}"
            yield (
                f"| {SAID[kind]} | {score.lines} | {name} | {100 * score.named / score.lines:.1f} | {whole} "
                f"| {score.silent} | {score.refused} | {score.seconds / score.pages:.2f} |"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description="Reading of prescriptions: exact lines and silent errors.")
    parser.add_argument("--count", type=int, default=8, help="pages of each kind")
    parser.add_argument("--full", action="store_true", help="84 pages of each kind: 588 prescriptions")
    parser.add_argument("--peer-python", default="", help="a Python that has rapidocr, onnxruntime and edsnlp")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default=",".join(KINDS), help="comma-separated: " + " ".join(KINDS))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--misses", type=int, default=0, help="show so many lines that were not exact")
    parser.add_argument("--check", action="store_true", help="print the table, leave docs/performance.md alone")
    args = parser.parse_args()
    args.count = 84 if args.full else args.count
    index = reference()
    table = [
        f"{args.count} pages of each kind, seed {args.seed}, {len(index.medicines)} medicines known; "
        f"{os.cpu_count()} cores, {args.threads} at a time, {platform.system()}, {date.today():%Y-%m-%d}.\n"
    ]
    for line in (peers_table if args.peer_python else own_table)(index, args):
        table.append(line)
        print(line, file=sys.stderr)
    text = "\n".join(table) + "\n"
    print(text)
    if not args.check:
        put_table("prescription-peers" if args.peer_python else "prescriptions", HEADING, text)


if __name__ == "__main__":
    main()
