"""What comes out is byte for byte what came in, whole and in pieces, but for NUL. RFC 3501 §6.4.5, §4.3.1."""

import base64
import hashlib
import re

import pytest

from tests.support.imap_dialogue import RawClient
from tests.support.imap_house import ImapHouse
from tests.support.imap_mails import MAILS


def shown(raw: bytes) -> bytes:
    """As a literal has it."""
    return raw.replace(b"\0", b"\x80")


async def literal(client: RawClient, text: str, tag: str = "y") -> bytes:
    """The one literal of an answer."""
    await client.send(f"{tag} {text}\r\n")
    head = await client.line()
    found = re.search(r"\{(\d+)\}$", head)
    assert found, head
    data = await client.reader.readexactly(int(found[1]))
    assert (await client.answer(tag))[-1].startswith(f"{tag} OK")
    return data


@pytest.mark.parametrize("name", MAILS)
async def test_whole_message(house: ImapHouse, lea: RawClient, name: str) -> None:
    await house.deliver(MAILS[name])
    await lea.command("SELECT INBOX")
    for item in ("BODY[]", "BODY.PEEK[]", "RFC822"):
        data = await literal(lea, f"FETCH 1 {item}")
        assert hashlib.sha256(data).digest() == hashlib.sha256(shown(MAILS[name])).digest()


@pytest.mark.parametrize("name", ["parts", "odd", "middle", "large"])
async def test_header_and_text_together_are_the_message(house: ImapHouse, lea: RawClient, name: str) -> None:
    await house.deliver(MAILS[name])
    await lea.command("SELECT INBOX")
    header = await literal(lea, "FETCH 1 RFC822.HEADER")
    text = await literal(lea, "FETCH 1 BODY.PEEK[TEXT]")
    assert header + text == shown(MAILS[name])


@pytest.mark.parametrize("step", [300_000, 65_536, 999_999])
async def test_pieces_of_a_large_message(house: ImapHouse, lea: RawClient, step: int) -> None:
    raw = MAILS["large"]
    await house.deliver(raw)
    await lea.command("SELECT INBOX")
    pieces = [await literal(lea, f"FETCH 1 BODY.PEEK[]<{at}.{step}>") for at in range(0, len(raw), step)]
    assert b"".join(pieces) == raw


async def test_an_appended_message_is_as_it_was_sent(lea: RawClient) -> None:
    raw = MAILS["large"]
    await lea.send(b"z APPEND INBOX {%d+}\r\n" % len(raw) + raw + b"\r\n")
    assert (await lea.answer("z"))[-1].startswith("z OK [APPENDUID")
    await lea.command("SELECT INBOX")
    assert await literal(lea, "FETCH 1 BODY[]") == raw


async def test_a_nul_is_told_by_binary_alone(lea: RawClient) -> None:
    """In a body that is kept in a file, too, and streamed."""
    raw = b"Content-Type: text/plain\r\n\r\n" + b"a\0b\r\n" * 400_000
    await lea.send(b"z APPEND INBOX ~{%d+}\r\n" % len(raw) + raw + b"\r\n")
    assert (await lea.answer("z"))[-1].startswith("z OK [APPENDUID")
    await lea.command("SELECT INBOX")
    assert await literal(lea, "FETCH 1 BODY.PEEK[]") == shown(raw)
    assert await literal(lea, "FETCH 1 BINARY.PEEK[]") == raw


async def test_a_binary_part_is_read_by_every_program(lea: RawClient) -> None:
    """RFC 3516 §4.4: kept in base64, also where it is large; a message that is signed stays as it is."""
    data = bytes(range(256)) * 3000
    head = b"Content-Type: multipart/%s; boundary=b\r\nContent-Transfer-Encoding: binary\r\n\r\n--b\r\n"
    part = (
        b"Content-Type: image/png\r\nContent-Transfer-Encoding:\r\n binary\r\n\r\n%s\r\n--b\r\n\r\nx\r\n--b--\r\n"
        % data
    )
    for kind in (b"mixed", b"signed"):
        raw = head % kind + part
        await lea.send(b"z APPEND INBOX ~{%d+}\r\n" % len(raw) + raw + b"\r\n")
        assert (await lea.answer("z"))[-1].startswith("z OK [APPENDUID")
    await lea.command("SELECT INBOX")
    assert base64.b64decode(await literal(lea, "FETCH 1 BODY.PEEK[1]")) == data
    assert await literal(lea, "FETCH 1 BINARY.PEEK[1]") == data
    assert b"Encoding: 8bit\r\n" in await literal(lea, "FETCH 1 BODY.PEEK[HEADER]")
    assert await literal(lea, "FETCH 2 BINARY.PEEK[]") == head % b"signed" + part


async def test_many_messages_in_one_answer(house: ImapHouse, lea: RawClient) -> None:
    """More than one batch, large and small mixed."""
    sent = [MAILS[("plain", "large", "parts", "middle", "odd")[number % 5]] for number in range(70)]
    for raw in sent:
        await house.deliver(raw)
    await lea.command("SELECT INBOX")
    await lea.send("q UID FETCH 1:* BODY.PEEK[]\r\n")
    for number, raw in enumerate(sent, 1):
        head = await lea.line()
        assert head == f"* {number} FETCH (UID {number} BODY[] {{{len(raw)}}}"
        assert await lea.reader.readexactly(len(raw)) == shown(raw)
        assert await lea.line() == ")"
    assert (await lea.line()).startswith("q OK")
