"""Thousands of clients that wait: `python -m tests.bench.idle [--connections 5000] [--deliveries 50] [--check]`.

So many IMAP connections under TLS log in, select INBOX and stay in IDLE, spread over a hundred mailboxes and as many
loopback addresses (one client may have fifty). Reported are the memory of the server's processes (proportional set
size, so that shared pages count once) before and with them, and, for mails delivered by SMTP one after the other, the
time from the acceptance of each until every client of its mailbox was told. Writes the table into docs/performance.md
between its markers, unless --check.
"""

import argparse
import asyncio
import os
import ssl
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import uvloop

from tests.bench.table import put_table
from tests.bench.trickle import connect, say
from tests.support.pli_server import PliServer
from tests.support.process import family

MAILBOXES, PER_ADDRESS, AT_ONCE, GAP_S, LATEST_S = 100, 50, 64, 0.05, 10
PASSWORD = "bench-password"
MESSAGE = (
    b"From: <load@example.test>\r\nSubject: %d\r\n\r\n" + b"a line of a message, like many others\r\n" * 100 + b".\r\n"
)


class Waiting(asyncio.Protocol):
    """One client: in IDLE once `idles` is done; `told` counts what it was told then."""

    def __init__(self, box: int, notices: "asyncio.Queue[int]") -> None:
        self._box, self._notices = box, notices
        self._left = [
            (b"* OK", f'a LOGIN "box{box}@bench.example" "{PASSWORD}"\r\n'),
            (b"a OK", "b SELECT INBOX\r\n"),
            (b"b OK", "c IDLE\r\n"),
            (b"+ ", ""),
        ]
        self._line = b""
        self.idles: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        *lines, self._line = (self._line + data).split(b"\r\n")
        for line in lines:
            self._heard(line)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.idles.done():
            self.idles.set_exception(ConnectionError(f"the server left: {error}"))
        self._left = [(b"left", "")]

    @property
    def holds(self) -> bool:
        """It still waits."""
        return self.idles.done() and not self._left

    def _heard(self, line: bytes) -> None:
        if not self._left:
            if line.endswith(b"EXISTS"):
                self._notices.put_nowait(self._box)
            return
        expected, answer = self._left[0]
        if not line.startswith(expected):
            return
        del self._left[0]
        if answer:
            self._transport.write(answer.encode())  # type: ignore[attr-defined]  # BaseTransport in the signature
        else:
            self.idles.set_result(None)

    def close(self) -> None:
        self._transport.close()


@dataclass(frozen=True)
class Found:
    """Memory in MiB; seconds until all were connected; milliseconds of every notice, and those that never came."""

    before: float
    held: float
    holding: int
    setup_s: float
    notices: list[float]
    missing: int


def memory(pid: int) -> float:
    """MiB of the process and its descendants."""
    return sum(map(_pss, family(pid))) / 1024


