"""How fast pages answer while many orders are stored.

    python tests/bench/pages.py [--orders 100000] [--rounds 60] [--seconds 20] [--check]

The orders are rows like those of a real instance, ended ones of several years, a fifth of them this pharmacy's; sixty
are under way and whole, a third of them ready, three the measured patient's. Pages come from a real server in a thread,
over one connection, one after the other, each for at most `--seconds`. CPU is of server and client together. Writes the
table into docs/performance.md between its markers, unless --check.
"""

import argparse
import logging
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import httpx2
import structlog
from sqlalchemy import insert, select

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from core.ids import new_id  # noqa: E402  the path above makes the rooms importable
from directory.patients import create_patient  # noqa: E402
from ops.demo.cast import PATIENTS  # noqa: E402
from record.order_facts import Order  # noqa: E402
from record.orders import State  # noqa: E402
from record.tables import order_moves, orders  # noqa: E402
from tests.bench.table import put_table  # noqa: E402
from tests.support.kept import PHARMACY, Kept, keep, ordered, written  # noqa: E402
from tests.support.portal_world import PASSWORD, World, confirmed, moved, open_world, served, token_in  # noqa: E402

UNDER_WAY, BATCH, YEARS_MS = 60, 5000, 3 * 365 * 86_400_000
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


def fill(world: World, count: int) -> Order:
    """The rows; returns an order that is under way."""
    kept = world.kept
    other = kept.db.run(create_patient, kept.keyring, PATIENTS[1], None, kept.clock.now())
    whose = [kept] * 3 + [replace(kept, patient_id=other.id)] * (UNDER_WAY - 3)
    under_way = [ordered(one, keep(kept, written("Ordonnance"), kept.pharmacy)) for one in whose]
    for place, order in enumerate(under_way):
        if place % 3:
            order = moved(kept, confirmed(kept, moved(kept, order, State.TAKEN)), State.PREPARING)
        if place % 3 == 2:
            moved(kept, order, State.READY)
    with_row = dict(kept.db.read(lambda session: session.execute(select(orders).limit(1)).mappings().one()))
    for first in range(0, count, BATCH):
        rows = [_ended(with_row, number, other.id, world) for number in range(first, min(first + BATCH, count))]
        kept.db.run(_put, rows)
    return under_way[0]


def _put(session: Any, rows: list[dict[str, Any]]) -> None:
    session.execute(insert(orders), rows)
    moves = [
        {
            "id": new_id(),
            "order_id": row["id"],
            "from_state": before.value,
            "to_state": after.value,
            "role": "pharmacist",
            "actor_account_id": None,
            "at": row["created_at"] + minutes * 60_000,
            "sealed_note": None,
            "notified_message_id": None,
        }
        for row in rows
        for before, after, minutes in ((State.RECEIVED, State.TAKEN, 9), (State.READY, State.COLLECTED, 300))
    ]
    session.execute(insert(order_moves), moves)


def _ended(like: dict[str, Any], number: int, patient_id: int, world: World) -> dict[str, Any]:
    """A collected order; every fifth is of the measured pharmacy."""
    kept: Kept = world.kept
    home = kept.pharmacy if number % 5 == 0 else world.other
    text, left = "", number
    for _ in range(7):
        left, place = divmod(left, len(LETTERS))
        text += LETTERS[place]
    at = like["created_at"] - (number * 7919 * 1000) % YEARS_MS
    mine = {"id": new_id(), "number": f"{text[:3]}-{text[3:]}", "patient_id": patient_id, "message_id": new_id()}
    return (
        like
        | mine
        | {
            "pharmacy_mailbox_id": home.mailbox.id,
            "state": State.COLLECTED.value,
            "created_at": at,
            "updated_at": at + 300 * 60_000,
        }
    )


def measure(world: World, order: Order, rounds: int, seconds: float) -> list[str]:
    """A row of the table for each page."""
    one = f"/officine/commande/{order.number}"
    paths = {
        "board": (PHARMACY, "/officine"),
        "order": (PHARMACY, one),
        "preparation sheet": (PHARMACY, f"{one}/fiche"),
        "bag label": (PHARMACY, f"{one}/etiquette"),
        "figures": (PHARMACY, "/officine/chiffres"),
        "settings": (PHARMACY, "/officine/reglages"),
        "to be checked": (PHARMACY, "/officine/a-verifier"),
        "patient's orders": (world.patient_login, "/p"),
        "patient: send, step 1": (world.patient_login, "/p/envoyer"),
        "patient's record": (world.patient_login, "/p/dossier"),
    }
    rows = []
    with served(world.app) as base:
        for name, (login, path) in paths.items():
            with _entered(base, login) as client:
                rows.append(_row(name, *_timed(lambda client=client, path=path: client.get(path), rounds, seconds)))
        with _entered(base, PHARMACY) as client:
            form = {"code": "000000", "jeton": token_in(client.get("/officine").text)}
            code = lambda: client.post("/officine/retrait", data=form)  # noqa: E731
            rows.append(_row("six digits that fit no bag", *_timed(code, rounds, seconds, expected=404)))
    return rows


@contextmanager
def _entered(base: str, login: str) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=base, headers={"sec-fetch-site": "same-origin"}, timeout=60) as client:
        assert client.post("/entrer", data={"login": login, "password": PASSWORD}).status_code == 303
        yield client


def _timed(
    ask: Callable[[], httpx2.Response], rounds: int, seconds: float, expected: int = 200
) -> tuple[list[float], float]:
    """Milliseconds of each answer, sorted; CPU of one."""
    first = ask()  # the first look writes the trail
    assert first.status_code == expected, (first.status_code, first.url)
    waits, before, until = [], time.process_time(), time.monotonic() + seconds
    while len(waits) < rounds and (time.monotonic() < until or not waits):
        began = time.perf_counter()
        assert ask().status_code == expected
        waits.append(1000 * (time.perf_counter() - began))
    return sorted(waits), 1000 * (time.process_time() - before) / len(waits)


def _row(name: str, waits: list[float], cpu_ms: float) -> str:
    row = f"| {name} | {waits[len(waits) // 2]:.0f} | {waits[int(len(waits) * 0.95)]:.0f} | {cpu_ms:.0f} |"
    print(row, file=sys.stderr)
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description="Pages while many orders are stored.")
    parser.add_argument("--orders", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=20, help="at most, for each page")
    parser.add_argument("--check", action="store_true", help="print the table, leave docs/performance.md alone")
    args = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with tempfile.TemporaryDirectory(prefix="pli-", dir="/tmp") as folder:
        with open_world(f"sqlite:///{folder}/pli.db", Path(folder)) as world:
            rows = measure(world, fill(world, args.orders), args.rounds, args.seconds)
    head = f"{args.orders} orders stored, {UNDER_WAY} under way at this pharmacy, SQLite, {date.today():%Y-%m-%d}.\n\n"
    text = head + "| Page | p50 ms | p95 ms | CPU ms |\n|---|---|---|---|\n" + "\n".join(rows) + "\n"
    print(text)
    if not args.check:
        put_table("pages", "Pages while many orders are stored", text)


if __name__ == "__main__":
    main()
