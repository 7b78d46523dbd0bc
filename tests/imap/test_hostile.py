"""Denial of service, class by class: whatever is asked, little work is done and other sessions are served."""

import time
import tracemalloc

import pytest

from core.ids import new_id
from mail.limits import IMAP_APPEND_OCTETS, IMAP_LINE
from mail.tables import folders
from tests.support.imap_dialogue import RawClient
from tests.support.imap_house import LEA, PASSWORD, ImapHouse
from tests.support.imap_mails import PLAIN

pytestmark = pytest.mark.slow

CPU_S = 1.0  # of this process, the client included; what these commands would cost without bounds is minutes
MEMORY = 16 * 2**20


class Cpu:
    """Processor time of the process while something runs: it does not depend on who else uses the machine."""

    def __enter__(self) -> "Cpu":
        self._start = time.process_time()
        return self

    def __exit__(self, *_error: object) -> None:
        self.seconds = time.process_time() - self._start


BEFORE_LOGIN = {
    "nested parentheses (CVE-2026-27857)": b"a ID " + b"(" * 8000 + b"\r\n",
    "a list of empty lists": b"a ID " + b"()" * 4000 + b"\r\n",
    "a huge parameter list (CVE-2026-42391)": b"a ID (" + b'"a" NIL ' * 1000 + b")\r\n",
    "a line without end": b"a" * 200_000,
    "literal after literal": b"a LOGIN" + b" {1+}\r\nx" * 500 + b"\r\n",
    "a literal that never comes": b"a LOGIN {8000+}\r\n",
    "a literal of a gigabyte": b"a LOGIN {1073741824+}\r\n",
    "a quoted string of backslashes": b'a LOGIN "' + b"\\" * 7000 + b'" x\r\n',
    "an endless tag": b"t" * 8000 + b" NOOP\r\n",
    "base64 with tabs (CVE-2026-33603)": b"a AUTHENTICATE PLAIN AGxl\tYQ==\r\n",
    "empty lines": b"\r\n" * 4000,
    "binary": bytes(range(256)) * 30,
    "an append that is not allowed": b"a APPEND INBOX {%d+}\r\n" % IMAP_APPEND_OCTETS + b"x" * 100_000,
}


@pytest.mark.parametrize("attack", BEFORE_LOGIN)
async def test_before_login(house: ImapHouse, port: int, attack: str) -> None:
    tracemalloc.start()
    try:
        with Cpu() as used:
            client = await RawClient.connect(port)
            await client.send(BEFORE_LOGIN[attack])
            await client.line()
            other = await RawClient.connect(port)
            assert (await other.line()).startswith("* OK")
            assert (await other.command("NOOP"))[-1].startswith("x OK")
            await client.close()
            await other.close()
        assert tracemalloc.get_traced_memory()[1] < MEMORY
    finally:
        tracemalloc.stop()
    assert used.seconds < CPU_S


@pytest.fixture
async def many_folders(house: ImapHouse) -> None:
    row = {"mailbox_id": house.boxes[LEA].mailbox_id, "special_use": None, "uidvalidity": 1, "subscribed": True}
    rows = [row | {"id": new_id(), "name": "a" * 200 + f"/{number:04}"} for number in range(990)]
    house.db.run(lambda session: session.execute(folders.insert(), rows) and None)


@pytest.mark.parametrize(
    "pattern",
    ["*a" * 120 + "b", "%a" * 120 + "b", "*" * 250, "%" * 250, "*%" * 120, "?" * 250, "a*" * 120],
)
async def test_list_bombs(many_folders: None, lea: RawClient, pattern: str) -> None:
    """CVE-2026-33607: back-tracking."""
    with Cpu() as used:
        answer = await lea.command(f'LIST "" "{pattern}"')
    assert answer[-1].startswith("x OK")
    assert used.seconds < CPU_S


async def test_sixteen_patterns_at_once(many_folders: None, lea: RawClient) -> None:
    patterns = " ".join('"' + "*a" * 100 + f'{n}"' for n in range(16))
    with Cpu() as used:
        assert (await lea.command(f'LIST "" ({patterns})'))[-1].startswith("x OK")
    assert used.seconds < 2 * CPU_S  # in a reader thread, and most of a second at that


