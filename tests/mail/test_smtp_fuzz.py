"""Whatever a peer says: every answer is a reply with a code, no line of data is taken for a command, nothing breaks."""

import re
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.address import Address
from core.db import Db
from mail.replies import MailError
from mail.smtp_line import parse_helo, parse_mail, parse_path, parse_rcpt, split_command
from tests.support.post_office import AUBIN, FOREIGN, PostOffice
from tests.support.smtp_dialogue import FALSE_ENDS, Connection

REPLY = re.compile(r"(?:220[ -].*|250[ -].*|334 .*|[2-5]\d\d [245]\.\d\.\d{1,2} [ -~]*|354 .*)")
WORDS = [
    *("EHLO a", "HELO a", "MAIL FROM:<>", f"MAIL FROM:<{FOREIGN}>", f"RCPT TO:<{AUBIN}>", "DATA", ".", "RSET", "NOOP"),
    *(
        "VRFY x",
        "HELP",
        "AUTH PLAIN",
        "AUTH PLAIN =",
        "AUTH LOGIN",
        "*",
        "=",
        f"From: <{FOREIGN}>",
        "",
        "EXPN",
        "BDAT 5",
    ),
    *("MAIL FROM:<a@b> SIZE=99999999999999999999999", 'MAIL FROM:<"a b"@c.example>', "rcpt to:<x", "STARTTLS x"),
]
LINES = st.one_of(st.sampled_from(WORDS), st.text(st.characters(codec="latin-1"), max_size=60))
ENDS = st.sampled_from(["\r\n"] * 8 + ["\n", "\r", "\0\r\n", "\r\n\r\n"])
ANY = st.one_of(st.binary(max_size=200), LINES.map(lambda text: text.encode("latin-1", "replace")))


@given(ANY)
def test_any_line_parses_or_is_refused(line: bytes) -> None:
    try:
        verb, argument = split_command(line)
        assert verb.isalpha() and verb.isupper() and argument == argument.strip(" ")
    except MailError as error:
        assert error.code == 500


@given(st.one_of(st.text(max_size=120), st.sampled_from(WORDS)).map(lambda text: text.removeprefix("MAIL ")))
def test_any_argument_parses_or_is_refused(argument: str) -> None:
    for parse in (
        parse_mail,
        parse_helo,
        lambda text: parse_rcpt(text, "postmaster@cabinet.example"),
        lambda text: parse_path(text, "TO:"),
    ):
        try:
            parse(argument)
        except MailError as error:
            assert error.code in {501, 552, 553, 555} and argument not in error.reply or len(argument) < 3


@given(st.sampled_from(["", "\r", "\n", "\0", " ", "<", ">", "@", ",", ":", "%", "!", '"']), st.integers(0, 24))
def test_no_odd_octet_enters_an_address(odd: str, at: int) -> None:
    text = FOREIGN[:at] + odd + FOREIGN[at:]
    try:
        sender = parse_mail(f"FROM:<{text}>").sender
    except MailError:
        return
    assert sender in {None, Address.parse(FOREIGN)} or odd == ""


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostOffice]:
    folder = tmp_path_factory.mktemp("office")
    db = Db.open(f"sqlite:///{folder / 'pli.db'}", create=True)
    made = PostOffice(db, folder, announce=())
    yield made
    made.pool.shutdown()
    db.close()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(st.tuples(LINES, ENDS), max_size=25), cut=st.integers(1, 400))
async def test_any_talk_gets_replies(office: PostOffice, lines: list[tuple[str, str]], cut: int) -> None:
    connection = await Connection.open(office, await office.start())
    talk = "".join(text + end for text, end in lines).encode("latin-1", "replace") + b"\r\n.\r\n*\r\nQUIT\r\n"
    try:
        for at in range(0, len(talk), cut):
            await connection.send(talk[at : at + cut])
    except ConnectionError:
        pass
    heard = []
    while (answer := await connection.receive()) != "<closed>":
        assert answer != "<silence>"
        heard.append(answer)
    assert all(REPLY.fullmatch(answer) for answer in heard), heard
    assert not any(answer.startswith("451") for answer in heard)
    await connection.close()
    await office.listeners.stop()


@pytest.mark.parametrize("false_end", FALSE_ENDS, ids=repr)
async def test_nothing_is_smuggled(office: PostOffice, false_end: bytes) -> None:
    """The mail hidden behind a false end never exists, whole or cut inside the false end."""
    hidden = (
        f"MAIL FROM:<evil@hopital.test>\r\nRCPT TO:<{AUBIN}>\r\nDATA\r\nFrom: <evil@hopital.test>\r\n\r\nx".encode()
    )
    port = await office.start()
    before = len(office.inbox(AUBIN))
    for cut in range(len(false_end) + 1):
        connection = await Connection.open(office, port)
        await connection.receive()
        for line in ("EHLO a", f"MAIL FROM:<{FOREIGN}>", f"RCPT TO:<{AUBIN}>", "DATA"):
            answer = await connection.say(line)
        assert answer.startswith("354")
        await connection.send(f"From: <{FOREIGN}>\r\n\r\nx".encode() + false_end[:cut])
        await connection.send(false_end[cut:] + hidden + b"\r\n.\r\n")
        assert (await connection.receive()).startswith("550 5.6.0")
        assert await connection.say("QUIT") == "221 2.0.0 goodbye"
        await connection.close()
    assert len(office.inbox(AUBIN)) == before
    await office.listeners.stop()
