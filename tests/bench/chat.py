"""The chat measured beside Synapse itself, in one run: `python -m tests.bench.chat`.

A demonstration serves; a matrix-nio client in this process writes, end-to-end encrypted. When the bridge had an event
is read from its own row. The table goes into docs/performance.md.
"""

import argparse
import asyncio
import os
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

from tests.bench.table import put_table
from tests.support.flow import Flow
from tests.support.matrix_user import MatrixUser
from tests.support.pli_server import PliServer
from tests.support.process import family

PACED, RATE, BURST, MAILS = 60, 9, 100, 15
SETTLED_S = 5  # after the start, before memory is looked at
TABLES = "links posts events waiting rooms codes rules behind accounts memory".split()
SYNAPSE = b"instant.synapse_child"

found: list[tuple[str, str]] = []


def main() -> None:
    parser = argparse.ArgumentParser(description="Latency, throughput and memory of the chat, beside Synapse's own.")
    parser.add_argument("--check", action="store_true", help="print the table, leave docs/performance.md alone")
    args = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="pli-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        run(Path(folder))
    head = f"{os.cpu_count()} cores, load {load:.0f} at the start, clients and server on them; {date.today():%Y-%m-%d}."
    text = f"{head}\n\n| what | measured |\n|---|---|\n" + "".join(f"| {what} | {value} |\n" for what, value in found)
    print(f"\n{text}")
    if not args.check:
        put_table("chat", "Chat", text)


def run(folder: Path) -> None:
    """All of it: without the chat, then with it on a new homeserver."""
    server = PliServer(folder / "home", chat=True)
    with server:
        pass
    silent = PliServer(server.home, log=folder / "silent.log")
    with silent:
        time.sleep(SETTLED_S)
        without, _ = memory(silent)
    with closing(sqlite3.connect(server.home / "pli.db")) as rows:
        rows.executescript("".join(f"DELETE FROM chat_{name};" for name in TABLES))
    for path in sorted((server.home / "matrix").rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    began = time.perf_counter()
    with server:
        show("start to rooms made, new homeserver", f"{time.perf_counter() - began:.1f} s")
        time.sleep(SETTLED_S)
        ours, synapse = memory(server)
        show("memory, idle: our main process without the chat", f"{without:.0f} MiB")
        show("the same with the chat", f"{ours:.0f} MiB")
        show("hence the bridge, the gate and their libraries", f"{ours - without:.0f} MiB")
        show("Synapse, its one process", f"{synapse:.0f} MiB")
        asyncio.run(measure(Flow(server), folder))


async def measure(flow: Flow, folder: Path) -> None:
    matrix = flow.info["matrix"]
    user = next(one for one in matrix["users"] if one["role"] == "physician")
    room = next(one["room_id"] for one in matrix["rooms"] if one["user_id"] == user["user_id"])
    async with MatrixUser(matrix["url"], user["user_id"], user["password"], folder / "nio") as physician:
        await physician.joined(room)
        await physician.text(room, "pont MSSanté")
        await paced(flow, physician, room)
        await burst(flow, physician, room)
        await mails(flow, physician, room)


def memory(server: PliServer) -> tuple[float, float]:
    """Of our main process, in which the bridge lives, and of Synapse, in MiB; our other children know no chat."""
    children = family(server.process.pid) - {server.process.pid}
    synapse = [pid for pid in children if SYNAPSE in Path(f"/proc/{pid}/cmdline").read_bytes()]
    return resident(server.process.pid), sum(map(resident, synapse))


def resident(pid: int) -> float:
    """Resident memory of a process, proc(5)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024


async def paced(flow: Flow, user: MatrixUser, room: str) -> None:
    sent: dict[str, float] = {}
    calls = []
    for number in range(PACED):
        began = time.time()
        sent[await fast(user, room, f"mesure {number}")] = began
        calls.append((time.time() - began) * 1000)
        await asyncio.sleep(max(0.0, 1 / RATE - (time.time() - began)))
    kept = await rows_of(flow, sent)
    show(f"send call, {RATE} messages/s", quantiles(calls))
    show("chat → bridge inbox (durable)", quantiles([kept[one] - at * 1000 for one, at in sent.items()]))


async def burst(flow: Flow, user: MatrixUser, room: str) -> None:
    began = time.time()
    sent = {await fast(user, room, f"rafale {number}"): time.time() for number in range(BURST)}
    accepted = BURST / (time.time() - began)
    kept = await rows_of(flow, sent)
    taken = BURST / (max(kept.values()) / 1000 - began)
    show("Synapse accepts, one sender, end to end encrypted", f"{accepted:.1f} messages/s")
    show("the bridge has them durably", f"{taken:.1f} messages/s ({100 * taken / accepted:.0f} %)")


async def mails(flow: Flow, user: MatrixUser, room: str) -> None:
    to, came, left = flow.physician["address"], [], []
    for number in range(MAILS):
        words = f"courrier {number} mesure"
        written = flow.write(flow.pharmacy, to, words, text=words)
        began = time.time()
        await asyncio.to_thread(flow.submit, flow.pharmacy, written.raw, to)
        shown = await user.text(room, f"\n\n{words}")
        came.append((time.time() - began) * 1000)
        before = newest(flow)
        began = time.time()
        await user.say(room, f"réponse {number}", thread=shown.event_id)
        while newest(flow) == before:
            await asyncio.sleep(0.005)
        left.append((time.time() - began) * 1000)
    show("mail submitted → read in the room", quantiles(came))
    show("said in the room → mail accepted", quantiles(left))


async def fast(user: MatrixUser, room: str, words: str) -> str:
    """Without asking for devices first, as clients do between two messages."""
    content = {"msgtype": "m.text", "body": words}
    answer = await user.client.room_send(room, "m.room.message", content, ignore_unverified_devices=True)
    return str(answer.event_id)


async def rows_of(flow: Flow, sent: dict[str, float]) -> dict[str, float]:
    """When the bridge's commit took each event, in ms."""
    while True:
        found = {str(row[0]): float(row[1]) for row in flow.rows("SELECT event_id, due_at FROM chat_events")}
        if sent.keys() <= found.keys():
            return {one: found[one] for one in sent}
        await asyncio.sleep(0.05)


def newest(flow: Flow) -> Any:
    return flow.rows("SELECT MAX(id) FROM messages")


def quantiles(values: Sequence[float]) -> str:
    return f"p50 {statistics.median(values):.0f} ms, p95 {sorted(values)[int(len(values) * 0.95) - 1]:.0f} ms"


def show(what: str, value: str) -> None:
    found.append((what, value))
    print(f"{what}: {value}", flush=True)


if __name__ == "__main__":
    main()
