"""What one connection may do: how many, how long, how slowly, how much; what it may never learn."""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.db import Db
from mail.data_reader import Bounds
from mail.edge import HURRY_S, Edge
from mail.gate import Gate
from mail.incoming import Door
from mail.limits import COMMAND_LINE, COMMAND_WAIT_S, HARD_ERRORS, JUNK_COMMANDS, RECIPIENTS_OVERSHOOT
from mail.replies import MailError, to_mail_error
from tests.support.post_office import AUBIN, FOREIGN, PASSWORD, PostOffice
from tests.support.smtp_dialogue import Connection


@pytest.fixture
def engine() -> str:
    """One engine is enough here: these tests look at the wire."""
    return "sqlite"


@pytest.fixture
async def office(db: Db, tmp_path: Path) -> AsyncIterator[PostOffice]:
    made = PostOffice(db, tmp_path, connections=(4, 3))
    yield made
    await made.stop()


async def greeted(office: PostOffice, port: int | None = None) -> Connection:
    connection = await Connection.open(office, port or await office.start())
    assert (await connection.receive()).startswith("220")
    assert (await connection.say("EHLO a")).startswith("250")
    return connection


async def to_data(connection: Connection) -> None:
    for line in (f"MAIL FROM:<{FOREIGN}>", f"RCPT TO:<{AUBIN}>"):
        assert (await connection.say(line)).startswith("250")
    assert (await connection.say("DATA")).startswith("354")


# --- how many ---------------------------------------------------------------------------------------------------------


async def test_a_handshake_is_counted_before_it_costs_anything(office: PostOffice) -> None:
    port = await office.start(Door.SUBMISSION, implicit=True)
    silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
    await asyncio.sleep(0)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    async with asyncio.timeout(60):
        assert await reader.read() == b""  # nothing can be said in clear there
    for _reader, each in silent:
        each.close()
    writer.close()
    async with asyncio.timeout(60):
        while True:  # the three are gone from the count as soon as the server has seen them go
            try:
                inside = await Connection.open(office, port, office.papers.client())
                assert (await inside.receive()).startswith("220")
                break
            except (ConnectionError, ssl.SSLError):
                await asyncio.sleep(0.01)
    await inside.close()


async def test_connections_per_client(office: PostOffice) -> None:
    port = await office.start()
    inside = [await greeted(office, port) for _ in range(3)]
    outside = await Connection.open(office, port)
    assert (await outside.receive()).startswith("421 4.7.0") and await outside.receive() == "<closed>"
    assert await inside[0].say("QUIT") and await inside[0].receive() == "<closed>"
    await inside[0].close()
    await greeted(office, port)


def test_gate_counts_clients_and_all() -> None:
    gate = Gate(3, 2)
    assert gate.enter("192.0.2.1") and gate.enter("192.0.2.1") and not gate.enter("192.0.2.1")
    assert gate.enter("192.0.2.2") and not gate.enter("192.0.2.3")
    gate.leave("192.0.2.1")
    assert gate.enter("192.0.2.3")


def test_gate_takes_a_network_of_ipv6_for_one_client() -> None:
    gate = Gate(9, 2)
    assert gate.enter("2001:db8::1") and gate.enter("2001:db8::2%eth0") and not gate.enter("2001:db8::3")
    assert gate.enter("2001:db8:0:1::1") and gate.enter("::ffff:192.0.2.1") and gate.enter("odd")


async def test_idle_commands_are_counted(office: PostOffice) -> None:
    connection = await greeted(office)
    await connection.send(b"NOOP\r\n" * (JUNK_COMMANDS + 5))
    heard = [await connection.receive() for _ in range(JUNK_COMMANDS + 1)]
    assert heard[-1].startswith("421 4.7.0") and set(heard[:-1]) == {"250 2.0.0 ok"}
    assert await connection.receive() == "<closed>"


async def test_a_mail_clears_the_count(office: PostOffice) -> None:
    connection = await greeted(office)
    for number in range(3):
        await connection.send(b"NOOP\r\n" * (JUNK_COMMANDS - 10))
        assert {await connection.receive() for _ in range(JUNK_COMMANDS - 10)} == {"250 2.0.0 ok"}
        await to_data(connection)
        assert (await connection.say(f"From: <{FOREIGN}>\r\nSubject: {number}\r\n\r\n.")).startswith("250 2.6.0")


