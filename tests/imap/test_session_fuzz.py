"""Whatever is said, an answer comes or the connection ends: never a bug of ours, never a word of another mailbox."""

import random
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.imap_dialogue import RawClient, read_dialogue
from tests.support.imap_house import LEA, NOE, PASSWORD, ImapHouse
from tests.support.imap_mails import PLAIN

pytestmark = pytest.mark.slow

QUIET = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])

DIALOGUES = Path(__file__).parents[1] / "dialogues"
MALFORMED, BATCH, CPU_S = 4_000, 20, 2.0
SPOILS = (
    b"(",
    b")",
    b'"',
    b"\\",
    b"{",
    b"}",
    b"{9999999999+}\r\n",
    b"{3+}\r\nabc",
    b"\x00",
    b"\xff\xfe",
    b"\r",
    b"\n",
    b"*",
    b"%",
    b"4294967296",
    b"-1",
    b"&",
    b"&AOk",
    b"[",
    b"]",
    b"<0.0>",
    b" ",
    b"  ",
    b"\xc3\xa9",
    b"1:",
    b":*",
    b",,",
    b"()",
)

_verbs = st.sampled_from(
    "CAPABILITY NOOP LOGOUT ID STARTTLS AUTHENTICATE LOGIN SELECT EXAMINE CREATE DELETE RENAME SUBSCRIBE UNSUBSCRIBE "
    "LIST LSUB STATUS APPEND IDLE NAMESPACE ENABLE CHECK CLOSE UNSELECT EXPUNGE SEARCH FETCH STORE COPY MOVE UID "
    "DONE SORT THREAD".split()
)
_words = st.one_of(
    _verbs,
    st.sampled_from(
        'INBOX Sent "a b" "" * % 1 1:* 2,1 *:1 0 4294967295 FLAGS (FLAGS) +FLAGS -FLAGS.SILENT (\\Seen) (\\Deleted) () '
        "BODY[] BODY.PEEK[1.2] BODY[HEADER.FIELDS (a)] BODY[TEXT]<0.3> (UID FLAGS ENVELOPE BODYSTRUCTURE) RFC822 ALL "
        "UNSEEN TEXT x OR NOT (( )) RETURN (COUNT) 1-Jun-2026 CHARSET UTF-8 {3+}\r\nabc {0+}\r\n {5} NIL (MESSAGES) "
        'PLAIN = AGE= &AOk- &&- \x00 \xff " ( ) " 1-Jun-2026 00:00:00 +0000" (SUBSCRIBED) $SignaturePass '
        "$ (SAVE) (DATE) REFERENCES QRESYNC CONDSTORE IMAP4rev2 UTF8=ACCEPT (QRESYNC (1 1)) BINARY[1] PREVIEW MODSEQ "
        '(CHANGEDSINCE 1) (UNCHANGEDSINCE 1) YOUNGER EMAILID ~{1+}\r\nx "Rés"'.split(" ")
    ),
    st.text(st.characters(max_codepoint=255), max_size=6),
)
_command = st.lists(_words, max_size=7).map(lambda words: "t " + " ".join(words) + "\r\n")
_script = st.lists(_command, max_size=8).map(lambda lines: "".join(lines).encode("latin-1", "replace"))


@QUIET
@given(script=st.one_of(_script, st.binary(max_size=300)), logged_in=st.booleans())
async def test_anything(house: ImapHouse, port: int, script: bytes, logged_in: bool) -> None:
    if not house.fuzzed:
        house.fuzzed = True
        await house.deliver(PLAIN.replace(b"Bonjour", b"Secret-de-Noe"), NOE)
        await house.deliver(PLAIN)
    client = await RawClient.connect(port)
    if logged_in:
        await client.command(f'LOGIN {LEA} "{PASSWORD}"')
        await client.command("SELECT INBOX")
    try:
        await client.send(script + b"\r\nDONE\r\n")
        client.writer.write_eof()
        said = await client.reader.read()
    except ConnectionError:
        said = b""
    await client.close()
    assert b"SERVERBUG" not in said
    assert b"Secret-de-Noe" not in said


def spoilt(dice: random.Random, line: bytes) -> bytes:
    """A good command with a few octets taken out, put in, doubled or swapped for others."""
    octets = bytearray(line)
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(len(octets) + 1)
        piece = bytes(octets[at : at + dice.randint(1, 12)])
        kind = dice.randrange(4)
        if kind == 0:
            del octets[at : at + len(piece)]
        elif kind == 1:
            octets[at:at] = piece * dice.randint(2, 30)
        elif kind == 2:
            octets[at:at] = dice.choice(SPOILS)
        else:
            octets[at : at + len(piece)] = dice.choice(SPOILS)
    return bytes(octets)


async def test_thousands_of_spoilt_commands(house: ImapHouse, port: int) -> None:
    """What real clients say, spoilt: no bug of ours, no command that takes seconds of work."""
    dice = random.Random(9051)
    await house.deliver(PLAIN)
    lines = sorted(
        {
            step.text.encode()
            for path in DIALOGUES.glob("*.imap")
            for step in read_dialogue(path)
            if step.verb == "c" and len(step.text) > 8 and " ID " not in step.text
        }
    )
    said, dearest = 0, 0.0
    while said < MALFORMED:
        client = await RawClient.connect(port)
        await client.command(f'LOGIN {LEA} "{PASSWORD}"')
        await client.command("SELECT INBOX")
        batch = [spoilt(dice, dice.choice(lines)) for _ in range(BATCH)]
        start = time.process_time()
        try:
            await client.send(b"\r\n".join([*batch, b"DONE", b""]))
            client.writer.write_eof()
            answer = await client.reader.read()
        except ConnectionError:
            answer = b""
        dearest = max(dearest, time.process_time() - start)
        await client.close()
        assert b"SERVERBUG" not in answer, batch
        said += BATCH
    assert dearest < CPU_S
