"""The annuaire at size, beside named peers: `python -m tests.bench.directory [--scale small|national]`.

Import beside `sqlite3 .import` and COPY, searches alone and during an import, a day's difference, LDAP type-ahead, and
the quality of search beside plain trigrams. Processor seconds are compared where one process does the work: they do not
depend on what else the machine does. `--folder` keeps the files, and what each stage found, between runs; `--stage`
runs some of it, so that each can have its own quiet minutes. What all stages found goes into docs/performance.md,
unless --check.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from statistics import median

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.address import Address
from core.clock import FakeClock
from core.db import Db
from crypto.keyring import FileKeyring
from directory import tables as _tables  # noqa: F401  on the one MetaData before it is created
from directory.annuaire import Annuaire, current_edition
from directory.edition.readers import Reader, SqliteStatements
from directory.importing import Importer
from directory.national import FILES, generate
from directory.query import parse
from directory.resolve import resolve
from directory.search import search
from directory.tables import entries
from tests.bench.directory_ldap import CLIENTS, type_ahead
from tests.bench.directory_peers import Answers, copy_import, processor_s, sqlite_import, trigrams
from tests.bench.directory_queries import SECOND, SEED, Asked, other_queries, queries
from tests.support.annuaire import RULES
from tests.support.postgres import PostgresCluster

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- directory:begin -->", "<!-- directory:end -->"
SCALES = {"tiny": (20_000, 5_400), "small": (200_000, 54_000), "national": (2_000_000, 540_000)}
NOW = FakeClock().now()
TOTALS = ("sounds alike, all", "all")
ADDRESSES = 1_000  # resolved that are known, and as many that are not
DAY = 1_000  # lines that change in a day
SEARCHED = 100  # texts of each kind asked again and again during an import
Rows = list[str]


def take(url: str, home: Path, files: list[Path], seen: Callable[[str, float], None] = lambda *_: None) -> Path:
    """Import into an instance; `seen` hears how many seconds each step took, and how many lines changed. Returns the
    edition's path."""
    db = Db.open(url, create=True)
    annuaire = Annuaire(db, home / "annuaire")
    try:
        importer = _Watched(db, annuaire, RULES, lambda *_: None)
        importer.run(files, NOW)
        for name, figure in importer.steps.items():
            seen(name, figure)
        return annuaire.where.path(db.read(current_edition))
    finally:
        annuaire.close()
        db.close()


class _Watched(Importer):
    """Tells how long the comparison took, by the clock, and how many lines changed."""

    def run(self, files, now):
        self.steps = {"compare": 0.0, "all": 0.0}
        started = time.monotonic()
        done = super().run(files, now)
        self.steps["all"] = time.monotonic() - started
        self.steps["changed"] = sum(file["added"] + file["removed"] for file in done["files"])
        return done

    def _compare(self, *arguments, **more):
        started = time.monotonic()
        found = super()._compare(*arguments, **more)
        self.steps["compare"] += time.monotonic() - started
        return found


def all_files(folder: Path) -> list[Path]:
    return [folder / name for name in FILES.values()]


def peer(folder: Path) -> Rows:
    """Processor seconds of `sqlite3 .import` and its indexes, kept for the import's share."""
    (folder / "peer").write_text(f"{sqlite_import(folder)}")
    return [f"| `sqlite3 .import` with indexes | {_kept(folder, 'peer'):.1f} s of processor |"]


