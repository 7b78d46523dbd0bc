"""Collecting from a server that lies or speaks nonsense: a note, a pause, and nothing held beyond a message's size."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.db import Db
from crypto.authority import Authority
from mail import collect, collect_flow, collect_rows
from mail.collect import Collector
from mail.collect_rows import Source
from tests.support.post_office import PHARMACY, PostOffice

CHUNK = b"x" * 65536


@pytest.fixture
def engine() -> str:
    return "sqlite"


@pytest.fixture
async def office(db: Db, tmp_path: Path) -> AsyncIterator[PostOffice]:
    made = PostOffice(db, tmp_path, announce=())
    yield made
    await made.stop()


class Liar:
    """An IMAP server of few words; `otherwise` says what is told instead of them, by the command's name."""

    def __init__(self, authority: Authority, folder: Path, otherwise: dict[bytes, bytes]) -> None:
        self._words = {
            b"CAPABILITY": b"* CAPABILITY IMAP4rev1\r\n",
            b"SELECT": b"* 1 EXISTS\r\n* OK [UIDVALIDITY 7] .\r\n",
            b"SEARCH": b"* SEARCH 1\r\n",
            b"SIZE": b"* 1 FETCH (UID 1 RFC822.SIZE 10)\r\n",
        } | otherwise
        chain, key = authority.issue_server(["localhost"], now=datetime.now(UTC)).save(folder, "liar")
        self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._tls.load_cert_chain(chain, key)
        self.sent = 0

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[int]:
        server = await asyncio.start_server(self._meet, "127.0.0.1", 0, ssl=self._tls)
        async with server:
            yield server.sockets[0].getsockname()[1]

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"* OK hello\r\n")
        with suppress(ConnectionError):
            while line := await reader.readline():
                await self._answer(line, writer)
        writer.close()

    async def _answer(self, line: bytes, writer: asyncio.StreamWriter) -> None:
        tag = line.split()[0]
        if b"BODY.PEEK" in line:
            await self._flood(writer)
        told = next((words for name, words in self._words.items() if name in line), b"")
        writer.write(told + tag + b" OK done\r\n")
        await writer.drain()

    async def _flood(self, writer: asyncio.StreamWriter) -> None:
        writer.write(b"* 1 FETCH (UID 1 BODY[] {4000000000}\r\n")
        while not writer.is_closing() and self.sent < 4 * collect_flow.MOST:
            writer.write(CHUNK)
            await writer.drain()
            self.sent += len(CHUNK)


def registered(office: PostOffice, authority: Authority, port: int) -> None:
    source = Source("localhost", port, "box0", "secret", ca=authority.certificate_pem.decode())
    office.db.run(collect_rows.register, office.keyring, office.mailboxes[PHARMACY].id, source)


async def noted(office: PostOffice, authority: Authority, liar: Liar) -> str:
    """What is written down of the first visit."""
    async with liar.serving() as port:
        registered(office, authority, port)
        running = asyncio.create_task(Collector(office.db, office.keyring, office.clock, office.reception).run())
        async with asyncio.timeout(30):
            while not (reason := office.db.read(collect_rows.listed, office.keyring)[-1].reason):
                await asyncio.sleep(0.05)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    return reason


async def test_a_literal_beyond_its_size_ends_the_connection(office: PostOffice, tmp_path: Path) -> None:
    authority = Authority.create("Autre opérateur", now=datetime.now(UTC))
    liar = Liar(authority, tmp_path, {})
    assert await noted(office, authority, liar) == "ConnectionResetError"
    assert collect_flow.MOST <= liar.sent < 2 * collect_flow.MOST
    assert not office.inbox(PHARMACY)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        (b"SEARCH", b"* SEARCH " + b"9" * 5000 + b"\r\n"),
        (b"SEARCH", b"* SEARCH {9}\r\n\xff\0(((\r\n"),
        (b"SELECT", b"* OK [UIDVALIDITY -1] .\r\n"),
        (b"SIZE", b"* 1 FETCH (UID 1 RFC822.SIZE {3}\r\n"),
        (b"CAPABILITY", b"* " + b"(" * 70000 + b"\r\n"),
    ],
    ids=["number", "octets", "uidvalidity", "literal", "parentheses"],
)
async def test_nonsense_is_noted_and_tried_later(
    office: PostOffice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: bytes, told: bytes
) -> None:
    monkeypatch.setattr(collect, "ANSWER_S", 1.0)
    authority = Authority.create("Autre opérateur", now=datetime.now(UTC))
    assert await noted(office, authority, Liar(authority, tmp_path, {name: told}))
    assert not office.inbox(PHARMACY)
