"""One SMTP connection: reads commands, says replies, keeps time and count. What a verb means is in `mail.verbs`.

aiosmtpd gives the connection its beginning (session, task, timer handle); its command loop, streams, replies and DATA
reader are not used. A peer that hangs up ends what the handler reads, and never cancels what it has begun: a commit is
always ended. Replies to pipelined commands leave together (RFC 2920). No exception's text ever reaches the peer.
"""

import asyncio
import math
import ssl
from typing import Any, cast

import structlog
from aiosmtpd.smtp import SMTP

from core.errors import PliError
from core.value import replace
from crypto.tls import peer_identity
from mail.auth import Identity
from mail.data_reader import Flood
from mail.gate import Gate
from mail.incoming import Door, Peer
from mail.limits import COMMAND_LINE, COMMAND_WAIT_S, HARD_ERRORS, IMAP_AUTH_LINE, JUNK_COMMANDS
from mail.line import House
from mail.replies import LOCAL_ERROR, MailError, to_mail_error
from mail.smtp_line import split_command
from mail.stages.client_certificate import is_loopback
from mail.verbs import Verbs
from mail.wire import Wire

HURRY_S = 30.0  # for the rest of a line once it has begun, and for a TLS handshake: slow-loris is gone within a minute
# RFC 2920 §3.1: nothing may follow these before their reply; who does it takes us for something else, or is attacking.
LAST_IN_GROUP = frozenset({"EHLO", "HELO", "DATA", "STARTTLS", "AUTH", "VRFY"})
FORBIDDEN = frozenset({"GET", "POST", "PUT", "HEAD", "CONNECT", "OPTIONS"})  # a web page that talks to our port

log = structlog.get_logger()


