"""From the 250 to the counter: how long until a new order stands on boards that are open.

    python tests/bench/board.py [--orders 20] [--boards 50] [--seconds 120] [--check]

A demonstration serves in a process of its own. The pharmacy's board is open `boards` times (SSE, one connection each);
a patient sends prescriptions by SMTP submission, one after the other. For each order and each board: the time from the
server's 250 to the event; after `--seconds` no further order is sent. Writes the table into docs/performance.md between
its markers, unless --check.
"""

import argparse
import asyncio
import re
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any

import httpx2

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from mail.compose import Attachment  # noqa: E402  the path above makes the rooms importable
from ops.demo.cast import PASSWORD, PHARMACY, players  # noqa: E402
from ops.demo.client import Post, write  # noqa: E402
from ops.demo.papers import Papers  # noqa: E402
from ops.demo_files import PHOTO_DATE, demo_patient, prescription_pdf  # noqa: E402
from tests.bench.table import put_table  # noqa: E402
from tests.support.pli_server import PliServer  # noqa: E402
from tests.support.process import cpu_seconds  # noqa: E402

WAIT_S = 60.0


class Boards:
    """The open boards: when each order's first event came to each of them."""

    def __init__(self, base: str, count: int) -> None:
        self.base, self.count = base, count
        self.seen: list[dict[str, float]] = [{} for _ in range(count)]
        self.open = asyncio.Semaphore(0)

    async def follow(self, place: int, client: httpx2.AsyncClient) -> None:
        async with client.stream("GET", "/officine/flux", timeout=None) as answer:
            assert answer.status_code == 200, answer.status_code
            self.open.release()
            async for line in answer.aiter_lines():
                found = re.search(r'"order": "([A-Z0-9-]{8})"', line)
                if found:
                    self.seen[place].setdefault(found[1], time.monotonic())

    async def all_have(self, number: int) -> None:
        until = time.monotonic() + WAIT_S
        while any(len(seen) < number for seen in self.seen):
            assert time.monotonic() < until, [len(seen) for seen in self.seen]
            await asyncio.sleep(0.02)


async def measure(server: PliServer, facts: dict[str, Any], orders: int, count: int, seconds: float) -> list[float]:
    """Seconds from the 250, for each order at each board."""
    base = facts["http"]["url"].rstrip("/")
    boards, post = Boards(base, count), Post(facts, Papers(server.home))
    limits = httpx2.Limits(max_connections=count + 5, max_keepalive_connections=count + 5)
    async with httpx2.AsyncClient(base_url=base, limits=limits, timeout=60, trust_env=False) as client:
        entered = await client.post(
            "/entrer", data={"login": PHARMACY, "password": PASSWORD}, headers={"sec-fetch-site": "same-origin"}
        )
        assert entered.status_code == 303, entered.status_code
        following = [asyncio.create_task(boards.follow(place, client)) for place in range(count)]
        try:
            for _ in range(count):
                await asyncio.wait_for(boards.open.acquire(), WAIT_S)
            return await _send(boards, post, orders, seconds)
        finally:
            for task in following:
                task.cancel()
            await asyncio.gather(*following, return_exceptions=True)


async def _send(boards: Boards, post: Post, orders: int, seconds: float) -> list[float]:
    patient, found = next(one for one in players() if one.role == "patient"), []
    until = time.monotonic() + seconds
    for number in range(orders):
        if time.monotonic() > until:
            break
        pdf = prescription_pdf(demo_patient(), PHOTO_DATE) + b"\n%% %d\n" % time.time_ns()
        letter = write(
            patient.address, patient.name, PHARMACY, "Ordonnance", "Bonjour.", post.papers.of(patient.stem),
            (Attachment("application/pdf", f"ordonnance{number}.pdf", pdf),),
        )  # fmt: skip
        await post.submit(patient, letter.raw, [PHARMACY])
        accepted = time.monotonic()
        await boards.all_have(number + 1)
        found += [list(seen.values())[number] - accepted for seen in boards.seen]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description="From the 250 to the open boards of the pharmacy.")
    parser.add_argument("--orders", type=int, default=20)
    parser.add_argument("--boards", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=120, help="no order is sent later")
    parser.add_argument("--check", action="store_true", help="print the table, leave docs/performance.md alone")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pli-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        with PliServer(Path(folder) / "home") as server:
            before = cpu_seconds(server.process.pid)
            waits = sorted(asyncio.run(measure(server, server.info, args.orders, args.boards, args.seconds)))
            spent = cpu_seconds(server.process.pid) - before
    sent = len(waits) // args.boards
    at = {share: 1000 * waits[min(len(waits) - 1, int(share * len(waits)))] for share in (0.5, 0.95)}
    text = (
        f"{sent} orders, {args.boards} boards open, {date.today():%Y-%m-%d}.\n\n"
        "| From the 250 to the event | p50 ms | p95 ms | longest ms | CPU ms an order |\n|---|---|---|---|---|\n"
        f"| at each board | {at[0.5]:.0f} | {at[0.95]:.0f} | {1000 * waits[-1]:.0f} "
        f"| {1000 * spent / sent:.0f} |\n"
    )
    print(text)
    if not args.check:
        put_table("board", "A new order on open boards", text)


if __name__ == "__main__":
    main()