async def test_errors_are_counted_until_a_mail_goes_through(office: PostOffice) -> None:
    connection = await greeted(office)
    for number in range(3):
        for _ in range(HARD_ERRORS - 5):
            assert (await connection.say("FROBNICATE")).startswith("500")
        await to_data(connection)
        assert (await connection.say(f"From: <{FOREIGN}>\r\nSubject: {number}\r\n\r\n.")).startswith("250 2.6.0")
    await connection.send(b"FROBNICATE\r\n" * (HARD_ERRORS + 1))
    heard = [await connection.receive() for _ in range(HARD_ERRORS + 2)]
    assert {line[:3] for line in heard[:-1]} == {"500"} and heard[-1].startswith("421 4.7.0")
    assert await connection.receive() == "<closed>"


@pytest.mark.parametrize(
    ("text", "refusal"),
    [("Received: x\r\n" * 51 + f"From: <{FOREIGN}>\r\n\r\n", "554 5.4.6"), (f"From: <{FOREIGN}>\n\r\n", "550 5.6.0")],
)
async def test_a_refused_mail_clears_nothing(office: PostOffice, text: str, refusal: str) -> None:
    """Refused by a rule, and by the reader of its octets."""
    connection = await greeted(office)
    for _ in range(HARD_ERRORS + 1):
        await to_data(connection)
        assert (await connection.say(text + ".")).startswith(refusal)
    assert (await connection.receive()).startswith("421 4.7.0") and await connection.receive() == "<closed>"


async def test_recipients_without_end(db: Db, tmp_path: Path) -> None:
    office = PostOffice(db, tmp_path, house_options={"recipients": 1})
    connection = await greeted(office)
    await connection.say(f"MAIL FROM:<{FOREIGN}>")
    await connection.send(f"RCPT TO:<{AUBIN}>\r\n".encode() * (RECIPIENTS_OVERSHOOT + 3))
    heard = [await connection.receive() for _ in range(RECIPIENTS_OVERSHOOT + 2)]
    assert heard[0].startswith("250") and heard[-1].startswith("421 4.7.0")
    assert {line[:9] for line in heard[1:-1]} == {"452 4.5.3"}
    assert await connection.receive() == "<closed>"
    await office.stop()


async def test_recipients_are_limited(db: Db, tmp_path: Path) -> None:
    office = PostOffice(db, tmp_path, house_options={"recipients": 1})
    connection = await greeted(office)
    await connection.say(f"MAIL FROM:<{FOREIGN}>")
    assert (await connection.say(f"RCPT TO:<{AUBIN}>")).startswith("250")
    assert (await connection.say("RCPT TO:<dr.leroux@cabinet.example>")).startswith("452 4.5.3")
    await office.stop()


# --- how much ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("octets", [COMMAND_LINE + 10, 200_000])
async def test_long_command(office: PostOffice, octets: int) -> None:
    connection = await greeted(office)
    assert (await connection.say("NOOP " + "x" * octets)).startswith("500 5.5.2")
    assert await connection.say("NOOP") == "250 2.0.0 ok"


async def test_message_beyond_the_size(db: Db, tmp_path: Path) -> None:
    office = PostOffice(db, tmp_path, house_options={"message_octets": 1000})
    connection = await greeted(office)
    await to_data(connection)
    await connection.send(f"From: <{FOREIGN}>\r\n\r\n".encode() + b"x\r\n" * 200_000 + b".\r\n")
    assert (await connection.receive()).startswith("552 5.3.4")
    await to_data(connection)
    assert (await connection.say(f"From: <{FOREIGN}>\r\n\r\n.")).startswith("250 2.6.0")
    await office.stop()


async def test_too_deep_a_message(office: PostOffice) -> None:
    connection = await greeted(office)
    await to_data(connection)
    nested = "".join(f"Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n" for n in range(60))
    assert (await connection.say(f"From: <{FOREIGN}>\r\n{nested}\r\n.")).startswith("554 5.6.0")


