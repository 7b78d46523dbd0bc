"""A good client's mail while many connections trickle: `python -m tests.bench.trickle [--connections 1000]`.

Each trickling connection sends one octet a second, half of them inside a command line, half inside DATA. They come from
twenty loopback addresses, since one client may have fifty connections only. The good client sends mail after mail over
one connection; reported is the time from MAIL to the last reply, without and with the others. Writes the table into
docs/performance.md between its markers, unless --check.
"""

import argparse
import asyncio
import contextlib
import os
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

from tests.bench.smtp import ROOT
from tests.support.pli_server import PliServer

PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- trickle:begin -->", "<!-- trickle:end -->"
PASSWORD, BOX = "bench-password", "box0@bench.example"
MAILS = 200
PER_ADDRESS = 50
MESSAGE = (
    b"From: <load@example.test>\r\nSubject: x\r\n\r\n" + b"a line of a message, like many others\r\n" * 100 + b".\r\n"
)


async def connect(port: int, source: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))
    greeting = await reader.readline()
    if not greeting.startswith(b"220"):
        raise ConnectionError(greeting.decode())
    return reader, writer


async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, text: bytes) -> bytes:
    writer.write(text)
    line = b"   -"
    while line[3:4] == b"-":
        line = await reader.readline()
    return line


async def trickle(port: int, number: int, begun: asyncio.Semaphore) -> None:
    """One octet a second, for ever: never a whole line, or never the end of the data."""
    async with begun:
        reader, writer = await connect(port, f"127.0.1.{1 + number // PER_ADDRESS}")
        if number % 2:
            for line in (
                b"EHLO a\r\n",
                b"MAIL FROM:<a@example.test>\r\n",
                b"RCPT TO:<box0@bench.example>\r\n",
                b"DATA\r\n",
            ):
                await say(reader, writer, line)
    with contextlib.suppress(ConnectionError):
        while True:
            writer.write(b"x" if number % 2 else b"N")
            await writer.drain()
            await asyncio.sleep(1)


async def good(port: int) -> list[float]:
    """Milliseconds of each mail."""
    reader, writer = await connect(port, "127.0.0.1")
    await say(reader, writer, b"EHLO good.example\r\n")
    taken = []
    for _ in range(MAILS):
        at = time.perf_counter()
        for line in (b"MAIL FROM:<load@example.test>\r\n", f"RCPT TO:<{BOX}>\r\n".encode(), b"DATA\r\n"):
            await say(reader, writer, line)
        answer = await say(reader, writer, MESSAGE)
        taken.append((time.perf_counter() - at) * 1000)
        if not answer.startswith(b"250"):
            raise RuntimeError(answer.decode())
    writer.close()
    return taken


@contextlib.asynccontextmanager
async def trickling(port: int, count: int) -> AsyncIterator[int]:
    """So many of them, begun; gives how many still hold."""
    begun = asyncio.Semaphore(50)
    tasks = [asyncio.ensure_future(trickle(port, number, begun)) for number in range(count)]
    await asyncio.sleep(5)
    try:
        yield sum(not task.done() for task in tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def measure(port: int, count: int) -> str:
    await good(port)
    rows = [("alone", await good(port))]
    async with trickling(port, count) as held:
        rows.append((f"beside {held} that trickle", await good(port)))
    lines = ["| A good client | p50 ms | p95 ms |", "|---|---|---|"]
    for name, taken in rows:
        lines.append(f"| {name} | {statistics.median(taken):.1f} | {statistics.quantiles(taken, n=20)[18]:.1f} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--connections", type=int, default=1000)
    parser.add_argument("--check", action="store_true", help="print the table, leave docs/performance.md alone")
    args = parser.parse_args()
    env = {"PLI_LIMITS__CONNECTIONS": str(args.connections + 10)}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        server = PliServer(Path(folder) / "home", ["--insecure-loopback"], env)
        server.start()
        try:
            server.cli("account", "bulk", "--count", "1", "--address", "box{n}@bench.example", "--password", PASSWORD)
            text = f"{MAILS} mails of 4 KiB, one after the other; {os.cpu_count()} cores.\n\n"
            text += asyncio.run(measure(server.port("mx"), args.connections))
        finally:
            server.stop()
    print(text)
    if not args.check:
        before, _, rest = PAGE.read_text().partition(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}\n{text}{END}{rest.partition(END)[2]}")


if __name__ == "__main__":
    main()
