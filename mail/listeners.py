"""The listening sockets of SMTP: mail from other operators, submission with STARTTLS, submission over TLS."""

import asyncio
import logging
import ssl
from collections.abc import Callable, Collection
from dataclasses import dataclass
from weakref import WeakSet

from mail.auth import Identity
from mail.edge import Edge
from mail.errands import all_ended
from mail.gate import Gate
from mail.incoming import Door
from mail.line import House

# The library logs recipients on a child of our own logger `mail`.
logging.getLogger("mail.log").setLevel(logging.WARNING)

BACKLOG = 512


@dataclass(frozen=True, slots=True)
class Socket:
    """Where to listen; port 0 takes any. `tls` is None only where the demo's load tools come without."""

    door: Door
    host: str
    port: int
    tls: ssl.SSLContext | None
    implicit: bool = False


class Listeners:
    """Starts and stops the listeners; each has its own count of connections."""

    def __init__(self, house: House, connections: int, connections_per_client: int) -> None:
        self._house = house
        self._most = (connections, connections_per_client)
        self._servers: list[asyncio.Server] = []
        self._open: WeakSet[Edge] = WeakSet()

    async def start(self, where: Socket) -> int:
        """Listen; returns the port. Raises OSError when it is taken."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            self._factory(where),
            where.host,
            where.port,
            backlog=BACKLOG,
            reuse_address=True,
        )
        self._servers.append(server)
        port: int = server.sockets[0].getsockname()[1]
        return port

    def dismiss_where(self, revoked: Callable[[bytes], bool]) -> int:
        """End the sessions whose client certificate (DER) is revoked by now; returns how many."""
        gone = [edge for edge in self._open if (shown := edge.certificate) and revoked(shown)]
        for edge in gone:
            edge.dismiss("your certificate is revoked")
        return len(gone)

    @property
    def present(self) -> set[Identity]:
        """Who has logged in."""
        return {edge.identity for edge in self._open if edge.identity is not None}

    def dismiss(self, gone: Collection[Identity]) -> None:
        """End the sessions of these."""
        for edge in [edge for edge in self._open if edge.identity in gone]:
            edge.dismiss("you have no access any more")

    async def stop(self) -> None:
        """Take no more connections, and let end what has begun."""
        for server in self._servers:
            server.close()
        self._servers.clear()
        await all_ended()

    def _factory(self, where: Socket) -> Callable[[], Edge]:
        gate = Gate(*self._most)

        def arrived() -> Edge:
            edge = Edge(self._house, where.door, gate, where.tls, implicit=where.implicit)
            self._open.add(edge)
            return edge

        return arrived
