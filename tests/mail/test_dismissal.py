"""SMTP sessions whose certificate is revoked while they are open: they end, and what was begun to be kept is kept."""

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from core.db import Db
from mail.incoming import Door
from tests.support.post_office import AUBIN, FOREIGN, PostOffice
from tests.support.smtp_dialogue import Connection

FAREWELL = "421 4.7.0 your certificate is revoked"
LETTER = f"From: <{FOREIGN}>\r\nContent-Type: application/pkcs7-mime; smime-type=signed-data\r\n\r\nAAAA\r\n"


@pytest.fixture
def engine() -> str:
    """One engine is enough here: these tests look at the wire."""
    return "sqlite"


class Careful(PostOffice):
    """Looks at each message until it is told that it has looked enough."""

    def _judge(self, raw: bytes, sender: str | None, at: object) -> object:
        self.looking.set()
        assert self.enough.wait(30)
        return self.verdict

    def __post_init__(self) -> None:
        self.looking, self.enough = threading.Event(), threading.Event()
        super().__post_init__()


@pytest.fixture
async def office(db: Db, tmp_path: Path) -> AsyncIterator[Careful]:
    made = Careful(db, tmp_path, insecure=False)
    yield made
    made.enough.set()
    await made.stop()


async def operator(office: PostOffice, port: int, who: str = "operator") -> Connection:
    connection = await Connection.open(office, port)
    assert (await connection.receive()).startswith("220")
    await connection.say("EHLO mx.hopital.test")
    assert (await connection.say("STARTTLS")).startswith("220")
    await connection.start_tls(who)
    assert (await connection.say("EHLO mx.hopital.test")).startswith("250")
    return connection


async def to_data(connection: Connection) -> None:
    for line in (f"MAIL FROM:<{FOREIGN}>", f"RCPT TO:<{AUBIN}>"):
        assert (await connection.say(line)).startswith("250")
    assert (await connection.say("DATA")).startswith("354")


async def test_only_who_is_revoked_has_to_go(office: Careful) -> None:
    port = await office.start()
    gone, stays, nameless = [await operator(office, port, who) for who in ("operator", "stranger", "")]
    shown = office.papers.operator.certificate.public_bytes(Encoding.DER)
    assert office.listeners.dismiss_where(lambda _der: False) == 0
    assert office.listeners.dismiss_where(lambda der: der == shown) == 1
    assert [await gone.receive() for _ in range(2)] == [FAREWELL, "<closed>"]
    for each in (stays, nameless):
        assert (await each.say("NOOP")).startswith("250")
        await each.close()
    assert office.listeners.dismiss_where(lambda der: der == shown) == 0


async def test_a_software_has_to_go_too(office: Careful) -> None:
    port = await office.start(Door.SUBMISSION, implicit=True)
    robot = await Connection.open(office, port, office.papers.client(office.papers.robot))
    assert (await robot.receive()).startswith("220")
    await robot.say("EHLO robot.labo.example")
    assert (await robot.say("AUTH EXTERNAL =")).startswith("235")
    assert office.listeners.dismiss_where(lambda _der: True) == 1
    assert [await robot.receive() for _ in range(2)] == [FAREWELL, "<closed>"]


async def test_half_a_message_is_not_kept(office: Careful) -> None:
    sender = await operator(office, await office.start())
    await to_data(sender)
    await sender.send(LETTER.encode())
    assert office.listeners.dismiss_where(lambda _der: True) == 1
    assert [await sender.receive() for _ in range(2)] == [FAREWELL, "<closed>"]
    assert office.inbox(AUBIN) == []


async def test_what_is_being_kept_is_acknowledged_and_nothing_after_it(office: Careful) -> None:
    sender = await operator(office, await office.start())
    await to_data(sender)
    await sender.send(f"{LETTER}.\r\nMAIL FROM:<{FOREIGN}>\r\n".encode())
    assert await asyncio.to_thread(office.looking.wait, 30)
    assert office.listeners.dismiss_where(lambda _der: True) == 1
    office.enough.set()
    assert (await sender.receive()).startswith("250 2.6.0")
    assert [await sender.receive() for _ in range(2)] == [FAREWELL, "<closed>"]
    assert len(office.inbox(AUBIN)) == 1
