"""Plays `.smtp` dialogues over real sockets.

    # RFC 5321 §3.3: a comment, with the section on top
    door: mx | submission | submissions          which listener; at the top, once
    strict:                                      no insecure loopback; at the top
    tls: [operator | stranger | robot]           the client starts TLS, and shows a certificate when one is named
    c: EHLO client.example                       the client says a line
    c+: raw octets\\r\\n\\0                         the client sends octets with escapes, no line end added
    s: 250 2.1.0 *                               exactly this line; a star stands for anything
    s~: 250 *                                    lines are passed over until this one comes
    s: <closed>                                  the server closes
    kept: {AUBIN} 1                              so many messages are in that inbox now

`{AUBIN}`, `{LEA}`… stand for addresses, `{PLAIN:AUBIN}` for the base64 of a SASL PLAIN answer, `{LOGIN:AUBIN}` and
`{PASSWORD}` for the base64 of login and password.
"""

import asyncio
import base64
import fnmatch
import re
import ssl
from dataclasses import dataclass
from pathlib import Path

from mail.incoming import Door
from tests.support import post_office
from tests.support.post_office import PASSWORD, PostOffice

WAIT_S = 60
_LINE = re.compile(r"(c\+|c|s~|s|tls|door|strict|kept):(?: (.*)|)$")
_NAME = re.compile(r"\{(?:(PLAIN|LOGIN):)?([A-Z]+)\}")

# None of these ends the data, however the octets are cut over the network.
FALSE_ENDS = (
    b"\n.\n",
    b"\n.\r",
    b"\n.\r\n",
    b"\r.\n",
    b"\r.\r",
    b"\r.\r\n",
    b"\r\n.\n",
    b"\r\n.\r",
    b"\r\n.\r\r\n",
    b"\r\r\n.\r\r\n",
    b"\r\n\0.\r\n",
    b"\r\n.\0\r\n",
    b"\r\n\0.\0\r\n",
    b"\n\0.\r\n",
)


@dataclass(frozen=True)
class Step:
    number: int  # of the line in the file
    verb: str
    text: str


def parse(text: str) -> list[Step]:
    """Raises ValueError on a line that is no step."""
    steps = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        found = _LINE.match(line)
        if found is None:
            raise ValueError(f"line {number} is no step: {line}")
        steps.append(Step(number, found[1], _filled(found[2] or "")))
    return steps


def _filled(text: str) -> str:
    return _NAME.sub(lambda found: _value(found[1], found[2]), text)


def _value(form: str | None, name: str) -> str:
    if name == "PASSWORD":
        return base64.b64encode(PASSWORD.encode()).decode()
    address = str(getattr(post_office, name))
    if form == "PLAIN":
        return base64.b64encode(f"\0{address}\0{PASSWORD}".encode()).decode()
    return base64.b64encode(address.encode()).decode() if form == "LOGIN" else address


class Connection:
    """A raw client: lines out, lines in."""

    def __init__(self, office: PostOffice) -> None:
        self.office = office

    @classmethod
    async def open(cls, office: PostOffice, port: int, context: ssl.SSLContext | None = None) -> "Connection":
        self = cls(office)
        name = "localhost" if context else None
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=name)
        return self

    async def send(self, octets: bytes) -> None:
        self.writer.write(octets)
        await self.writer.drain()

    async def receive(self) -> str:
        """One reply line; "<closed>" at the end."""
        try:
            line = await asyncio.wait_for(self.reader.readline(), WAIT_S)
        except TimeoutError:
            return "<silence>"
        except ConnectionError:
            line = b""
        return line.decode().removesuffix("\r\n") if line else "<closed>"

    async def reply(self) -> list[str]:
        """A whole reply, its lines."""
        lines = [await self.receive()]
        while lines[-1][3:4] == "-":
            lines.append(await self.receive())
        return lines

    async def say(self, line: str) -> str:
        """A command; the last line of its reply."""
        await self.send(line.encode() + b"\r\n")
        return (await self.reply())[-1]

    async def start_tls(self, who: str = "") -> None:
        shown = getattr(self.office.papers, who) if who else None
        await self.writer.start_tls(self.office.papers.client(shown), server_hostname="localhost")

    async def close(self) -> None:
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except (ConnectionError, ssl.SSLError):
            pass


def options_of(steps: list[Step]) -> tuple[str, bool]:
    """The door's name, and whether the demo's insecure loopback is on."""
    door = next((step.text for step in steps if step.verb == "door"), "mx")
    return door, not any(step.verb == "strict" for step in steps)


async def play(path: Path, office: PostOffice) -> None:
    """Raises AssertionError with file and line where the server says something else."""
    steps = parse(path.read_text())
    name, _insecure = options_of(steps)
    implicit = name == "submissions"
    port = await office.start(Door.MX if name == "mx" else Door.SUBMISSION, implicit=implicit)
    connection = await Connection.open(office, port, office.papers.client() if implicit else None)
    for step in steps:
        await _play(step, connection, f"{path.name}:{step.number}")
    await connection.close()


async def _play(step: Step, connection: Connection, where: str) -> None:
    if step.verb == "c":
        await connection.send(step.text.encode() + b"\r\n")
    elif step.verb == "c+":
        await connection.send(step.text.encode("latin-1").decode("unicode_escape").encode("latin-1"))
    elif step.verb == "tls":
        await connection.start_tls(step.text)
    elif step.verb == "kept":
        who, _space, count = step.text.partition(" ")
        assert len(connection.office.inbox(who)) == int(count), f"{where}: not {count} messages"
    elif step.verb in {"s", "s~"}:
        await _expect(step, connection, where)


async def _expect(step: Step, connection: Connection, where: str) -> None:
    heard = [await connection.receive()]
    while step.verb == "s~" and not _fits(step.text, heard[-1]) and heard[-1] not in {"<closed>", "<silence>"}:
        heard.append(await connection.receive())
    assert _fits(step.text, heard[-1]), f"{where}: wanted {step.text!r}, heard {heard}"


def _fits(wanted: str, heard: str) -> bool:
    return fnmatch.fnmatchcase(heard, re.sub(r"([\[?])", r"[\1]", wanted))
