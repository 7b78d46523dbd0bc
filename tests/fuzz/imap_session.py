"""Whole IMAP connections under mutated commands: `python -m tests.fuzz.imap_session --seconds 300`.

The commands of all dialogues, changed and mixed, are said to a server on a real database, logged in or not. No answer
says that something of ours broke, every line of it has IMAP's form (RFC 9051 §9: balanced lists, closed strings, whole
literals), and nothing of somebody else's mailbox is told.
"""

import asyncio
import random
import re
import tempfile
from pathlib import Path

import structlog

import directory.tables  # noqa: F401  on the one MetaData before it is created
from core.db import Db
from mail.imap.services import Options
from tests.fuzz.engine import Target, main
from tests.fuzz.imap import mutated, seeds
from tests.support.imap_dialogue import RawClient
from tests.support.imap_house import LEA, NOE, PASSWORD, ImapHouse, TlsFiles
from tests.support.imap_mails import MAILS, PLAIN

SECRET = b"Secret-de-Noe"
_STATUS = re.compile(rb"(?:\*|[^ (){%*\"\\\r\n]+) (?:OK|NO|BAD|BYE|PREAUTH)\b|\+")
_LINE = re.compile(rb"\* |\+|[^ (){%*\"\\\r\n]+ (?:OK|NO|BAD) ")
_TOKEN = re.compile(rb'"(?:[^"\\\r\n]|\\["\\])*+"|~?\{(\d+)\}\r\n|[()]|\r\n|[^"(){\r\n]++|\{')


def judge(answer: bytes) -> None:
    """Raises AssertionError where the octets are no sequence of responses."""
    at = 0
    while at < len(answer):
        assert _LINE.match(answer, at), answer[at : at + 200]
        end = answer.index(b"\r\n", at)
        at = end + 2 if _STATUS.match(answer, at) else _data(answer, at)


def _data(answer: bytes, at: int) -> int:
    """Where the response ends that begins here."""
    begun, depth = at, 0
    while True:
        token = _TOKEN.match(answer, at)
        assert token, answer[begun : at + 80]
        at = token.end()
        if token[1]:
            at += int(token[1])
            assert at <= len(answer), answer[begun : begun + 200]
        elif token[0] in {b"(", b")"}:
            depth += 1 if token[0] == b"(" else -1
            assert depth >= 0, answer[begun:at]
        elif token[0] == b"\r\n":
            assert depth == 0, answer[begun:at]
            return at


class World:
    """A house with two mailboxes in a folder, and a loop to talk with it."""

    def __init__(self, folder: Path) -> None:
        self._loop = asyncio.new_event_loop()
        self._port = self._loop.run_until_complete(self._open(folder))

    async def _open(self, folder: Path) -> int:
        db = Db.open(f"sqlite:///{folder / 'x.db'}", create=True)
        house = ImapHouse(db, folder, TlsFiles(folder), Options(insecure_loopback=True))
        await house.deliver(PLAIN.replace(b"Bonjour", SECRET), NOE)
        for raw in MAILS.values():
            await house.deliver(raw)
        return await house.serve()

    def target(self, script: bytes) -> None:
        """One connection."""
        judge(self._loop.run_until_complete(self._talk(script)))

    async def _talk(self, script: bytes) -> bytes:
        client = await RawClient.connect(self._port)
        await client.line()
        if script[:1] >= b"a":  # most of the dialogues' tags
            await client.command(f'LOGIN {LEA} "{PASSWORD}"')
            await client.command("SELECT INBOX")
        try:
            await client.send(script + b"\r\nDONE\r\n")
            client.writer.write_eof()
            async with asyncio.timeout(60):
                said = await client.reader.read()
        except ConnectionError:
            said = b""
        await client.close()
        assert b"SERVERBUG" not in said and SECRET not in said
        return said


def targets(folder: Path) -> dict[str, tuple[Target, list[bytes]]]:
    """What the command knows: scripts of some commands each."""
    dice, corpus = random.Random(9051), seeds()
    return {"imap": (World(folder).target, [mutated(dice, corpus) for _ in range(400)] + corpus)}


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    with tempfile.TemporaryDirectory() as home:
        main(targets(Path(home)))