def imported(folder: Path) -> Rows:
    """The whole import in a process of its own: comparison, edition, the entries that mail resolves."""
    code = (
        "import resource; from tests.bench.directory import *; home = Path({0!r}); "
        "print(take('sqlite:///{0}/x.db', home, all_files(Path({1!r})))); "
        "print(max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))"
    ).format(str(folder / "home"), str(folder))
    shutil.rmtree(folder / "home", ignore_errors=True)
    (folder / "home").mkdir()
    before, started = processor_s(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    own, clock = processor_s(resource.RUSAGE_CHILDREN) - before, time.monotonic() - started
    edition, memory = (line for line in done.stdout.splitlines() if line[:1] in "/0123456789")
    (folder / "edition").write_text(edition)
    share = own / _kept(folder, "peer")
    return [
        f"| Pli, whole import (asked: 3 times at most) | {own:.1f} s of processor, {share:.2f} times; {clock:.0f} s |",
        f"| memory at most (asked: 1 GB) | {int(memory) // 1024} MB |",
    ]


def during(folder: Path) -> Rows:
    """Searches in the edition in use while the same process imports another one from the beginning."""
    with tempfile.TemporaryDirectory(dir=folder, prefix="during-") as home:
        spent, _ = _searched_meanwhile(folder, f"sqlite:///{home}/x.db", Path(home))
    said = f"p50 {median(spent):.1f} ms, p99 {_p99(spent):.1f} ms"
    return [f"| {len(spent)} searches during an import (asked: 5 and 20 ms) | {said} |"]


def _searched_meanwhile(folder: Path, url: str, home: Path) -> tuple[list[float], float]:
    """Milliseconds of each search, sorted, and the import's seconds by the clock."""
    reader, spent, started = reader_of(folder), [], time.monotonic()
    asked = _texts(reader, SEARCHED // 10)
    for text in asked:
        search(reader, parse(text))
    _as_the_server_is()
    with ThreadPoolExecutor(1) as beside:
        work = beside.submit(take, url, home, all_files(folder))
        while not work.done():
            for text in asked:
                spent.append(_ms(lambda text=text: search(reader, parse(text))))
                time.sleep(0.05)
        work.result()
    return sorted(spent), time.monotonic() - started


def _as_the_server_is() -> None:
    from ops.serve import tune  # not for the import, whose processor seconds are counted: it loads all rooms

    tune()


def _kept(folder: Path, name: str) -> float:
    return float((folder / name).read_text())


def edition_of(folder: Path) -> Path:
    return Path((folder / "edition").read_text())


def reader_of(folder: Path) -> Reader:
    return Reader(SqliteStatements(edition_of(folder)))


def next_day(folder: Path) -> Rows:
    """Some lines of the register change; the time that is left when the comparison's is taken away."""
    changed = folder / "next-day" / FILES["rpps"]
    changed.parent.mkdir(exist_ok=True)
    lines = (folder / FILES["rpps"]).read_text(encoding="utf-8").split("\n")
    step = max(1, len(lines) // (DAY // 2))
    for place in range(1, step * (DAY // 2), step):  # a line out and another in are two changes
        lines[place] = lines[place].replace("|Activité standard|", "|Activité standard bis|")
    changed.write_text("\n".join(lines), encoding="utf-8")
    home, steps = folder / "home", {}
    take(f"sqlite:///{home}/x.db", home, [changed], steps.__setitem__)
    beyond = steps["all"] - steps["compare"]
    if not steps["changed"]:
        raise SystemExit("this day was imported before: run the stage import again")
    return [f"| a day's {steps['changed']:,} changes, beyond the comparison (asked: 2 s) | {beyond:.2f} s |"]


def copied(folder: Path) -> Rows:
    """COPY into PostgreSQL and its indexes, kept for the import's share."""
    with PostgresCluster() as cluster:
        (folder / "copy").write_text(f"{copy_import(cluster.create_database(), folder)}")
    return [f"| PostgreSQL: COPY with indexes | {_kept(folder, 'copy'):.1f} s |"]


def postgres(folder: Path) -> Rows:
    """The import into PostgreSQL; meanwhile the SQLite edition is searched."""
    with PostgresCluster() as cluster, tempfile.TemporaryDirectory(dir=folder) as home:
        spent, own = _searched_meanwhile(folder, cluster.create_database(), Path(home))
    took = f"{own:.1f} s, {own / _kept(folder, 'copy'):.2f} times"
    said = f"p50 {median(spent):.1f} ms, p99 {_p99(spent):.1f} ms"
    return [
        f"| PostgreSQL: Pli, whole import, searched meanwhile (asked: 3 times at most) | {took} |",
        f"| {len(spent)} searches of the SQLite edition during that import | {said} |",
    ]


def postgres_asked(folder: Path) -> Rows:
    """What `speed` and `resolve` ask of SQLite, asked of PostgreSQL, as `pli serve` asks it."""
    with PostgresCluster() as cluster, tempfile.TemporaryDirectory(dir=folder) as home:
        url = cluster.create_database()
        take(url, Path(home), all_files(folder))
        with closing(Db.open(url)) as db, closing(Annuaire(db, Path(home) / "annuaire")) as annuaire:
            _as_the_server_is()
            said = _resolving(db, Path(home) / "keyring.json")
            return [*_speeds_of(annuaire.reader(), "Queries of the PostgreSQL edition, ms"), "", f"Resolved: {said}."]


def speed(folder: Path) -> Rows:
    """Warm, one client: by the clock, and in processor time, which does not depend on what else the machine does."""
    reader = reader_of(folder)
    _as_the_server_is()
    return _speeds_of(reader, "Queries, ms")


def _speeds_of(reader: Reader, head: str) -> Rows:
    asked = {kind: [one.text for one in items] for kind, items in queries(reader).items()} | other_queries(reader)
    for texts in asked.values():
        for text in texts[:20]:
            search(reader, parse(text))
    rows = ["", f"| {head} | number | p50 | p99 | processor p50 | p99 |", "|---|---|---|---|---|---|"]
    every: list[tuple[float, float]] = []
    for kind, texts in asked.items():
        spent = [_spent(reader, text) for text in texts]
        every += spent
        rows.append(_speeds(kind, spent))
    return [*rows, _speeds("all (asked: 5 and 20)", every)]


def _spent(reader: Reader, text: str) -> tuple[float, float]:
    before, clock = time.thread_time(), time.perf_counter()
    search(reader, parse(text))
    return (time.perf_counter() - clock) * 1000, (time.thread_time() - before) * 1000


def _speeds(kind: str, spent: list[tuple[float, float]]) -> str:
    figures = [figure for one in zip(*spent, strict=True) for figure in (median(one), _p99(sorted(one)))]
    return f"| {kind} | {len(spent)} | " + " | ".join(f"{figure:.1f}" for figure in figures) + " |"


def resolving(folder: Path) -> Rows:
    """What mail asks of each address: one look-up in the instance's database, in a session that is open. Half of the
    addresses are known."""
    keyring = folder / "home" / "bench-keyring.json"
    keyring.unlink(missing_ok=True)
    with closing(Db.open(f"sqlite:///{folder / 'home'}/x.db")) as db:
        return [f"| {ADDRESSES * 2} addresses resolved, warm (asked: 0.2 ms) | {_resolving(db, keyring)} |"]


def _resolving(db: Db, keyring: Path) -> str:
    spent = db.read(_resolved, FileKeyring.create(keyring))
    clock, own = ([one[at] for one in spent] for at in (0, 1))
    return f"p50 {median(clock):.3f} ms, p99 {_p99(sorted(clock)):.3f} ms; processor p50 {median(own):.3f} ms"


def _resolved(session: Session, keyring: FileKeyring) -> list[tuple[float, float]]:
    """Milliseconds by the clock and of the processor, of each."""
    known = session.execute(select(entries.c.address).limit(ADDRESSES)).scalars().all()
    asked = [Address.parse(each) for text in known for each in (text, f"nobody.{text}")]
    for address in asked[:100]:
        resolve(session, keyring, address)
    spent = []
    for address in asked:
        before, clock = time.thread_time(), time.perf_counter()
        resolve(session, keyring, address)
        spent.append(((time.perf_counter() - clock) * 1000, (time.thread_time() - before) * 1000))
    return spent


def ldap(folder: Path) -> Rows:
    spent = type_ahead(edition_of(folder))
    said = f"p50 {median(spent):.1f} ms, p99 {_p99(spent):.1f} ms"
    return [f"| {CLIENTS} LDAP clients that complete addresses, {len(spent)} searches (asked: p99 100 ms) | {said} |"]


def quality(folder: Path) -> Rows:
    """How often a right answer comes first, and within five: the published set, and the totals of a second draw."""
    reader = reader_of(folder)
    peer = trigrams(reader, folder / "trigrams.db")
    head = "| number | recall@1 | recall@5 | trigrams: recall@1 | recall@5 |"
    rows = ["", f"| Queries {head}", "|---|---|---|---|---|---|"]
    found = _hits(reader, peer, SEED)
    rows += [_recall(kind, hits) for kind, hits in found.items()]
    for kind, hits in _hits(reader, None, SECOND).items():
        if kind in TOTALS:
            rows.append(_recall(f"{kind}, second draw", hits[:3]) + " – | – |")
    return rows


def _hits(reader: Reader, peer: Callable[[list[str], int], Answers] | None, seed: int) -> dict[str, list[int]]:
    """By kind, and the totals: how many, then right first and within five, ours and the peer's, if it is asked."""
    found: dict[str, list[int]] = {}
    totals: dict[str, list[int]] = {name: [0] * 5 for name in TOTALS}
    for kind, items in queries(reader, seed=seed).items():
        hits = found[kind] = [len(items), 0, 0, 0, 0]
        for one in items:
            _hit(hits, 1, one, [each.card for each in search(reader, parse(one.text), limit=5)])
        for one, cards in zip(items, peer([one.text for one in items], 5), strict=True) if peer else ():
            _hit(hits, 3, one, cards)
        for total in TOTALS if kind.startswith("sounds") else TOTALS[1:]:
            totals[total] = [a + b for a, b in zip(totals[total], hits, strict=True)]
    return found | totals


def _hit(hits: list[int], at: int, asked: Asked, cards: list) -> None:
    right = [asked.fits(card) for card in cards]
    hits[at] += any(right[:1])
    hits[at + 1] += any(right)


def _recall(kind: str, hits: list[int]) -> str:
    return f"| {kind} | {hits[0]} | " + " | ".join(f"{hit / max(1, hits[0]):.3f}" for hit in hits[1:]) + " |"


def _texts(reader: Reader, each: int) -> list[str]:
    return [one.text for items in queries(reader, each).values() for one in items]


def _p99(spent: list[float]) -> float:
    return spent[min(len(spent) - 1, int(len(spent) * 0.99))]


def _ms(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000


STAGES: dict[str, Callable[[Path], Rows]] = {
    "peer": peer,
    "import": imported,
    "day": next_day,
    "resolve": resolving,
    "ldap": ldap,
    "during": during,
    "copy": copied,
    "postgres": postgres,
    "postgres-asked": postgres_asked,
    "speed": speed,
    "quality": quality,
}


def run(folder: Path, name: str) -> None:
    """One stage; what it found, and how busy the machine was, is kept in the folder."""
    started, load = time.monotonic(), os.getloadavg()[0]
    rows = STAGES[name](folder)
    when = f"{time.strftime('%Y-%m-%d')}, load {load:.0f} at the start"
    (folder / f"{name}.found").write_text(json.dumps({"rows": rows, "when": when}), encoding="utf-8")
    print("\n".join(rows), f"  ({name}: {time.monotonic() - started:.0f} s, {when})", sep="\n", flush=True)


def found(folder: Path) -> Rows:
    """What all stages have found: those of one line in one table, each with its day and load; then the larger ones."""
    facts, tables = ["", "| | | |", "|---|---|---|"], []
    for name in STAGES:
        path = folder / f"{name}.found"
        one = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"rows": []}
        if "" in one["rows"]:
            tables += ["", f"{one['when']}:", *one["rows"]]
        else:
            facts += [f"{row} {one['when']} |" for row in one["rows"]]
    return facts + tables


def write(rows: Rows) -> None:
    text = PAGE.read_text(encoding="utf-8")
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    PAGE.write_text(head + "\n".join([BEGIN, *rows, END]) + tail, encoding="utf-8")


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--scale", choices=SCALES, default="small")
    options.add_argument("--folder", type=Path)
    options.add_argument("--stage", choices=["generate", *STAGES], action="append")
    options.add_argument("--check", action="store_true")
    asked = options.parse_args()
    activities, mailboxes = SCALES[asked.scale]
    with tempfile.TemporaryDirectory(prefix="pli-annuaire-") as own:
        folder = asked.folder or Path(own)
        if not (folder / FILES["red"]).exists():  # the last one that is written
            generate(folder, seed=1, activities=activities, mailboxes=mailboxes, progress=lambda *_: None)
        for name in asked.stage or STAGES:
            if name in STAGES:
                run(folder, name)
        if not asked.check:
            write([f"{activities:,} activities, {mailboxes:,} mailboxes, {os.cpu_count()} cores.", *found(folder)])


if __name__ == "__main__":
    main()
