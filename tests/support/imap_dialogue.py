"""Plays `.imap` dialogues over real sockets, and a small raw client for tests that need one.

# RFC 3501 §6.1.1: a comment, with the section on top
c: a LOGIN lea@cabinet.example "secret"     the client says a line
c+: {5}\\r\\nabc                               raw octets with escapes, no line end added
s: a OK *                                    exactly this line; after the first "* ", a star stands for anything
s~: a OK *                                   untagged lines are passed over until this one comes
s: <closed>                                  the server closes
tls:                                         the client starts TLS
mail: plain                                  a message of `MAILS` is delivered into INBOX
2c: / 2s: / 2s~: / 2tls:                     the same on a second connection (and 3…)
"""

import asyncio
import re
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

WAIT_S = 60
_LINE = re.compile(r"(\d?)(c\+|c|s~|s|tls|mail):(?: (.*)|)$")


@dataclass(frozen=True)
class Step:
    number: int  # of the line in the file
    who: int
    verb: str
    text: str


def read_dialogue(path: Path) -> list[Step]:
    """The steps of a file. Raises ValueError on a line that is neither step, comment nor blank."""
    steps = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        found = _LINE.fullmatch(line)
        if not found:
            raise ValueError(f"{path.name}:{number}: no step")
        steps.append(Step(number, int(found[1] or 1), found[2], found[3] or ""))
    return steps


class RawClient:
    """A connection that says exactly what it is told. Lines come without their end, literals as lines of their own."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def connect(cls, port: int, tls: ssl.SSLContext | None = None) -> "RawClient":
        name = "localhost" if tls else None
        return cls(*await asyncio.open_connection("127.0.0.1", port, ssl=tls, server_hostname=name, limit=1 << 25))

    async def send(self, data: bytes | str) -> None:
        self.writer.write(data.encode() if isinstance(data, str) else data)
        await self.writer.drain()

    async def line(self) -> str:
        """The next line; "<closed>" at the end."""
        async with asyncio.timeout(WAIT_S):
            try:
                data = await self.reader.readline()
            except ConnectionError:
                data = b""
        return data.decode("utf-8", "surrogateescape").removesuffix("\n").removesuffix("\r") if data else "<closed>"

    async def command(self, text: str | bytes, tag: str = "x") -> list[str]:
        """Send one command; all lines of its answer, the tagged one last."""
        line = text.encode() if isinstance(text, str) else text
        await self.send(f"{tag} ".encode() + line + b"\r\n")
        return await self.answer(tag)

    async def answer(self, tag: str) -> list[str]:
        """Lines up to the tagged one (or the closing)."""
        lines = [await self.line()]
        while not lines[-1].startswith(f"{tag} ") and lines[-1] != "<closed>":
            lines.append(await self.line())
        return lines

    async def start_tls(self, context: ssl.SSLContext) -> None:
        await self.writer.start_tls(context, server_hostname="localhost")

    async def close(self) -> None:
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except (ConnectionError, ssl.SSLError):
            pass


class Dialogue:
    """Plays the steps of one file against a server."""

    def __init__(self, port: int, tls: ssl.SSLContext, deliver: Callable[[str], Awaitable[None]]) -> None:
        self.port, self.tls, self.deliver = port, tls, deliver
        self.clients: dict[int, RawClient] = {}

    async def play(self, path: Path) -> None:
        """Raises AssertionError that names the line of the file."""
        try:
            for step in read_dialogue(path):
                await self._step(step, f"{path.name}:{step.number}")
        finally:
            for client in self.clients.values():
                await client.close()

    async def _step(self, step: Step, where: str) -> None:
        if step.verb == "mail":
            return await self.deliver(step.text)
        if step.who not in self.clients:
            self.clients[step.who] = await RawClient.connect(self.port)
        client = self.clients[step.who]
        if step.verb == "tls":
            await client.start_tls(self.tls)
        elif step.verb == "c":
            await client.send(step.text + "\r\n")
        elif step.verb == "c+":
            await client.send(step.text.encode().decode("unicode_escape").encode("latin-1"))
        else:
            await _expect(client, step.text, where, passing=step.verb == "s~")


async def _expect(client: RawClient, pattern: str, where: str, *, passing: bool) -> None:
    wanted = _pattern(pattern)
    line = await client.line()
    while passing and line.startswith("* ") and not wanted.fullmatch(line):
        line = await client.line()
    assert wanted.fullmatch(line), f"{where}: expected {pattern!r}, got {line!r}"


def _pattern(text: str) -> re.Pattern[str]:
    head = "* " if text.startswith("* ") else ""
    rest = ".*".join(re.escape(piece) for piece in text[len(head) :].split("*"))
    return re.compile(re.escape(head) + rest, re.DOTALL)
