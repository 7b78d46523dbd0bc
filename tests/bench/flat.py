"""Whether a delivery costs the same as the store grows: `python -m tests.bench.flat [--stored 1000000] [--check]`.

The same load of 4 KiB is put in turn on a store of some thousand messages and on one into whose tables as many copies
of messages as asked were laid: rows, keys, numbers and tallies as a delivery leaves them, so that the trees have the
depth and the pages the spread that they would have. A copy's sealed octets do not open under its own number; nobody
reads them here. Both servers run all the time; the one that is not its turn is idle. One mailbox gets --largest of
them; told is also how long its SELECT takes, the first after a start and later ones. Writes the table into
docs/performance.md between its markers, unless --check.

With --home the store is kept, and --lay ends when it is filled: the measuring can wait for a quiet hour.
"""

import argparse
import imaplib
import os
import sqlite3
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date
from itertools import chain, islice, repeat
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from core.db import Db
from core.numbers import last_number
from directory import tables as _tables  # noqa: F401  on the one MetaData before it is read
from mail import kept_index
from mail.limits import IMAP_PACK_MESSAGES as PACK
from mail.tables import folder_messages, folder_packs
from tests.bench.smtp import KINDS, PAGE, PASSWORD, USERS, Figure, Loads, PliTarget, median

BEGIN, END = "<!-- flat:begin -->", "<!-- flat:end -->"
KIND, ROUNDS, AT_ONCE, SELECTS = KINDS["4k"], 5, 5000, 6
Row = dict[str, Any]


def templates(db: sqlite3.Connection) -> list[dict[str, Row]]:
    """One message of each folder: its row in each table."""
    found = []
    for message, folder, uid in db.execute("SELECT message_id, folder_id, max(uid) FROM folder_messages GROUP BY 2"):
        rows = {
            "messages": one(db, "messages", "id", message),
            "message_keys": one(db, "message_keys", "message_id", message),
            "folder_messages": one(db, "folder_messages", "folder_id = ? AND uid", folder, uid),
        }
        rows["bodies"] = one(db, "bodies", "id", rows["messages"]["body_id"])
        found.append(rows)
    return found


def one(db: sqlite3.Connection, table: str, where: str, *values: int) -> Row:
    return dict(db.execute(f"SELECT * FROM {table} WHERE {where} = ?", values).fetchone())


def copies(kinds: list[dict[str, Row]], order: Iterable[int], lowest: int) -> Iterator[dict[str, Row]]:
    """Older messages in the folders that `order` names; uid and modseq go on where the folder's last one ends."""
    laid = Counter[int]()
    for number, which in enumerate(order, 1):
        laid[which] += 1
        rows = {table: dict(row) for table, row in kinds[which].items()}
        message, body = lowest - 2 * number, lowest - 2 * number - 1
        rows["bodies"]["id"] = rows["messages"]["body_id"] = body
        rows["messages"]["id"] = rows["message_keys"]["message_id"] = rows["folder_messages"]["message_id"] = message
        rows["messages"]["dedup"] = None
        rows["folder_messages"]["uid"] += laid[which]
        rows["folder_messages"]["modseq"] += laid[which]
        yield rows


def preload(path: Path, count: int, largest: int) -> None:
    """The server is down. `count` messages in all, of which one folder has at least `largest`."""
    db = sqlite3.connect(path)
    db.row_factory = sqlite3.Row
    kinds = templates(db)
    lowest = min(db.execute(f"SELECT min(id) FROM {table}").fetchone()[0] for table in ("bodies", "messages"))
    apart = min(count, largest)
    order = chain(repeat(0, apart), (number % len(kinds) for number in range(count - apart)))
    made = copies(kinds, order, lowest)
    while some := list(islice(made, AT_ONCE)):
        for table in ("bodies", "messages", "message_keys", "folder_messages"):
            names = list(some[0][table])
            marks = ", ".join(f":{name}" for name in names)
            db.executemany(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})", [rows[table] for rows in some])
    for rows in kinds:
        folder = rows["folder_messages"]["folder_id"]
        for counter in ("uid", "modseq"):
            db.execute(
                f"UPDATE counters SET value = (SELECT max({counter}) FROM folder_messages WHERE folder_id = ?)"
                " WHERE name = ?",
                (folder, f"{counter}:{folder}"),
            )
    db.execute("UPDATE tallies SET value = value + ? WHERE name = 'messages'", (count,))
    db.commit()
    db.close()


