"""Fifty mail clients that complete addresses by LDAP while people type: `type_ahead(folder)` gives the times.

The server is a process of its own; each client binds once, then sends what Thunderbird sends for each letter after the
third, with the pause of somebody who types.
"""

import asyncio
import random
import subprocess
import sys
import time
from pathlib import Path

from directory.edition.readers import Reader, SqliteStatements
from directory.ldap import ber
from directory.ldap import messages as m
from directory.words import folded
from tests.bench.directory_queries import people

CLIENTS, NAMES, LETTERS = 50, 4, 4
PAUSE_S = 0.3
LIMIT = 20


def serve(edition: Path) -> None:
    """A listener over one edition; says its port and goes on until its input ends."""
    import ssl

    from directory.annuaire import Annuaire
    from directory.ldap.finder import Finder
    from directory.ldap.server import LdapServer, Limits
    from directory.ldap.session import Door
    from ops.serve import tune
    from tests.support.ldap import LetsIn

    class OneEdition(Annuaire):
        def __init__(self) -> None:
            self._stale, self._reader, self._edition = False, Reader(SqliteStatements(edition)), 1

    async def work() -> None:
        door = Door(Finder(OneEdition(), lambda _: {}), LetsIn(), frozenset({"physician"}), 50, 5, clear_loopback=True)
        server = LdapServer(door, ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), Limits(500, 500))
        print(await server.listen("127.0.0.1", 0), flush=True)
        await asyncio.to_thread(sys.stdin.read)
        await server.close()

    tune()
    asyncio.run(work())


def type_ahead(edition: Path) -> list[float]:
    """Milliseconds of each search, sorted."""
    draw = random.Random(23)
    reader = Reader(SqliteStatements(edition))
    names = [folded(f"{one.family} {one.given}") for one in people(reader, draw, CLIENTS * NAMES)]
    command = [sys.executable, "-c", f"from tests.bench.directory_ldap import *; serve(Path({str(edition)!r}))"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        port = int(server.stdout.readline()) if server.stdout else 0
        spent = asyncio.run(_all(port, names))
        if server.stdin:
            server.stdin.close()
    return sorted(spent)


async def _all(port: int, names: list[str]) -> list[float]:
    every = await asyncio.gather(*(_client(port, names[number::CLIENTS], number) for number in range(CLIENTS)))
    return [one for spent in every for one in spent]


async def _client(port: int, names: list[str], number: int) -> list[float]:
    await asyncio.sleep(number * PAUSE_S / CLIENTS)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    who = ber.element(m.BIND, ber.integer(3), ber.octets("a@b.test"), ber.octets("x", 0x80))
    await _ask(reader, writer, 1, who, m.BIND + 1)
    spent = []
    for name in names:
        for size in range(3, 3 + LETTERS):
            spent.append(await _ask(reader, writer, 2 + len(spent), _search(name[:size]), 0x65))
            await asyncio.sleep(PAUSE_S)
    writer.close()
    return spent


async def _ask(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int, body: bytes, last: int
) -> float:
    """Milliseconds until the answer that ends it."""
    started = time.perf_counter()
    writer.write(ber.element(ber.SEQUENCE, ber.integer(number), body))
    data = b""
    while True:
        data += await reader.readexactly(1) if not data else b""
        while (size := ber.message_size(data)) is None or len(data) < size:
            more = await reader.read(65536)
            if not more:
                raise ConnectionError("the server hung up")
            data += more
        one, data = data[:size], data[size:]
        if _kind(one) == last:
            return (time.perf_counter() - started) * 1000


def _kind(message: bytes) -> int:
    """The tag of the operation: after the sequence's head and the message's number."""
    at = 2 + (message[1] & 0x7F if message[1] & 0x80 else 0)
    return message[at + 2 + message[at + 1]]


def _search(typed: str) -> bytes:
    names = ("mail", "cn", "givenName", "sn")
    parts = [ber.element(0xA4, ber.octets(name), ber.element(ber.SEQUENCE, ber.octets(typed, 0x80))) for name in names]
    head = [ber.octets("o=annuaire"), ber.integer(2, ber.ENUMERATED), ber.integer(0, ber.ENUMERATED)]
    head += [ber.integer(LIMIT), ber.integer(5), ber.boolean(False), ber.element(0xA1, *parts)]
    return ber.element(m.SEARCH, *head, ber.element(ber.SEQUENCE, ber.octets("cn"), ber.octets("mail")))