async def test_going_in_circles(office: PostOffice) -> None:
    connection = await greeted(office)
    await to_data(connection)
    assert (await connection.say("Received: x\r\n" * 51 + f"From: <{FOREIGN}>\r\n\r\n.")).startswith("554 5.4.6")


# --- how long ---------------------------------------------------------------------------------------------------------


class Watched:
    """A listener whose connections can be looked at."""

    def __init__(self, office: PostOffice) -> None:
        self.office, self.edges = office, []

    def make(self) -> Edge:
        self.edges.append(Edge(self.office.house, Door.MX, Gate(9, 9), None, implicit=False))
        return self.edges[-1]

    async def start(self) -> int:
        self.server = await asyncio.get_running_loop().create_server(self.make, "127.0.0.1", 0)
        return self.server.sockets[0].getsockname()[1]

    @property
    def patience(self) -> float:
        """Seconds until the connection would be cut."""
        edge = self.edges[-1]
        return edge._deadline - edge.loop.time()


async def until(ready) -> None:  # type: ignore[no-untyped-def]
    """Let the server take what was sent."""
    async with asyncio.timeout(60):
        while not ready():
            await asyncio.sleep(0)


async def test_a_line_once_begun_has_to_come(office: PostOffice) -> None:
    watched = Watched(office)
    connection = await greeted(office, await watched.start())
    await until(lambda: watched.patience > HURRY_S + 1)  # idle: the standard's five minutes
    await connection.send(b"NO")
    await until(lambda: watched.patience <= HURRY_S)
    await connection.send(b"O")
    edge = watched.edges[-1]
    edge.wait_until(edge.loop.time() - 1)
    edge._timeout_cb()
    assert (await connection.receive()).startswith("421 4.4.2") and await connection.receive() == "<closed>"


async def test_data_has_a_least_rate(office: PostOffice) -> None:
    """Thirty seconds and what 500 octets a second have earned; never more than three minutes at a time."""
    watched = Watched(office)
    connection = await greeted(office, await watched.start())
    await to_data(connection)
    await connection.send(b"x")
    await until(lambda: watched.patience <= 30.01)
    await connection.send(b"x\r\n" * 50_000)
    await until(lambda: 120 < watched.patience <= 180)
    await connection.send(b".\r\n")
    assert (await connection.receive()).startswith("552")  # a header of 150 kB
    assert await connection.say("NOOP") == "250 2.0.0 ok"


async def test_no_clock_runs_while_we_work(office: PostOffice) -> None:
    watched = Watched(office)
    connection = await greeted(office, await watched.start())
    edge = watched.edges[-1]
    edge.patience(float("inf"))
    edge._timeout_cb()
    assert await connection.say("NOOP") == "250 2.0.0 ok"


async def test_sessions_end(db: Db, tmp_path: Path) -> None:
    office = PostOffice(db, tmp_path, house_options={"session_s": 0.0})
    connection = await Connection.open(office, await office.start())
    await connection.receive()
    assert (await connection.say("NOOP")).startswith("421 4.7.0") and await connection.receive() == "<closed>"
    await office.stop()


async def test_hanging_up_anywhere_harms_nobody(office: PostOffice) -> None:
    port = await office.start()
    whole = f"EHLO a\r\nMAIL FROM:<{FOREIGN}>\r\nRCPT TO:<{AUBIN}>\r\nDATA\r\nFrom: <{FOREIGN}>\r\n\r\n.\r\n".encode()
    for end in range(0, len(whole), 5):
        connection = await Connection.open(office, port)
        await connection.send(whole[:end])
        connection.writer.transport.abort()
    async with asyncio.timeout(60):
        while (connection := await Connection.open(office, port)) and not (await connection.receive()).startswith(
            "220"
        ):
            await connection.close()
    assert await connection.say("NOOP") == "250 2.0.0 ok"


# --- what it may never learn ------------------------------------------------------------------------------------------


