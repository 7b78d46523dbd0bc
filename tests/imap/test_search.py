"""Which messages answer a search. RFC 3501 §6.4.4."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings

from mail.imap.commands import Search
from mail.imap.parse import parse_command
from mail.imap.search import Mailbox, Matcher, lacks, sent_day, words_of_headers
from mail.limits import IMAP_SEARCH_OCTETS
from mail.mime import walk
from mail.part import Part
from tests.support.mime_makers import crlf, hostile_bytes

RAW = crlf("""Date: Tue, 3 Mar 2026 23:30:00 -0500
From: =?utf-8?q?Ana_L=C3=A9ger?= <ana@cabinet.example>
To: officine@pharmacie.example
Subject: =?utf-8?b?T3Jkb25uYW5jZSBkJ8OpdMOp?=
 pour le =?iso-8859-1?q?No=EBl?=
X-Mss-Nil: 42
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain; charset=iso-8859-15
Content-Transfer-Encoding: quoted-printable

Bonjour, voici la posologie =E9crite en fran=
=E7ais : 20 =A4
--b
Content-Type: application/octet-stream
Content-Transfer-Encoding: base64

c2VjcmV0
--b
Content-Type: message/rfc822

Subject: enclosed letter

inner words
--b--
""")


@dataclass(frozen=True)
class IndexRow:
    number: int = 3
    uid: int = 30
    flags: tuple[str, ...] = ("\\Seen", "$Urgent")
    internal_at: datetime = datetime(2026, 3, 4, 0, 30, tzinfo=UTC)
    size: int = len(RAW)
    modseq: int = 7
    message_id: int = 77


@dataclass
class Kept:
    raw: bytes = RAW
    reads: list[str] = field(default_factory=list)

    def headers(self) -> bytes:
        self.reads.append("headers")
        return self.raw[: self.tree().body]

    def tree(self) -> Part:
        return walk(self.raw)

    def read(self, offset: int, length: int) -> bytes:
        self.reads.append("body")
        return self.raw[offset : offset + length]


def answers(keys: str, message: Kept | None = None) -> bool:
    command = parse_command(b"a SEARCH " + keys.encode())
    assert isinstance(command, Search)
    return Matcher(command.query.key, Mailbox(3, 30)).matches(IndexRow(), message or Kept())


@pytest.mark.parametrize(
    "keys",
    [
        "ALL",
        "SEEN",
        "UNDELETED",
        "KEYWORD $urgent",
        "UNKEYWORD other",
        "OLD",
        "NOT NEW",
        "3",
        "*",
        "1:*",
        "UID 30",
        "UID 31:*",
        "ON 4-Mar-2026",
        "SINCE 4-Mar-2026",
        "BEFORE 5-Mar-2026",
        "SENTON 3-Mar-2026",
        "SENTBEFORE 4-Mar-2026",
        "SENTSINCE 3-Mar-2026",
        f"LARGER {len(RAW) - 1}",
        f"SMALLER {len(RAW) + 1}",
        "MODSEQ 7",
        "FROM ana@CABINET",
        'FROM "léger"',
        'FROM "ANA LÉGER"',
        "TO officine",
        "SUBJECT ordonnance",
        'SUBJECT "D\'ÉTÉ pour"',
        'SUBJECT "pour le Noël"',
        'SUBJECT "noe\u0308l"',
        'HEADER X-MSS-NIL ""',
        "HEADER x-mss-nil 42",
        'BODY "écrite en français : 20 €"',
        'BODY "inner words"',
        'TEXT "subject: enclosed"',
        "TEXT octet-stream",
        'TEXT "content-type: message/rfc822"',
        "TEXT posologie",
        "TEXT pharmacie.example",
        'TEXT "x-mss-nil: 42"',
        "OR DELETED SEEN",
        "NOT (DELETED SEEN)",
        "(SEEN 3) UID 1:30",
        'BODY ""',
        'BODY "FRANÇAIS"',
    ],
)
def test_answers(keys: str) -> None:
    assert answers(keys)


@pytest.mark.parametrize(
    "keys",
    [
        "UNSEEN",
        "DELETED",
        "NEW",
        "RECENT",
        "NOT ALL",
        "2",
        "4:9",
        "UID 29",
        "ON 3-Mar-2026",
        "SINCE 5-Mar-2026",
        "BEFORE 4-Mar-2026",
        "SENTON 4-Mar-2026",
        f"LARGER {len(RAW)}",
        f"SMALLER {len(RAW)}",
        "MODSEQ 8",
        "FROM officine",
        "CC ana",
        'HEADER X-Absent ""',
        "BODY secret",
        "BODY ordonnance",
        'BODY "subject: enclosed"',  # RFC 9051 §6.4.4: no header field
        "BODY octet-stream",
        "TEXT secret",
        "SUBJECT leger",
        "OR DELETED 2",
        "SEEN DELETED",
        "FROM =?utf-8?q?Ana",
    ],
)
def test_does_not_answer(keys: str) -> None:
    assert not answers(keys)


@pytest.mark.parametrize(
    ("keys", "reads"),
    [
        ("BODY x UNSEEN", []),
        ("SUBJECT x DELETED BODY y", []),
        ("OR BODY x SEEN", []),
        ("NOT (TEXT x DRAFT)", []),
        ("BODY x SUBJECT absent", ["headers"]),
        ("SUBJECT x FROM y TO z", ["headers"]),
        ("UID 1:5 BODY x", []),
    ],
)
def test_octets_are_read_only_when_no_row_decides(keys: str, reads: list[str]) -> None:
    message = Kept()
    answers(keys, message)
    assert message.reads == reads


def test_each_text_is_read_once() -> None:
    message = Kept()
    assert not answers("OR BODY absent1 OR BODY absent2 TEXT absent3", message)
    assert message.reads.count("headers") == 1
    assert message.reads.count("body") == 6  # two texts, the headers of three parts and of the enclosed message


def test_a_body_is_looked_at_up_to_its_bound() -> None:
    raw = b"Subject: x\r\n\r\n" + b"a" * IMAP_SEARCH_OCTETS + b"needle"
    assert not answers("BODY needle", Kept(raw))
    assert answers("BODY aaaa", Kept(raw))


def test_an_empty_mailbox_has_no_star() -> None:
    command = parse_command(b"a SEARCH OR * UID *")
    assert isinstance(command, Search)
    assert not Matcher(command.query.key, Mailbox(0, 0)).matches(IndexRow(), Kept())


@pytest.mark.parametrize(
    ("value", "day"),
    [
        (b"Tue, 3 Mar 2026 23:30:00 -0500", date(2026, 3, 3)),
        (b"3 Mar 2026 23:30", date(2026, 3, 3)),
        (b"  Tue , 03 March 26", date(2026, 3, 3)),
        (b"1 Jan 99 00:00 GMT", date(1999, 1, 1)),
        (b"31 Feb 2026", None),
        (b"3 Xyz 2026", None),
        (b"2026-03-03", None),
        (b"", None),
        (b"(" * 5000, None),
    ],
)
def test_days_of_date_fields(value: bytes, day: date | None) -> None:
    assert sent_day(value) == day


@settings(max_examples=150, deadline=None)
@given(hostile_bytes)
def test_any_message_can_be_searched(raw: bytes) -> None:
    for keys in ("TEXT a OR BODY x SENTON 1-Jan-2026", 'NOT FROM ana HEADER subject "é"'):
        assert answers(keys, Kept(raw)) in {True, False}


HEADS = [
    "Subject: Two Words\r\n here\r\n",
    "subject:A\r\n\tb\r\n",
    "From: x\x0by\r\n",
    "To : ab\r\r\n c\r\n",
    "X: \x1cz\n",
]
SOUGHT = ["words here", "Two", "a b", "ab", "X Y", "", " ", "\x1c", "Ⅳ", "\u2126", "ﬁ", "z", "WORDSHERE"]


@pytest.mark.parametrize("field", ["SUBJECT", "FROM", "TO", "HEADER X"])
@pytest.mark.parametrize("sought", SOUGHT)
def test_the_quick_no_denies_nothing_that_answers(field: str, sought: str) -> None:
    """Each block alone and all of them as one; encoded words and other letters are never denied."""
    encoded = ["Subject: =?utf-8?q?Two?= =?utf-8?q?_Words?=\r\n", "Subject: Tw\xf6\r\n"]
    for head in [*HEADS, *encoded, "".join(HEADS)]:
        raw = head.encode("latin-1") + b"\r\n"
        wire = f"a SEARCH CHARSET UTF-8 {field} ".encode() + b"{%d}\r\n" % len(sought.encode()) + sought.encode()
        command = parse_command(wire)
        assert isinstance(command, Search)
        key = command.query.key
        if Matcher(key, Mailbox(3, 30)).matches(IndexRow(), Kept(raw)):
            assert not lacks(words_of_headers(key), raw)


def test_the_quick_no_is_said() -> None:
    command = parse_command(b"a SEARCH OR SEEN SUBJECT x SUBJECT topic")
    assert isinstance(command, Search)
    words = words_of_headers(command.query.key)
    assert words == (b"topic",)  # what stands in an OR need not be there
    assert lacks(words, b"Subject: another\r\n") and not lacks(words, b"Subject: TOPIC7\r\n")
    assert not lacks((), b"Subject: another\r\n")