SELECTED = {
    "the whole folder ten thousand times": "FETCH " + ",".join(["1:*"] * 9_999) + " (UID)",
    "ranges that overlap": "UID FETCH " + ",".join(f"{n}:4294967295" for n in range(1, 4000)) + " (UID)",
    "alternating numbers": "UID SEARCH UID " + ",".join(str(n) for n in range(1, 20_000, 2))[: IMAP_LINE - 100],
    "nested search": "SEARCH " + "(" * 5000 + "ALL" + ")" * 5000,
    "a chain of OR": "SEARCH " + "OR ALL " * 250 + "ALL",
    "a chain of NOT": "SEARCH " + "NOT " * 250 + "ALL",
    "as many keys as may be": "SEARCH " + "TEXT zzz " * 255 + "ALL",
    "as many items as may be": "FETCH 1:* (" + " ".join(f"BODY.PEEK[TEXT]<{n}.1>" for n in range(60)) + ")",
    "nested search in THREAD": "THREAD REFERENCES UTF-8 " + "(" * 5000 + "ALL" + ")" * 5000,
    "threads of a chain of OR": "THREAD ORDEREDSUBJECT UTF-8 " + "OR ALL " * 90 + "ALL",
    "sort keys without end": "SORT (" + "SUBJECT " * 5000 + "DATE) UTF-8 ALL",
    "header names without end": "FETCH 1:* (BODY.PEEK[HEADER.FIELDS (" + "x " * 5000 + "x)])",
    "a deep section": "FETCH 1:* BODY.PEEK[" + "1." * 10_000 + "1]",
    "flags without end": "STORE 1:* +FLAGS (" + " ".join(f"k{n}" for n in range(5000)) + ")",
    "a pile of keywords": "STORE 1:* +FLAGS (" + " ".join(f"k{n}" for n in range(64)) + ")",
    "bad modified UTF-7": "SELECT " + "&" * 500,
    "modified UTF-7 bomb": "SELECT &" + "AAA" * 160 + "-",
}


@pytest.mark.parametrize("attack", SELECTED)
async def test_after_login(house: ImapHouse, lea: RawClient, attack: str) -> None:
    for _ in range(30):
        await house.deliver(PLAIN)
    await lea.command("SELECT INBOX")
    tracemalloc.start()
    try:
        with Cpu() as used:
            answer = await lea.command(SELECTED[attack])
        assert tracemalloc.get_traced_memory()[1] < MEMORY
    finally:
        tracemalloc.stop()
    assert answer[-1].startswith(("x OK", "x NO", "x BAD", "* BYE")) or answer[-1] == "<closed>", answer[-1][:80]
    assert "SERVERBUG" not in answer[-1]
    assert used.seconds < CPU_S


async def test_commands_sent_without_reading_the_answers(house: ImapHouse, port: int) -> None:
    """Pipelining is allowed; what waits is bounded by the socket, not by our memory."""
    client = await RawClient.connect(port)
    await client.command(f'LOGIN {LEA} "{PASSWORD}"')
    await client.send(b"x NOOP\r\n" * 20_000)
    for _ in range(20_000):
        assert (await client.line()).startswith("x OK")
    await client.close()


@pytest.mark.parametrize("login", ["nobody@cabinet.example", LEA])
async def test_the_same_answer_for_unknown_and_known(port: int, login: str) -> None:
    """The time is argon2's in both cases: `verify_password` works as long for nobody."""
    client = await RawClient.connect(port)
    await client.line()
    assert await client.command(f"LOGIN {login} wrong") == ["x NO [AUTHENTICATIONFAILED] login or password is wrong"]
    await client.close()


async def test_no_answer_repeats_what_was_said(lea: RawClient) -> None:
    secret = "Zq7canary"
    for command in (
        secret,
        f"SELECT {secret}",
        f"CREATE %{secret}",
        f"LIST {secret}",
        f"FETCH {secret} FLAGS",
        f"FETCH 1 ({secret})",
        f"SEARCH {secret}",
        f"STORE 1 {secret}",
        f"LOGIN {secret} {secret}",
        f"AUTHENTICATE {secret}",
        f"APPEND {secret} {{3}}",
        f"RENAME {secret} x",
        f"ENABLE {secret}",
        f'ID ("name" "{secret}")',
    ):
        assert not [line for line in await lea.command(command) if secret.lower() in line.lower()]
