"""What the verbs see of a connection: who is there, what it said, a way to answer."""

import ssl
from dataclasses import dataclass
from typing import Protocol

from mail.auth import Authenticator, Identity
from mail.incoming import Door, Peer
from mail.limits import MESSAGE_OCTETS, RECIPIENTS
from mail.reception import Reception
from mail.wire import Wire


@dataclass(frozen=True, slots=True)
class House:
    """What every connection shares. `postmaster`: who is meant without a domain. `session_s`: seconds one may last."""

    reception: Reception
    authenticator: Authenticator
    host: str
    postmaster: str
    message_octets: int = MESSAGE_OCTETS
    recipients: int = RECIPIENTS
    failed_logins: int = 5
    session_s: float = 4 * 3600.0
    insecure_loopback: bool = False


class Line(Protocol):
    """`junk` counts commands that move no mail; `identity` has logged in. Times are the event loop's, in seconds."""

    house: House
    door: Door
    peer: Peer
    wire: Wire
    starttls: ssl.SSLContext | None
    junk: int
    identity: Identity | None

    @property
    def trusted_clear(self) -> bool:
        """A load tool on this very machine, where the demo allows it."""
        ...

    def say(self, *lines: str) -> None:
        """Reply lines; they leave when the peer has to wait for them."""

    def goodbye(self, code: int, enhanced: str, public: str) -> None:
        """The last reply."""

    def introduce(self, helo: str, *, extended: bool) -> None:
        """What the peer calls itself."""

    def served(self) -> None:
        """A mail went through: errors and idle commands count anew."""

    def now(self) -> float:
        """The time."""
        ...

    def patience(self, seconds: float) -> None:
        """How long we wait from now on; infinite while it is our turn."""

    def wait_until(self, deadline: float) -> None:
        """The time at which patience ends."""

    async def flush(self) -> None:
        """Let the replies go."""

    async def line(self, most: int) -> bytes:
        """The next command line or answer. Raises MailError, HungUp."""
        ...

    async def start_tls(self) -> None:
        """The handshake; nothing said before it is known after it. Raises ConnectionError."""
