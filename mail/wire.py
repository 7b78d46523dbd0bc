"""What arrives on a connection: command lines or pieces of data, in bounded memory. A line ends with CRLF only.

Fed by the protocol's `data_received`, without asyncio's stream between: who waits for a line is woken when it is whole,
not for each octet of it. Reading from the socket pauses while more is here than anybody has taken.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from mail.replies import MailError

HIGH = 256 * 1024  # octets here that nobody has taken; the socket is not read meanwhile


class HungUp(ConnectionError):
    """The peer is gone."""


class TooLong(MailError):
    """The line is longer than may be; it is consumed."""

    def __init__(self) -> None:
        super().__init__(500, "5.5.2", "line too long")


class Tap(Protocol):
    """The part of a transport that stops and starts the flow."""

    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...


class Wire:
    """What was read too far can be given back."""

    def __init__(self, tap: Tap | None = None) -> None:
        self.tap = tap
        self._buffer = b""
        self._ended = False
        self._paused = False
        self._waiter: asyncio.Future[None] | None = None
        self._most: int | None = None  # octets of a line that somebody waits for; None: any piece will do
        self._partly: Callable[[], None] | None = None

    # --- from the network ------------------------------------------------------------------------------------------

    def feed(self, data: bytes) -> None:
        """More is here."""
        self._buffer = self._buffer + data if self._buffer else data
        if self._most is None or b"\n" in data or len(self._buffer) > self._most:
            self._wake()
        elif self._partly is not None:
            self._partly()
        if len(self._buffer) > HIGH and not self._paused and self.tap is not None:
            self._paused = True
            self.tap.pause_reading()

    def end(self) -> None:
        """Nothing more will come."""
        self._ended = True
        self._wake()

    # --- to the reader ---------------------------------------------------------------------------------------------

    @property
    def waiting(self) -> bool:
        """Octets are here that nobody has taken yet."""
        return bool(self._buffer)

    def ready_line(self, most: int) -> bytes | None:
        """The next line without its CRLF when it is here whole, else None. Raises MailError as `line`."""
        at = self._buffer.find(b"\n")
        return None if at < 0 else self._cut(at, most, fits=True)

    async def line(self, most: int, partly: Callable[[], None]) -> bytes:
        """The next line without its CRLF; `partly` is called when only a part of it is here.

        Raises TooLong, MailError for one that is not ended by CRLF alone (it is consumed), HungUp.
        """
        fits = True
        while (at := self._buffer.find(b"\n")) < 0:
            if len(self._buffer) > most:
                fits, self._buffer = False, b""
            if self._buffer or not fits:
                partly()
            await self._more(most, partly)
        return self._cut(at, most, fits=fits)

    def _cut(self, at: int, most: int, *, fits: bool) -> bytes:
        line, self._buffer = self._buffer[: at + 1], self._buffer[at + 1 :]
        if not fits or len(line) > most:
            raise TooLong
        if not line.endswith(b"\r\n") or line.count(b"\r") != 1 or b"\0" in line:
            raise MailError(500, "5.5.2", "lines end with CR LF; a bare CR, a bare LF or a NUL is refused")
        return line[:-2]

    async def piece(self) -> bytes:
        """Whatever is here, or comes next. Raises HungUp."""
        if not self._buffer:
            await self._more(None)
        data, self._buffer = self._buffer, b""
        return data

    def take_all(self) -> bytes:
        """Whatever is here, without waiting."""
        data, self._buffer = self._buffer, b""
        return data

    def give_back(self, data: bytes) -> None:
        """These octets come next again."""
        self._buffer = data + self._buffer

    async def _more(self, most: int | None, partly: Callable[[], None] | None = None) -> None:
        """Wait until more is here: for a line, until it may be whole."""
        if self._ended:
            raise HungUp
        if self._paused and self.tap is not None:
            self._paused = False
            with suppress(RuntimeError):  # it is closing
                self.tap.resume_reading()
        before = len(self._buffer)
        self._most, self._partly = most, partly
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter, self._most, self._partly = None, None, None
        if self._ended and len(self._buffer) == before:
            raise HungUp

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
