"""A whole SMTP session on a transport that is no network, with a reception that keeps nothing."""

import asyncio
import re
from typing import Any

from core.address import Address
from core.clock import FakeClock
from mail.auth import Identity
from mail.deliver import Receipt
from mail.edge import Edge
from mail.gate import Gate
from mail.incoming import Door, Incoming
from mail.line import House
from mail.recipients import Recipient

REPLY = re.compile(rb"(?:220[ -].*|250[ -].*|334 .*|[2-5]\d\d [245]\.\d\.\d{1,2} [ -~]*|354 .*)\r\n")


class Pipe(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1)})
        self.written = bytearray()
        self.closed = False

    def write(self, data: Any) -> None:
        self.written += data

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...


class Spooled:
    """A body that is kept nowhere."""

    def write(self, data: bytes) -> None: ...
    def discard(self) -> None: ...
    def finish(self) -> "Spooled":
        return self


class Anything:
    """A reception that takes every mail, and an authenticator that knows nobody."""

    clock = FakeClock()
    takes_tokens = True

    def spool(self) -> Spooled:
        return Spooled()

    async def sender(self, _mail: Incoming) -> None: ...

    async def recipient(self, _mail: Incoming, address: Address) -> Recipient:
        return Recipient(address, b"", True)

    async def message(self, _mail: Incoming, _body: Spooled) -> Receipt:
        return Receipt(1)

    async def password(self, *_given: str) -> Identity | None:
        return None

    async def certificate(self, *_given: str) -> Identity | None:
        return None

    async def bearer(self, *_given: object) -> Identity | None:
        return None


async def talk(octets: bytes) -> None:
    """Raises AssertionError when the answer is not made of replies, or says that something of ours broke."""
    anything: Any = Anything()
    house = House(anything, anything, "localhost", "postmaster@cabinet.example", insecure_loopback=True)
    door = Door.SUBMISSION if octets[:1] > b"E" else Door.MX
    edge, pipe = Edge(house, door, Gate(9, 9), None, implicit=False), Pipe()
    edge.connection_made(pipe)
    handler: Any = edge._handler_coroutine
    step = max(1, len(octets) // 7)
    for at in range(0, len(octets), step):
        edge.data_received(octets[at : at + step])
        await asyncio.sleep(0)
    edge.eof_received()
    await asyncio.wait_for(handler, 60)
    edge.connection_lost(None)
    said = bytes(pipe.written)
    assert said.startswith(b"220 ") and not REPLY.sub(b"", said), said[-300:]
    assert b"451 4.3.0 local error" not in said, said[-300:]
