"""The IMAP listeners: who may connect, how many, and an orderly end. RFC 3501 §7.1, RFC 8314 §3.2."""

import asyncio
import ssl
from collections import Counter
from collections.abc import Callable, Collection

import structlog

from mail.auth import Identity
from mail.errands import all_ended
from mail.imap.conversation import Conversation
from mail.imap.services import Services
from mail.imap.session import Session
from mail.imap.wire import HANDSHAKE_S, Wire

BACKLOG = 512
GOODBYE_S = 5.0  # sessions get so long to end when the server closes

log = structlog.get_logger()


class ImapServer:
    """Takes connections and gives each a session. `tls` is for STARTTLS and for the listeners with implicit TLS."""

    def __init__(self, services: Services, tls: ssl.SSLContext | None = None) -> None:
        self._services = services
        self._tls = tls
        self._listeners: list[asyncio.Server] = []
        self._sessions: dict[Session, asyncio.Task[None]] = {}
        self._by_host: Counter[str] = Counter()

    async def listen(self, host: str, port: int, *, implicit_tls: bool = False) -> int:
        """Accept connections on this address; returns the port (port 0 takes a free one). Raises OSError."""
        loop = asyncio.get_running_loop()
        if implicit_tls:
            listener = await loop.create_server(
                lambda: Wire(self._arrived),
                host,
                port,
                backlog=BACKLOG,
                ssl=self._tls,
                ssl_handshake_timeout=HANDSHAKE_S,
            )
        else:
            listener = await loop.create_server(lambda: Wire(self._arrived), host, port, backlog=BACKLOG)
        self._listeners.append(listener)
        return int(listener.sockets[0].getsockname()[1])

    @property
    def count(self) -> int:
        """Open sessions."""
        return len(self._sessions)

    def dismiss_where(self, revoked: Callable[[bytes], bool]) -> int:
        """End the sessions whose client certificate (DER) is revoked by now; returns how many."""
        gone = 0
        for session in list(self._sessions):
            tls = session.wire.tls
            shown = tls.getpeercert(binary_form=True) if tls is not None else None
            if shown and revoked(shown):
                session.dismiss("your certificate is revoked")
                gone += 1
        return gone

    @property
    def present(self) -> set[Identity]:
        """Who has logged in."""
        return {session.identity for session in self._sessions if session.identity is not None}

    def dismiss(self, gone: Collection[Identity]) -> None:
        """End the sessions of these."""
        for session in [session for session in self._sessions if session.identity in gone]:
            session.dismiss("you have no access any more")

    async def close(self) -> None:
        """Stop listening, say BYE to everyone, wait until what was begun is ended."""
        for listener in self._listeners:
            listener.close()
        for session in list(self._sessions):
            session.dismiss("the server is closing, connect again later")
        if self._sessions:
            await asyncio.wait(set(self._sessions.values()), timeout=GOODBYE_S)
        for task in self._sessions.values():
            task.cancel()
        await all_ended()

    def _arrived(self, wire: Wire) -> None:
        """Runs for each new connection, under implicit TLS after the handshake."""
        host, options = wire.host, self._services.options
        if len(self._sessions) >= options.connections or self._by_host[host] >= options.connections_per_client:
            log.warning("imap.full", peer=host, sessions=len(self._sessions))
            wire.write(b"* BYE [LIMIT] too many connections, try again later\r\n")
            wire.close()
            return
        session = Session(wire, self._services, self._tls)
        self._by_host[host] += 1
        task = asyncio.get_running_loop().create_task(Conversation(session).run())
        self._sessions[session] = task
        task.add_done_callback(lambda done: self._left(session, host, done))

    def _left(self, session: Session, host: str, done: "asyncio.Task[None]") -> None:
        self._sessions.pop(session, None)
        self._by_host[host] -= 1
        if not self._by_host[host]:
            del self._by_host[host]
        if not done.cancelled() and (error := done.exception()) is not None:
            log.error("imap.session_failed", exc_info=error)
