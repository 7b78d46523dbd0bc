"""Fuzz targets of the mail that comes in: `python -m tests.fuzz.smtp [target…] --seconds 300`.

Targets: commands (the reader of command lines), data (DATA and BDAT, against the slow reading of RFC 5321), session (a
whole connection, without network or database), mime (the walk and all that reads a message), addresses, headers.
"""

import asyncio
import random
import re
from pathlib import Path

import structlog

from core.address import Address, NotAnAddress
from core.errors import BadInput
from mail.addresses import addresses
from mail.bounds import MimeBounds
from mail.chunk_reader import ChunkReader
from mail.content import decode_part, filename, text_of
from mail.data_reader import Bounds, DataReader
from mail.headers import Headers
from mail.letter import first_from, read_letter
from mail.parameters import content_type, disposition
from mail.part import dumps, leaves, loads
from mail.replies import MailError
from mail.smtp_line import parse_helo, parse_mail, parse_rcpt, split_command
from mail.structure import describe
from mail.transfer import parse_bdat
from mail.words import decode_extended, decode_words
from tests.fuzz.engine import main
from tests.fuzz.talk import talk
from tests.support.slow_reader import BOUNDS, reference

ROOT = Path(__file__).resolve().parents[1]
MESSAGES = [path.read_bytes() for path in sorted((ROOT / "messages").glob("*.eml"))]
TALKS = [
    re.sub(rb"\{[A-Z:]+\}", b"dr.aubin@cabinet.example", b"\r\n".join(re.findall(rb"^c: (.*)$", text, re.M))) + b"\r\n"
    for text in (path.read_bytes() for path in sorted((ROOT / "dialogues").glob("*.smtp")))
]
LINES = [line for talked in TALKS for line in talked.split(b"\r\n")]
FIELDS = [line for message in MESSAGES for line in re.split(rb"\r?\n(?![ \t])", message[:4000])]


def commands(line: bytes) -> None:
    """A line is understood, or refused with a reply that repeats none of it."""
    try:
        verb, argument = split_command(line)
    except MailError as error:
        assert error.code == 500
        return
    assert verb.isalpha() and verb.isupper() and verb.isascii()
    for parse in (parse_mail, parse_helo, parse_bdat, _rcpt, _rcpt_utf8):
        try:
            parse(argument)
        except MailError as error:
            assert error.code in {501, 552, 553, 555} and "\r" not in error.reply and "\n" not in error.reply


def _rcpt(argument: str) -> None:
    parse_rcpt(argument, "postmaster@cabinet.example")


def _rcpt_utf8(argument: str) -> None:
    parse_rcpt(argument, "postmaster@cabinet.example", utf8=True)


def data(octets: bytes) -> None:
    """Cut anywhere, the reader says what the slow reading says; chunks keep every octet or refuse."""
    dice, taken = random.Random(octets[:64]), bytearray()
    reader, rest = DataReader(taken.extend, BOUNDS), None
    pieces = _cut(octets, dice)
    while pieces and rest is None:
        rest = reader.feed(pieces.pop(0))
    expected = reference(octets)
    if expected is None:
        assert rest is None
    else:
        assert rest is not None
        found = None if reader.fault else bytes(taken)
        assert (found, rest + b"".join(pieces)) == expected
    _chunks(octets, dice)


def _chunks(octets: bytes, dice: random.Random) -> None:
    taken = bytearray()
    reader = ChunkReader(taken.extend, Bounds(message=1 << 20, header=1 << 20, line=1 << 20))
    for chunk in _cut(octets, dice):
        reader.expect(len(chunk))
        for piece in _cut(chunk, dice):
            assert reader.feed(piece) == b""
        assert not reader.left
    reader.finish()
    clean = octets.replace(b"\r\n", b"")
    bad = b"\r" in clean or b"\n" in clean or b"\0" in octets
    assert bad == (reader.fault is not None)
    assert bad or bytes(taken) == octets


def _cut(octets: bytes, dice: random.Random) -> list[bytes]:
    places = sorted(dice.randint(0, len(octets)) for _ in range(dice.randint(0, 6)))
    return [octets[a:b] for a, b in zip([0, *places], [*places, len(octets)], strict=True)]


def mime(raw: bytes) -> None:
    """Whoever reads a message survives it."""
    letter = read_letter(raw)
    try:
        first_from(letter.headers)
        described = describe(raw)
    except MimeBounds:
        return
    assert loads(dumps(described.tree)) == described.tree
    assert b"\0" not in described.envelope + described.bodystructure
    for _path, part in leaves(described.tree):
        assert 0 <= part.start <= part.body <= part.end <= len(raw)
        try:
            decode_part(raw, part)
            text_of(raw, part)
            filename(part)
        except MimeBounds:
            continue


def address(value: bytes) -> None:
    """Lists and single addresses: an answer or one of our own errors."""
    try:
        for item in addresses(value).mailboxes:
            try:
                parsed = Address.parse(item.address.decode("latin-1"))
                assert parsed.text.isascii() and Address.parse(parsed.text) == parsed
            except NotAnAddress:
                continue
    except MimeBounds:
        return


def headers(block: bytes) -> None:
    """Fields tile the block; words and parameters take anything."""
    read = Headers(block)
    for field in read.fields:
        value = read.value(field)
        shown = decode_words(value) + decode_extended(value)
        assert not any(ord(char) < 32 or 0x7F <= ord(char) < 0xA0 for char in shown)
        try:
            content_type(value)
            disposition(value)
        except BadInput:
            continue


def session(octets: bytes) -> None:
    """Every answer of a connection is a reply; nothing goes unanswered, nothing breaks."""
    asyncio.run(talk(octets))


TARGETS = {
    "commands": (commands, LINES),
    "data": (data, [*TALKS, b"a\r\n.\r\n", b"\r\n..\r\n.\r\nQUIT\r\n"]),
    "session": (session, TALKS),
    "mime": (mime, MESSAGES),
    "addresses": (address, [*FIELDS, b'"a b" <a@b.example>, c: d@e.example, (x) f@g.example;']),
    "headers": (headers, [*FIELDS, *(message[:2000] for message in MESSAGES)]),
}


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    main(TARGETS)
