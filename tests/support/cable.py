"""A cable between a client and a server that can be pulled: octets go both ways until somebody cuts."""

import asyncio
from contextlib import suppress

PIECE = 4096


class Cable:
    """`async with Cable(port) as cable`: connect to `cable.port`. `most`: octets from the server on one connection,
    then it is cut; None for no end."""

    def __init__(self, to: int) -> None:
        self.to, self.most, self.connections = to, None, 0
        self._ends: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> "Cable":
        self._server = await asyncio.start_server(self._joined, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._server.close()
        self.cut()

    def cut(self) -> None:
        """All connections, without a word to either side."""
        for end in self._ends:
            end.transport.abort()
        self._ends.clear()

    async def _joined(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        there, here = await asyncio.open_connection("127.0.0.1", self.to)
        self._ends |= {writer, here}
        await asyncio.gather(self._carry(reader, here, None), self._carry(there, writer, self.most))

    async def _carry(self, source: asyncio.StreamReader, end: asyncio.StreamWriter, most: int | None) -> None:
        carried = 0
        with suppress(OSError):
            while data := await source.read(PIECE):
                carried += len(data)
                if most is not None and carried > most:
                    self.cut()
                    return
                end.write(data)
                await end.drain()
        end.close()