def rested(path: Path) -> None:
    """What a server makes while nothing comes: every message in a pack, of which nobody reads the octets here, and the
    index of each folder. Else it would gather packs while the other one is loaded."""
    db = Db.open(f"sqlite:///{path}")
    for folder_id in db.read(
        lambda session: session.execute(select(folder_messages.c.folder_id).distinct()).scalars().all()
    ):
        db.run(packed, folder_id)
        db.run(kept_index.keep, folder_id, db.read(kept_index.read_index, folder_id))
    db.close()


def packed(session: Session, folder_id: int) -> None:
    """Unit of work."""
    last = last_number(session, f"uid:{folder_id}")
    row = {"folder_id": folder_id, "sealed_answers": b"-", "sealed_texts": b"-"}
    stretches = [{"first_uid": at, "last_uid": min(at + PACK, last + 1) - 1} for at in range(1, last + 1, PACK)]
    session.execute(insert(folder_packs), [row | stretch for stretch in stretches])


def measured(loads: Loads, small: PliTarget, large: PliTarget) -> tuple[Figure, Figure]:
    """The medians of both, loaded in turn."""
    figures: tuple[list[Figure], list[Figure]] = ([], [])
    with small, large:
        for target in (small, large):
            loads.run(target, KIND, KIND.messages)
        for _ in range(ROUNDS):
            for target, found in zip((small, large), figures, strict=True):
                found.append(loads.run(target, KIND, KIND.messages))
    return median(figures[0]), median(figures[1])


def lay(loads: Loads, home: Path, args: argparse.Namespace) -> None:
    """A store of `args.stored` messages."""
    with PliTarget(home, {}) as target:
        loads.run(target, KIND, KIND.messages)
    preload(home / "pli.db", args.stored, args.largest)
    rested(home / "pli.db")


def selected(home: Path) -> str:
    """What SELECT of the largest mailbox takes after a start, in words."""
    with Again(home, {}) as target:
        client = largest(target.imap)
        taken = []
        for _ in range(SELECTS):
            begun = time.perf_counter()
            count = int(client.select("INBOX")[1][0] or 0)
            taken.append((time.perf_counter() - begun) * 1000)
        client.logout()
    return f"\nSELECT of {count:,} messages: {taken[0]:.0f} ms, again {statistics.median(taken[1:]):.1f} ms.\n"


def largest(port: int) -> imaplib.IMAP4:
    """Logged in to the mailbox that has most: which it is, no table tells."""
    clients = []
    for number in range(USERS):
        client = imaplib.IMAP4("127.0.0.1", port)
        client.login(f"box{number}@bench.example", PASSWORD)
        clients.append((int(client.status("INBOX", "(MESSAGES)")[1][0].split()[-1].rstrip(b")")), number, client))
    return max(clients)[2]


def line(stored: str, figure: Figure) -> str:
    return f"| {stored} | {figure.per_s:.0f} | {figure.p99:.1f} | {figure.cpu_ms:.2f} |\n"


def main() -> None:
    parser = argparse.ArgumentParser(description="A delivery's cost on a small and on a large store.")
    parser.add_argument("--stored", type=int, default=100_000)
    parser.add_argument("--largest", type=int, default=100_000, help="messages of one mailbox, among those stored")
    parser.add_argument("--home", type=Path, help="where the large store is kept, and used again")
    parser.add_argument("--lay", action="store_true", help="fill the store of --home and measure nothing")
    parser.add_argument("--check", action="store_true", help="print the table, leave docs/performance.md alone")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as made:
        home, loads = args.home or Path(made) / "large", Loads(Path(made), None)
        if not home.exists():
            lay(loads, home, args)
        text = "" if args.lay else table(loads, Path(made) / "small", home, args)
    print(text)
    if text and not args.check:
        page = PAGE.read_text()
        before, _, rest = page.partition(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}\n{text}{END}{rest.partition(END)[2]}")


def table(loads: Loads, small: Path, large: Path, args: argparse.Namespace) -> str:
    text = f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.0f}, {date.today():%Y-%m-%d}; 4 KiB, SQLite.\n\n"
    text += "| messages stored | messages/s | p99 ms | CPU ms/message |\n|---|---|---|---|\n"
    few, many = measured(loads, PliTarget(small, {}), Again(large, {}))
    text += line("some thousand", few) + line(f"{args.stored:,}", many)
    return text + selected(large)


class Again(PliTarget):
    """The same home, its mailboxes made."""

    def __enter__(self) -> "Again":
        self.server.start()
        self.smtp, self.imap = self.server.port("mx"), self.server.port("imap")
        return self


if __name__ == "__main__":
    main()