def test_no_foreign_text_reaches_a_reply() -> None:
    for error in (ValueError("secret"), MailError(550, "5.7.1", "public", "secret"), RuntimeError("secret")):
        assert "secret" not in to_mail_error(error).reply


async def test_an_error_of_ours_is_a_temporary_failure(office: PostOffice) -> None:
    """The door to the mailboxes breaks in a way that nobody foresaw: the peer keeps its mail."""
    connection = await greeted(office)
    await connection.say(f"MAIL FROM:<{FOREIGN}>")
    office.pool.shutdown()
    assert await connection.say(f"RCPT TO:<{AUBIN}>") == "451 4.3.0 local error, try again later"
    assert await connection.say("NOOP") == "250 2.0.0 ok"


async def test_database_away_is_a_temporary_failure(office: PostOffice) -> None:
    connection = await greeted(office)
    await to_data(connection)
    office.db.close()
    assert (await connection.say(f"From: <{FOREIGN}>\r\n\r\n.")).startswith("451 4.3.0")


# --- TLS --------------------------------------------------------------------------------------------------------------


async def test_no_handshake_no_harm(office: PostOffice) -> None:
    port = await office.start()
    connection = await greeted(office, port)
    assert (await connection.say("STARTTLS")).startswith("220 2.0.0")
    await connection.send(b"MAIL FROM:<x@y.example>\r\n" * 20)
    while (answer := await connection.receive()) != "<closed>":
        assert not answer.startswith("2")
    assert await (await greeted(office, port)).say("NOOP") == "250 2.0.0 ok"


async def test_old_tls_is_refused(office: PostOffice) -> None:
    port = await office.start(Door.SUBMISSION, implicit=True)
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.load_verify_locations(office.papers.ca)
    with pytest.warns(DeprecationWarning):
        old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await asyncio.open_connection("127.0.0.1", port, ssl=old, server_hostname="localhost")


async def test_login_survives_no_starttls(db: Db, tmp_path: Path) -> None:
    """RFC 3207 §4.2: what was proved in clear, where the demo allows it, does not count inside."""
    office = PostOffice(db, tmp_path)
    connection = await greeted(office, await office.start(Door.SUBMISSION))
    assert (await connection.say("AUTH LOGIN")).startswith("334")
    await connection.close()
    connection = await greeted(office, await office.start(Door.SUBMISSION))
    proof = base64.b64encode(f"\0{AUBIN}\0{PASSWORD}".encode()).decode()
    assert (await connection.say(f"AUTH PLAIN {proof}")).startswith("235")
    assert (await connection.say("STARTTLS")).startswith("220")
    await connection.start_tls()
    await connection.say("EHLO a")
    assert (await connection.say(f"MAIL FROM:<{AUBIN}>")).startswith("530 5.7.0")
    await office.stop()


def test_bounds_default_to_the_table_of_limits() -> None:
    assert (Bounds().line, Bounds().header) == (1000, 102_400)


async def test_who_reads_nothing_is_cut(office: PostOffice) -> None:
    """Its replies fill every buffer between us; nothing else would ever end that."""
    watched = Watched(office)
    connection = await greeted(office, await watched.start())
    connection.writer.transport.pause_reading()
    await connection.send(f"MAIL FROM:<{FOREIGN}>\r\nRCPT TO:<{AUBIN}>\r\n".encode())
    edge = watched.edges[-1]

    async def ask() -> None:
        while True:
            await connection.send(b"BDAT 0\r\n" * 10_000)

    asking = asyncio.create_task(ask())
    await until(lambda: not edge._writable.is_set())
    await until(lambda: watched.patience < COMMAND_WAIT_S + 1)
    edge.wait_until(edge.loop.time() - 1)
    edge._timeout_cb()
    await until(lambda: edge._out is None)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)


async def test_the_last_words_are_not_waited_for_without_end(office: PostOffice) -> None:
    watched = Watched(office)
    connection = await greeted(office, await watched.start())
    edge = watched.edges[-1]
    edge.wait_until(edge.loop.time() - 1)
    edge._timeout_cb()
    assert 0 < watched.patience <= HURRY_S
    assert (await connection.receive()).startswith("421 4.4.2") and await connection.receive() == "<closed>"
