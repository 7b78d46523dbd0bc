"""One connection to another operator, by aiosmtplib: mutual TLS or nothing, and who answers must be listed.

Nothing about a mail is said before TLS stands, the certificate bears the server's name, and its distinguished name is
listed for the domain. There is no other way through this file.
"""

import re
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import aiosmtplib

from core.errors import BadInput
from crypto.tls import peer_identity
from directory.trusted import Dn, parse_dn
from mail.dsn_parameters import mail_words, recipient_words
from mail.edge import dn_text
from mail.envelope import Envelope
from mail.next_hop import Hop, NextHops, NoHop
from mail.relay_reasons import Reason

CONNECT_S = 30.0  # Postfix smtp_connect_timeout
COMMAND_S = 300.0  # RFC 5321 §4.5.3.2: five minutes for MAIL and RCPT
DATA_S = 600.0  # §4.5.3.2.6: ten minutes after the last dot
QUIT_S = 5.0
TEXT_CHARACTERS = 500  # of a peer's reply that are kept
_STATUS = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?:\s|$)")
_BARE = re.compile(rb"\r(?!\n)|(?<!\r)\n|\0")
_HIGH = re.compile(rb"[\x80-\xff]")


class Failed(Exception):
    """No connection, or it broke. What was to be sent was not taken."""

    def __init__(self, reason: Reason, reply: "Reply | None" = None) -> None:
        super().__init__(reason.value)
        self.reason = reason
        self.reply = reply


@dataclass(frozen=True, slots=True, repr=False)
class Reply:
    """What a peer said. `code` is "550 5.1.1"; `text` is its own sentence, for the sender only."""

    number: int
    code: str
    text: str


@dataclass(frozen=True, slots=True, repr=False)
class Result:
    """What became of the recipient at `place`: `reason` is None when the peer has taken it. `told`: the peer reports
    success itself (RFC 3461 §5.2)."""

    place: int
    reason: Reason | None
    reply: Reply | None = None
    told: bool = False


@dataclass(frozen=True)
class Dialler:
    """Opens connections. `listed(domain)`: the names that may answer for it; `tls()`: a fresh client context with our
    certificate; `helo`: our own name."""

    hops: NextHops
    listed: Callable[[str], Awaitable[frozenset[Dn]]]
    tls: Callable[[], ssl.SSLContext]
    helo: str

    async def dial(self, domain: str) -> "Connection":
        """The first server of the domain that answers as it must. Raises Failed with what the last one lacked."""
        names = await self.listed(domain)
        if not names:
            raise Failed(Reason.UNLISTED)
        try:
            hops = await self.hops.find(domain)
        except NoHop as error:
            raise Failed(error.reason) from None
        failure = Failed(Reason.UNREACHABLE)
        for hop in hops:
            for address in hop.addresses:
                try:
                    return await self._open(hop, address, names)
                except Failed as error:
                    failure = error
        raise failure

    async def _open(self, hop: Hop, address: str, names: frozenset[Dn]) -> "Connection":
        try:
            context = self.tls()
        except (OSError, ValueError):  # our own certificate or a list cannot be read
            raise Failed(Reason.LOCAL) from None
        client = aiosmtplib.SMTP(
            hostname=address,
            port=hop.port,
            local_hostname=self.helo,
            timeout=CONNECT_S,
            start_tls=False,
            tls_context=context,
        )
        try:
            await client.connect()
            await client.ehlo()
            if not client.supports_extension("starttls"):
                raise Failed(Reason.NO_STARTTLS)
            await client.starttls(server_hostname=hop.host)
            _check_name(client, names)
            await client.ehlo()  # RFC 3207 §4.2: what was said in clear counts no more
        except Failed:
            client.close()
            raise
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            secured = client.is_connected and client.get_transport_info("ssl_object") is not None
            client.close()
            raise _failure(error, secured=secured) from None
        return Connection(client)