class Edge(SMTP):
    """One connection from the greeting to the end."""

    def __init__(self, house: House, door: Door, gate: Gate, tls: ssl.SSLContext | None, *, implicit: bool) -> None:
        """`tls` is offered by STARTTLS, unless the connection is `implicit` TLS from the start."""
        loop = asyncio.get_running_loop()
        super().__init__(object(), hostname=house.host, timeout=COMMAND_WAIT_S, loop=loop)
        self.house = house
        self.door = door
        self.starttls = tls
        self.wire = Wire()
        self._implicit = implicit
        self._out: asyncio.WriteTransport | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self.peer = Peer("")
        self.identity: Identity | None = None
        self._gate = gate
        self._entered = False
        self._said: list[str] = []
        self._deadline = math.inf
        self._errors = 0
        self.junk = 0
        self._over = False
        self._farewell = ""  # why the server ends the session

    # --- the connection's life -------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The handler begins on the loop's next turn; no octet of a TLS handshake may be taken before."""
        self._carry(transport)
        if self._implicit and self.wire.tap is not None:
            self.wire.tap.pause_reading()
        super().connection_made(transport)

    def pause_writing(self) -> None:
        """The peer does not read: its replies wait."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """It reads again."""
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        """From the transport, in clear or out of TLS."""
        self.wire.feed(data)

    def eof_received(self) -> bool:
        """The peer says no more; what it has said is still answered."""
        self.wire.end()
        return self.starttls is not None  # TLS knows no half of a connection

    def connection_lost(self, error: Exception | None) -> None:
        """The handler finds that nobody is there."""
        if self._entered:
            self._gate.leave(self.peer.address)
            self._entered = False
        if self._timeout_handle is not None:
            self._timeout_handle.cancel()
        self.wire.end()
        self.transport = self._out = None
        self._writable.set()
        super(SMTP, self).connection_lost(error)  # not aiosmtpd's: it cancels the handler

    async def _handle_client(self) -> None:
        """Replaces aiosmtpd's command loop."""
        self.peer = self._met()
        verbs = Verbs(self)
        try:
            await self._enter()
            while not (self._over or self._farewell):
                await self._turn(verbs)
        except ConnectionError as error:
            if isinstance(error, Flood):
                log.warning("smtp.flood", peer=self.peer.address)
        finally:
            verbs.forget_mail()
            if self._farewell:
                self.goodbye(421, "4.7.0", self._farewell)
            await self._close()

    def dismiss(self, public: str) -> None:
        """The server ends the session, from outside its task; what is being kept is kept and acknowledged first."""
        self._farewell = public
        self.wire.end()
        self._writable.set()

    async def _enter(self) -> None:
        """Counted first: a handshake costs us more than it costs them. Raises HungUpOnThem."""
        self._born = self.loop.time()
        if not self._gate.enter(self.peer.address):
            log.warning("smtp.too_many_connections", peer=self.peer.address)
            if self._implicit:  # nothing can be said in clear there
                raise HungUpOnThem
            return self.goodbye(421, "4.7.0", "too many connections, try again later")
        self._entered = True
        if self._implicit:
            await self.start_tls()
        return self.say(f"220 {self.house.host} ESMTP")

    async def _turn(self, verbs: Verbs) -> None:
        """One command and its reply; errors become replies."""
        try:
            command, argument = split_command(await self._command())
            self._check_order(command)
            await verbs.do(command, argument)
        except ConnectionError:
            raise
        except Exception as error:
            if not isinstance(error, PliError):
                log.exception("smtp.failed", peer=self.peer.address)
            refusal = to_mail_error(error) if isinstance(error, PliError) else LOCAL_ERROR
            self.say(refusal.reply)
        self._count()

    async def _command(self) -> bytes:
        """The next command line; an access token may come with AUTH (RFC 4954 §4: 12,288 octets)."""
        may_be_auth = self.door is Door.SUBMISSION and self.peer.helo != ""
        line = await self.line(IMAP_AUTH_LINE if may_be_auth else COMMAND_LINE)
        if len(line) > COMMAND_LINE and line[:5].upper() != b"AUTH ":
            raise MailError(500, "5.5.2", "line too long")
        return line

    def _check_order(self, command: str) -> None:
        if self.loop.time() - self._born > self.house.session_s:
            self.goodbye(421, "4.7.0", "the session has lasted too long")
            raise HungUpOnThem
        if command in FORBIDDEN or (command in LAST_IN_GROUP and self.wire.waiting):
            log.warning("smtp.out_of_step", peer=self.peer.address)
            self.goodbye(554, "5.5.0", "protocol synchronisation error")
            raise HungUpOnThem

    def _count(self) -> None:
        if self._errors > HARD_ERRORS or self.junk > JUNK_COMMANDS:
            log.warning("smtp.nuisance", peer=self.peer.address)
            self.goodbye(421, "4.7.0", "too many errors or idle commands")

    async def _close(self) -> None:
        """Say what is left to say, then hang up."""
        self._over = True
        if self._out is not None:
            self._write()
            self._out.close()
            self.patience(HURRY_S)  # to take the last words

    # --- talking ---------------------------------------------------------------------------------------------------

    def say(self, *lines: str) -> None:
        """Reply lines; they leave when the peer has to wait for them."""
        self._errors += lines[-1].startswith("5")
        self._said += lines

    def goodbye(self, code: int, enhanced: str, public: str) -> None:
        """The last reply."""
        self.say(MailError(code, enhanced, public).reply)
        self._over = True

    def served(self) -> None:
        """A mail went through: errors and idle commands count anew, as they do at Postfix. Another operator that keeps
        its connection is no nuisance for a few unknown recipients among many mails."""
        self.junk = self._errors = 0

    async def line(self, most: int) -> bytes:
        """The next command line or answer. Raises MailError, HungUp."""
        here = self.wire.ready_line(most)
        if here is not None:
            return here
        await self.flush()
        self.patience(COMMAND_WAIT_S)
        try:
            return await self.wire.line(most, self._hurry)
        finally:
            self._deadline = math.inf

    async def flush(self) -> None:
        """Let the replies go."""
        if self._said:
            self._write()
            if not self._writable.is_set():
                self.patience(COMMAND_WAIT_S)  # who reads nothing is not waited for longer than who says nothing
                await self._writable.wait()
                self.patience(math.inf)

    def _write(self) -> None:
        if self._said and self._out is not None and not self._out.is_closing():
            self._out.write("".join(f"{line}\r\n" for line in self._said).encode("ascii", "replace"))
        self._said.clear()

    # --- time ------------------------------------------------------------------------------------------------------

    def now(self) -> float:
        """The event loop's time."""
        return self.loop.time()

    def patience(self, seconds: float) -> None:
        """How long we wait from now on; infinite while it is our turn."""
        self._deadline = self.loop.time() + seconds

    def _hurry(self) -> None:
        self._deadline = min(self._deadline, self.loop.time() + HURRY_S)

    def wait_until(self, deadline: float) -> None:
        """The loop time at which patience ends."""
        self._deadline = deadline

    def _reset_timeout(self, duration: float | None = None) -> None:
        """aiosmtpd's timer: one that looks at the deadline when it wakes, instead of one armed for each command."""
        if self._timeout_handle is not None:
            self._timeout_handle.cancel()
        self._timeout_handle = self.loop.call_later(duration or HURRY_S / 6, self._timeout_cb)

    def _timeout_cb(self) -> None:
        if self.loop.time() < self._deadline:
            return self._reset_timeout()
        if self._out is None:
            return None
        log.info("smtp.timeout", peer=self.peer.address)
        if self._over or not self._writable.is_set():  # it does not even read
            return self._out.abort()
        self.goodbye(421, "4.4.2", "timeout, closing the connection")
        self._write()
        self._out.close()
        self.patience(HURRY_S)
        return self._reset_timeout()

    # --- who and how -----------------------------------------------------------------------------------------------

    async def start_tls(self) -> None:
        """The handshake, and nothing said before it is known after it. RFC 3207 §4.2. Raises HungUpOnThem."""
        if self.starttls is None:
            raise MailError(502, "5.5.1", "STARTTLS is not offered")
        await self.flush()
        if self.wire.waiting and not self._implicit:
            raise HungUpOnThem  # said in clear behind STARTTLS
        if self._out is None:
            raise HungUpOnThem
        context, self.starttls = self.starttls, None
        try:
            secured = await self._secured(self._out, context)
        except (TimeoutError, OSError) as error:
            log.info("smtp.tls_failed", peer=self.peer.address, cause=type(error).__name__)
            raise HungUpOnThem from None
        if secured is None:  # it was closed meanwhile
            raise HungUpOnThem
        self._carry(secured)
        self.peer = self._met()

    async def _secured(self, raw: Any, context: ssl.SSLContext) -> Any:
        """The handshake. uvloop reads as soon as `connection_made` returns, whatever it was told there: what a quick
        client has said by then is handed to TLS, or its handshake would never end."""
        begun = asyncio.ensure_future(
            self.loop.start_tls(raw, self, context, server_side=True, ssl_handshake_timeout=HURRY_S)
        )
        await asyncio.sleep(0)  # the transport speaks to TLS now
        await asyncio.sleep(0)  # and TLS knows it
        early = self.wire.take_all()
        if early and not begun.done():
            tls = raw.get_protocol()
            tls.get_buffer(len(early))[: len(early)] = early
            tls.buffer_updated(len(early))
        return await begun

    def _carry(self, transport: asyncio.BaseTransport) -> None:
        """From now on by this transport."""
        carrier = cast("asyncio.Transport", transport)
        self.transport = self._out = self.wire.tap = carrier

    @property
    def certificate(self) -> bytes:
        """What the client showed, DER; empty where it showed none."""
        secured = self._secure
        return (secured.getpeercert(binary_form=True) if secured is not None else None) or b""

    @property
    def _secure(self) -> ssl.SSLObject | None:
        return self._out.get_extra_info("ssl_object") if self._out else None

    def _met(self) -> Peer:
        """The peer, as far as the connection itself tells."""
        name = (self._out.get_extra_info("peername") if self._out else None) or ("",)
        secured = self._secure
        if secured is not None and self.session is not None:
            self.session.ssl = {"sslcontext": secured.context}  # aiosmtpd only asks whether it is set
        shown = peer_identity(secured)
        text = dn_text(shown.dn) if shown else ""
        return Peer(
            str(name[0]),
            tls=secured is not None,
            certificate_dn=text,
            certificate_sha256=shown.sha256 if shown else "",
        )

    def introduce(self, helo: str, *, extended: bool) -> None:
        """What the peer calls itself."""
        self.peer = replace(self.peer, helo=helo, extended=extended)

    @property
    def trusted_clear(self) -> bool:
        """A load tool on this very machine, where the demo allows it."""
        return self.house.insecure_loopback and is_loopback(self.peer.address)


class HungUpOnThem(ConnectionError):
    """We end the connection; what is left to say is said."""


def dn_text(dn: frozenset[tuple[str, str]]) -> str:
    """A certificate's name as RFC 4514 text, attributes by their dotted numbers."""
    return ",".join(f"{oid}={_escaped(value)}" for oid, value in sorted(dn))


def _escaped(value: str) -> str:
    return "".join("\\" + char if char in ',+"\\<>;=#' else char for char in value)
