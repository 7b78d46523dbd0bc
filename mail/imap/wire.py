"""One connection's octets in and out, with bounded memory both ways.

A protocol of our own instead of streams: TLS starts on an empty buffer (nothing said in clear survives it, RFC 3501
§6.2.1), and an IDLE connection costs neither a task nor a timer of its own.
"""

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from typing import Any, cast

from core.errors import PliError
from mail.limits import COMMAND_WAIT_S

READ_AHEAD = 128 * 1024  # a client may pipeline so much, then we stop reading until it is worked off
HANDSHAKE_S = 30.0  # for the TLS handshake


class Closed(PliError):
    """The client is gone, or it does not read what it asked for."""


class Wire(asyncio.Protocol):
    """Reads in one task only; `poke` may be called at any time from the loop's thread."""

    def __init__(self, connected: Callable[["Wire"], None]) -> None:
        """`connected` is called once, when there is a peer."""
        self._connected = connected
        self._buffer = bytearray()
        self._waiter: asyncio.Future[None] | None = None
        self._drainer: asyncio.Future[None] | None = None
        self._poked = False
        self._paused = False
        self._blocked = False
        self._ended = False
        self.closed = False
        self.tls: ssl.SSLObject | None = None
        self.transport: asyncio.Transport = cast("asyncio.Transport", None)

    # --- what the loop calls -----------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._over(cast("asyncio.Transport", transport))
        self._connected(self)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if len(self._buffer) > READ_AHEAD and not self._paused:
            self._paused = True
            self.transport.pause_reading()
        self._wake()

    def eof_received(self) -> bool:
        self._ended = True
        self._wake()
        return self.tls is None  # what was asked before is still answered; TLS cannot half-close

    def connection_lost(self, _error: Exception | None) -> None:
        self.closed = True
        self._wake()
        self._flowing()

    def pause_writing(self) -> None:
        self._blocked = True

    def resume_writing(self) -> None:
        self._blocked = False
        self._flowing()

    # --- reading -----------------------------------------------------------------------------------------------------

    def take(self) -> bytes:
        """What has come since the last time; may be nothing."""
        octets = bytes(self._buffer)
        self._buffer.clear()
        if self._paused:
            self._paused = False
            self.transport.resume_reading()
        return octets

    async def some(self) -> bytes:
        """At least one octet. Raises Closed."""
        while not self._buffer:
            await self._more()
        return self.take()

    async def something(self) -> None:
        """Wait until octets are there or somebody pokes. Raises Closed."""
        while not self._buffer and not self._poked:
            await self._more()
        self._poked = False

    def poke(self) -> None:
        """End `something`, now or at its next call."""
        self._poked = True
        self._wake()

    async def _more(self) -> None:
        if self.closed or self._ended:
            raise Closed("the connection is closed")
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # --- writing -----------------------------------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """Queue octets; nothing happens on a closed connection."""
        if not self.closed:
            self.transport.write(data)

    async def drain(self) -> None:
        """Wait until the client has read most of what was queued. Raises Closed, also when it reads nothing at all."""
        if not self._blocked:
            if self.closed:
                raise Closed("the connection is closed")
            return
        self._drainer = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(COMMAND_WAIT_S):
                await self._drainer
        except TimeoutError:
            self.abort()
            raise Closed("the client does not read") from None
        finally:
            self._drainer = None
        if self.closed:
            raise Closed("the connection is closed")

    def _flowing(self) -> None:
        if self._drainer is not None and not self._drainer.done():
            self._drainer.set_result(None)

    # --- the connection ----------------------------------------------------------------------------------------------

    async def start_tls(self, context: ssl.SSLContext) -> None:
        """Begin TLS; what the client said in clear after its STARTTLS is thrown away. Raises Closed."""
        self._buffer.clear()
        loop = asyncio.get_running_loop()
        try:
            transport = await loop.start_tls(
                self.transport, self, context, server_side=True, ssl_handshake_timeout=HANDSHAKE_S
            )
        except (OSError, ssl.SSLError, TimeoutError) as error:
            raise Closed("TLS did not start", f"starttls: {type(error).__name__}") from None
        if transport is None:
            raise Closed("TLS did not start")
        self._over(transport)
        self._paused = self._blocked = False

    def _over(self, transport: asyncio.Transport) -> None:
        """Speak over this transport from now on; `tls` is its TLS session, None in clear."""
        self.transport = transport
        self.tls = cast("ssl.SSLObject | None", transport.get_extra_info("ssl_object"))

    @property
    def host(self) -> str:
        """The peer's address, for limits and for the loopback rule."""
        peer: Any = self.transport.get_extra_info("peername")
        return str(peer[0]) if isinstance(peer, tuple) and peer else ""

    def close(self) -> None:
        """Send what is queued, then close."""
        self.closed = True
        with contextlib.suppress(Exception):  # some loops raise when TLS is already gone
            self.transport.close()
        self._wake()

    def abort(self) -> None:
        """Close at once."""
        self.closed = True
        self.transport.abort()
        self._wake()
        self._flowing()
