"""The LDAP listener: sockets, TLS and limits; what is asked is answered by `directory.ldap.session`."""

import asyncio
import ssl
from contextlib import suppress
from dataclasses import dataclass

import structlog

from directory.ldap import ber
from directory.ldap import messages as m
from directory.ldap.ber import BadBer
from directory.ldap.session import Door, Session

READ_OCTETS = 16 * 1024
IDLE_S = 300.0
BACKLOG = 128

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Limits:
    """Connections at a time: in all, and from one address."""

    connections: int
    per_client: int


class LdapServer:
    """Listens in the clear with StartTLS, and by TLS from the first octet."""

    def __init__(self, door: Door, tls: ssl.SSLContext, limits: Limits) -> None:
        self._door = door
        self._tls = tls
        self._limits = limits
        self._servers: list[asyncio.Server] = []
        self._open: dict[asyncio.StreamWriter, str] = {}

    async def listen(self, host: str, port: int, *, implicit_tls: bool = False) -> int:
        """Listen; returns the port, which is chosen for 0. Raises OSError."""
        context = self._tls if implicit_tls else None

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._serve(reader, writer, secure=implicit_tls)

        server = await asyncio.start_server(serve, host, port, ssl=context, limit=READ_OCTETS, backlog=BACKLOG)
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Take nothing new and hang up."""
        for server in self._servers:
            server.close()
        for writer in list(self._open):
            writer.write(m.goodbye(m.UNAVAILABLE, "the server stops"))
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, secure: bool) -> None:
        peer = str((writer.get_extra_info("peername") or ("",))[0])
        same = sum(one == peer for one in self._open.values())
        self._open[writer] = peer
        try:
            if len(self._open) > self._limits.connections or same >= self._limits.per_client:
                writer.write(m.goodbye(m.BUSY, "too many connections"))
            else:
                await self._talk(reader, writer, Session(self._door, peer, secure=secure))
        except (ConnectionError, TimeoutError, ssl.SSLError):
            pass
        except Exception:
            log.exception("ldap.failed")
        finally:
            del self._open[writer]
            with suppress(Exception):
                await writer.drain()
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, session: Session) -> None:
        held = b""
        while True:
            try:
                size = ber.message_size(held)
                message = m.read(held[:size]) if size is not None and len(held) >= size else None
            except BadBer:
                writer.write(m.goodbye(m.PROTOCOL_ERROR, "not an LDAP message that is understood"))
                return
            if message is None:
                more = await asyncio.wait_for(reader.read(READ_OCTETS), IDLE_S)
                if not more:
                    return
                held += more
                continue
            held = held[size:]
            if message.request is None:
                return
            if isinstance(message.request, m.Extended) and message.request.oid == m.START_TLS:
                if held:  # whatever was said in the clear must not be taken for what is said under TLS
                    writer.write(m.goodbye(m.PROTOCOL_ERROR, "data after StartTLS"))
                    return
                if await self._start_tls(writer, session, message.id):
                    continue
                continue
            for part in await session.answer(message):
                writer.write(part)
            await writer.drain()
            if session.is_over:
                return

    async def _start_tls(self, writer: asyncio.StreamWriter, session: Session, number: int) -> bool:
        """RFC 4511 §4.14: never twice; the client is nobody again."""
        if session.secure:
            writer.write(m.answer(number, m.EXTENDED_ANSWER, m.OPERATIONS_ERROR, "TLS is on already"))
            await writer.drain()
            return False
        name = ber.octets(m.START_TLS, 0x8A)
        writer.write(m.answer(number, m.EXTENDED_ANSWER, m.SUCCESS, extra=name))
        await writer.drain()
        await writer.start_tls(self._tls)
        session.secured()
        return True
