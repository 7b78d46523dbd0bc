"""Whether a delivery costs the same as the store grows: `python -m tests.bench.flat [--stored 100000] [--check]`.

The same load of 4 KiB is measured on a store of some hundred messages and, after as many copies of them as asked were
laid straight into the tables, again: rows, keys, numbers and tallies as a delivery leaves them, so that the trees have
the depth and the pages the spread that they would have. A copy's sealed octets do not open under its own number; nobody
reads them here. Writes the table into docs/performance.md between its markers, unless --check.
"""

import argparse
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any

from tests.bench.smtp import PAGE, Figure, Kind, Loads, PliTarget, median

BEGIN, END = "<!-- flat:begin -->", "<!-- flat:end -->"
KIND, ROUNDS, AT_ONCE = Kind("4 KiB", 4096, 500), 3, 5000
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


def copies(kinds: list[dict[str, Row]], lowest: int, count: int) -> Iterator[dict[str, Row]]:
    """Older messages, in turn for each folder; uid and modseq go on where the folder's last one ends."""
    for number in range(1, count + 1):
        rows = {table: dict(row) for table, row in kinds[number % len(kinds)].items()}
        message, body, on = lowest - 2 * number, lowest - 2 * number - 1, number // len(kinds) + 1
        rows["bodies"]["id"] = rows["messages"]["body_id"] = body
        rows["messages"]["id"] = rows["message_keys"]["message_id"] = rows["folder_messages"]["message_id"] = message
        rows["messages"]["dedup"] = None
        rows["folder_messages"]["uid"] += on
        rows["folder_messages"]["modseq"] += on
        yield rows


def preload(path: Path, count: int) -> None:
    """The server is down."""
    db = sqlite3.connect(path)
    db.row_factory = sqlite3.Row
    kinds = templates(db)
    lowest = min(db.execute(f"SELECT min(id) FROM {table}").fetchone()[0] for table in ("bodies", "messages"))
    made = copies(kinds, lowest, count)
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


def measured(loads: Loads, target: PliTarget) -> Figure:
    with target:
        loads.run(target, KIND, 100)
        return median([loads.run(target, KIND, KIND.messages) for _ in range(ROUNDS)])


def line(stored: str, figure: Figure) -> str:
    return f"| {stored} | {figure.per_s:.0f} | {figure.p99:.1f} | {figure.cpu_ms:.2f} |\n"


def main() -> None:
    parser = argparse.ArgumentParser(description="A delivery's cost on a small and on a large store.")
    parser.add_argument("--stored", type=int, default=100_000)
    parser.add_argument("--check", action="store_true", help="print the table, leave docs/performance.md alone")
    args = parser.parse_args()
    text = f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.0f}, {date.today():%Y-%m-%d}; 4 KiB, SQLite.\n\n"
    text += "| messages stored | messages/s | p99 ms | CPU ms/message |\n|---|---|---|---|\n"
    with tempfile.TemporaryDirectory(prefix="bench-") as made:
        home, loads = Path(made) / "pli", Loads(Path(made), None)
        text += line("1,000", measured(loads, PliTarget(home, {})))
        preload(home / "pli.db", args.stored)
        text += line(f"{args.stored:,}", measured(loads, Again(home, {})))
    print(text)
    if not args.check:
        page = PAGE.read_text()
        before, _, rest = page.partition(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}\n{text}{END}{rest.partition(END)[2]}")


class Again(PliTarget):
    """The same home, its mailboxes made."""

    def __enter__(self) -> "Again":
        self.server.start()
        self.smtp, self.imap = self.server.port("mx"), self.server.port("imap")
        return self


if __name__ == "__main__":
    main()