def _pss(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


async def hold(port: int, context: ssl.SSLContext, count: int, notices: "asyncio.Queue[int]") -> list[Waiting]:
    """All of them, in IDLE."""
    loop, at_once = asyncio.get_running_loop(), asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> Waiting:
        async with at_once:
            source = (f"127.0.{1 + number // PER_ADDRESS // 250}.{1 + number // PER_ADDRESS % 250}", 0)
            make = loop.create_connection(
                lambda: Waiting(number % MAILBOXES, notices),
                "127.0.0.1",
                port,
                ssl=context,
                server_hostname="localhost",
                local_addr=source,
            )
            _, waiting = await make
            await waiting.idles
            return waiting

    return await asyncio.gather(*(one(number) for number in range(count)))


async def deliver(port: int, count: int, notices: "asyncio.Queue[int]", expected: int) -> tuple[list[float], int]:
    """Milliseconds of each notice, and how many did not come."""
    reader, writer = await connect(port, "127.0.0.1")
    await say(reader, writer, b"EHLO good.example\r\n")
    taken: list[float] = []
    missing = 0
    for number in range(count):
        box = f"box{number % MAILBOXES}@bench.example"
        for line in (b"MAIL FROM:<load@example.test>\r\n", f"RCPT TO:<{box}>\r\n".encode(), b"DATA\r\n"):
            await say(reader, writer, line)
        answer = await say(reader, writer, MESSAGE % number)
        if not answer.startswith(b"250"):
            raise RuntimeError(answer.decode())
        at, heard = time.perf_counter(), 0
        try:
            async with asyncio.timeout(LATEST_S):
                while heard < expected:
                    await notices.get()
                    heard += 1
                    taken.append((time.perf_counter() - at) * 1000)
        except TimeoutError:
            missing += expected - heard
        await asyncio.sleep(GAP_S)
    writer.close()
    return taken, missing


async def measure(server: PliServer, args: argparse.Namespace) -> Found:
    context = ssl.create_default_context(cafile=server.info["ca_file"])
    notices: asyncio.Queue[int] = asyncio.Queue()
    pid = server.process.pid
    warm = await hold(server.port("imaps"), context, MAILBOXES, notices)  # each password hashed once, each INBOX read
    for each in warm:
        each.close()
    await asyncio.sleep(1)
    before, begun = memory(pid), time.perf_counter()
    waiting = await hold(server.port("imaps"), context, args.connections, notices)
    setup_s = time.perf_counter() - begun
    await asyncio.sleep(2)
    held = memory(pid)
    taken, missing = await deliver(server.port("mx"), args.deliveries, notices, args.connections // MAILBOXES)
    holding = sum(each.holds for each in waiting)
    for each in waiting:
        each.close()
    return Found(before, held, holding, setup_s, taken, missing)


def rows(found: Found) -> Iterator[tuple[str, str]]:
    marks = statistics.quantiles(found.notices, n=100)
    yield "connections that were still in IDLE at the end", f"{found.holding:,}"
    yield "memory of the server before, MiB", f"{found.before:.0f}"
    yield "with them, MiB", f"{found.held:.0f}"
    yield "a connection, KiB", f"{(found.held - found.before) * 1024 / found.holding:.0f}"
    yield "connecting all of them, s (handshake, login, SELECT)", f"{found.setup_s:.0f}"
    yield "delivery to notice, p50 ms", f"{statistics.median(found.notices):.1f}"
    yield "delivery to notice, p99 ms", f"{marks[98]:.1f}"
    yield f"notices that did not come within {LATEST_S} s", str(found.missing)


def main() -> None:
    parser = argparse.ArgumentParser(description="Memory and notices of idle IMAP connections under TLS.")
    parser.add_argument("--connections", type=int, default=5000)
    parser.add_argument("--deliveries", type=int, default=50)
    parser.add_argument("--check", action="store_true", help="print the table, leave docs/performance.md alone")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        most = {"PLI_LIMITS__CONNECTIONS": str(args.connections + 100)}
        server = PliServer(Path(folder) / "home", ["--insecure-loopback"], most)
        with server:
            accounts = ["account", "bulk", "--count", str(MAILBOXES), "--address", "box{n}@bench.example"]
            server.cli(*accounts, "--password", PASSWORD)
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                found = runner.run(measure(server, args))
    head = (
        f"{args.connections:,} connections, {MAILBOXES} mailboxes, {args.deliveries} mails of 4 KiB; {os.cpu_count()} "
    )
    head += f"cores, load {os.getloadavg()[0]:.0f}, client and server on them; {date.today():%Y-%m-%d}.\n\n"
    text = head + "| | |\n|---|---|\n" + "".join(f"| {name} | {value} |\n" for name, value in rows(found))
    print(text)
    if found.holding < args.connections:
        sys.exit("some connections did not hold")
    if not args.check:
        put_table("idle", "Idle connections", text)


if __name__ == "__main__":
    main()