class Connection:
    """An open, checked connection; mails go one after another."""

    def __init__(self, client: aiosmtplib.SMTP) -> None:
        self._client = client

    @property
    def is_open(self) -> bool:
        return self._client.is_connected

    async def send(self, envelope: Envelope, places: tuple[int, ...], raw: bytes) -> list[Result]:
        """One mail to the recipients at `places`; a result for each. Raises Failed when the connection breaks: then
        nobody has it, as far as can be known."""
        unfit = self._unfit(envelope, raw)
        if unfit is not None:
            return [Result(place, unfit) for place in places]
        try:
            return await self._send(envelope, places, raw)
        except (aiosmtplib.SMTPException, OSError) as error:
            self._client.close()
            raise _failure(error, secured=False) from None

    async def quit(self) -> None:
        """Good-bye, whatever the peer makes of it."""
        try:
            await self._client.quit(timeout=QUIT_S)
        except (aiosmtplib.SMTPException, OSError):
            self._client.close()

    def _has(self, extension: str) -> bool:
        return self._client.supports_extension(extension)

    def _unfit(self, envelope: Envelope, raw: bytes) -> Reason | None:
        """Why the peer cannot take these bytes as they are; they are never changed."""
        most = self._client.esmtp_extensions.get("size", "")
        if most.isdigit() and 0 < int(most) < len(raw):
            return Reason.TOO_LARGE
        if _BARE.search(raw):
            return Reason.MALFORMED
        if envelope.require_tls and not self._has("requiretls"):
            return Reason.REQUIRE_TLS
        if _needs_utf8(raw) and not self._has("smtputf8"):
            return Reason.UTF8
        return Reason.EIGHT_BIT if _HIGH.search(raw) and not self._has("8bitmime") else None

    async def _send(self, envelope: Envelope, places: tuple[int, ...], raw: bytes) -> list[Result]:
        said = await self._say(f"MAIL FROM:<{envelope.sender}>", *self._mail_options(envelope, raw))
        if said.number != 250:
            return await self._all(places, said)
        results: dict[int, Result] = {}
        for place in places:
            to = envelope.rcpts[place]
            options = recipient_words(to.wishes) if self._has("dsn") else []
            said = await self._say(f"RCPT TO:<{to.address}>", *options)
            if said.number not in (250, 251):
                results[place] = _refused(place, said)
        open_ = tuple(place for place in places if place not in results)
        if not open_:
            await self._reset()
        else:
            results |= {each.place: each for each in await self._data(open_, raw)}
        return [results[place] for place in places]

    async def _data(self, places: tuple[int, ...], raw: bytes) -> list[Result]:
        try:
            said = await self._client.data(raw, timeout=DATA_S)
        except aiosmtplib.SMTPDataError as error:
            return await self._all(places, _reply(error.code, error.message))
        told = self._has("dsn")
        return [Result(place, None, _reply(said.code, said.message), told) for place in places]

    async def _all(self, places: tuple[int, ...], said: Reply) -> list[Result]:
        await self._reset()
        return [_refused(place, said) for place in places]

    async def _reset(self) -> None:
        """Ready for the next mail; a peer that does not even take RSET is left."""
        if self._client.is_connected and (await self._say("RSET")).number != 250:
            self._client.close()

    def _mail_options(self, envelope: Envelope, raw: bytes) -> list[str]:
        words = [f"SIZE={len(raw)}"] if self._has("size") else []
        words += ["BODY=8BITMIME"] if self._has("8bitmime") and _HIGH.search(raw) else []
        words += ["SMTPUTF8"] if _needs_utf8(raw) else []
        words += ["REQUIRETLS"] if envelope.require_tls else []
        return words + (mail_words(envelope.wishes) if self._has("dsn") else [])

    async def _say(self, *words: str) -> Reply:
        said = await self._client.execute_command(*(word.encode("ascii") for word in words), timeout=COMMAND_S)
        return _reply(said.code, said.message)


def _check_name(client: aiosmtplib.SMTP, names: frozenset[Dn]) -> None:
    """The handshake has checked authority, revocation and host name; here the distinguished name. Raises Failed."""
    peer = peer_identity(client.get_transport_info("ssl_object"))
    shown = _readable(dn_text(peer.dn)) if peer else None
    if shown is None or shown not in names:
        raise Failed(Reason.CERTIFICATE)


def _readable(text: str) -> Dn | None:
    try:
        return parse_dn(text)
    except BadInput:
        return None


def _failure(error: Exception, *, secured: bool) -> Failed:
    if isinstance(error, ssl.SSLError) or isinstance(error.__cause__, ssl.SSLError) or secured:
        return Failed(Reason.TLS)
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return Failed(Reason.NOT_WELCOME, _reply(error.code, error.message))
    if isinstance(error, TimeoutError):
        return Failed(Reason.TIMEOUT)
    if isinstance(error, aiosmtplib.SMTPConnectError):
        return Failed(Reason.UNREACHABLE)
    return Failed(Reason.LOST)


def _refused(place: int, said: Reply) -> Result:
    """Anything but a clear 5yz is tried again."""
    return Result(place, Reason.PEER_REFUSED if 500 <= said.number < 600 else Reason.PEER_LATER, said)


def _reply(number: int, text: str) -> Reply:
    plain = "".join(char if char.isprintable() else " " for char in text)[:TEXT_CHARACTERS].strip()
    status = _STATUS.match(plain)
    return Reply(number, f"{number} {status[1]}" if status else str(number), plain)


def _needs_utf8(raw: bytes) -> bool:
    """A header block with octets above 127 is of RFC 6532."""
    end = raw.find(b"\r\n\r\n")
    return _HIGH.search(raw, 0, end if end >= 0 else len(raw)) is not None
