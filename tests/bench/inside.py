"""What one delivery costs inside the process, and where: `python -m tests.bench.inside [--messages 2000] [--profile]`.

The server's own connections, on transports that are no network: dialogue, reading, sealing and the commit train,
without sockets and without another process's share of the machine. CPU time, so that other work beside it weighs
little. Prints the best of some rounds; with --profile the functions that the event loop spends its time in.
"""

import argparse
import asyncio
import cProfile
import pstats
import tempfile
import time
from collections import deque
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import uvloop

from core.clock import SystemClock
from core.redact import configure_logging
from core.settings import Settings
from mail.edge import Edge
from mail.gate import Gate
from mail.incoming import Door
from mail.line import House
from ops.network import _house
from ops.serve import tune
from ops.wiring import build
from tests.bench.corpus import body
from tests.bench.smtp import USERS, PliTarget

PIECE = 64 * 1024
HEAD = (
    "From: Load <load@example.test>\r\nTo: Box <box@example.test>\r\nSubject: load test message\r\n"
    "Date: Mon, 01 Jun 2026 10:00:00 +0200\r\nMessage-ID: <{0}@example.test>\r\nMIME-Version: 1.0\r\n"
    "Content-Type: text/plain; charset=us-ascii\r\n\r\n"
)


class Client(asyncio.Transport):
    """One peer and the transport to it: each reply is answered with the next command on the loop's next turn."""

    def __init__(self, house: House, text: bytes, numbers: Any, last: int) -> None:
        super().__init__({"peername": ("127.0.0.1", 1)})
        self._text, self._numbers, self._last = text, numbers, last
        self._loop = asyncio.get_running_loop()
        self._steps = self._talk()
        self._unsaid: deque[bytes] = deque()
        self._paused = False
        self.over = self._loop.create_future()
        self.edge = Edge(house, Door.MX, Gate(9, 9), None, implicit=False)
        self.edge.connection_made(self)

    def _talk(self) -> Any:
        yield b"EHLO bench.example\r\n"
        while (number := next(self._numbers)) < self._last:
            yield b"MAIL FROM:<load@example.test>\r\n"
            yield b"RCPT TO:<box%d@bench.example>\r\n" % (number % USERS)
            yield b"DATA\r\n"
            yield HEAD.format(time.time_ns()).encode() + self._text + b".\r\n"
        yield b"QUIT\r\n"

    def write(self, data: Any) -> None:
        if data[:1] not in b"23":
            raise RuntimeError(data)
        self._loop.call_soon(self._answer)

    def _answer(self) -> None:
        said = next(self._steps, b"")
        self._unsaid += (said[at : at + PIECE] for at in range(0, len(said), PIECE))
        self._push()

    def _push(self) -> None:
        while self._unsaid and not self._paused:
            self.edge.data_received(self._unsaid.popleft())

    def is_closing(self) -> bool:
        return self.over.done()

    def close(self) -> None:
        if not self.over.done():
            self.over.set_result(None)

    def pause_reading(self) -> None:
        self._paused = True

    def resume_reading(self) -> None:
        self._paused = False
        self._loop.call_soon(self._push)


async def load(house: House, text: bytes, messages: int, connections: int) -> None:
    numbers = count()
    clients = [Client(house, text, numbers, messages) for _ in range(connections)]
    await asyncio.gather(*(client.over for client in clients))
    for client in clients:
        client.edge.connection_lost(None)


async def measure(home: Path, args: argparse.Namespace) -> None:
    app = build(Settings.load(home, insecure_loopback=True), SystemClock())
    run = partial(load, _house(app), body(args.size - 250, seed=1))
    await run(min(200, args.messages), args.connections)
    best = []
    for _ in range(args.rounds):
        whole, loop, profile = time.process_time(), time.thread_time(), cProfile.Profile(time.thread_time)
        if args.profile:
            profile.enable()
        await run(args.messages, args.connections)
        profile.disable()
        best.append((time.process_time() - whole, time.thread_time() - loop))
    whole, loop = (seconds * 1000 / args.messages for seconds in min(best))
    print(f"CPU ms a message: {whole:.3f}, of which the event loop {loop:.3f}")
    if args.profile:
        pstats.Stats(profile).sort_stats("tottime").print_stats(40)
    app.close()


def main() -> None:
    parser = argparse.ArgumentParser(description="CPU of a delivery, without sockets.")
    parser.add_argument("--messages", type=int, default=2000)
    parser.add_argument("--connections", type=int, default=20)
    parser.add_argument("--size", type=int, default=4096)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--profile", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as made:
        home = Path(made) / "pli"
        with PliTarget(home, {}):
            pass  # made, with the load's mailboxes
        with (Path(made) / "log").open("w") as log:
            configure_logging(True, log)
            tune()
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(measure(home, args))


if __name__ == "__main__":
    main()
