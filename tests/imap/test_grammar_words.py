"""Sequence sets, mailbox names and patterns, dates, and what the server writes."""

import itertools
from datetime import UTC, datetime, timedelta, timezone

import pytest

from core.clock import epoch_ms
from mail.imap import respond, utf7
from mail.imap.errors import ImapBad
from mail.imap.fetch_items import BodyItem
from mail.imap.grammar import Cursor
from mail.imap.patterns import Pattern
from mail.imap.sequence import compact, compact_in_order, holds, merge, parse
from mail.imap.strings import astring, nstring, string
from mail.limits import IMAP_SEQUENCE_RANGES
from mail.sections import Partial, Section


@pytest.mark.parametrize(
    ("text", "largest", "ranges"),
    [
        (b"1", 9, ((1, 1),)),
        (b"3:1", 9, ((1, 3),)),
        (b"1:2,3,5:6,4", 9, ((1, 6),)),
        (b"*", 9, ((9, 9),)),
        (b"*:7", 9, ((7, 9),)),
        (b"12:*", 9, ((9, 9),)),  # RFC 3501 §9: always at least the last
        (b"*", 0, ()),
        (b"1:*", 0, ()),
        (b"*:*,2", 5, ((2, 2), (5, 5))),
        (b"4294967295", 9, ((4294967295, 4294967295),)),
    ],
)
def test_sets_resolve(text: bytes, largest: int, ranges: tuple[tuple[int, int], ...]) -> None:
    assert parse(text).resolve(largest) == ranges


def test_sets_choose_from_what_there_is() -> None:
    assert parse(b"2:4,9,20:*").select([1, 3, 4, 8, 11]) == [3, 4, 11]
    assert parse(b"*").select([]) == []
    assert parse(b"5").exceeds(4)
    assert parse(b"5:*").exceeds(4) and not parse(b"4:*").exceeds(4)
    assert not parse(b"*").exceeds(4) and parse(b"*").exceeds(0)
    assert [n for n in range(8) if holds(((1, 2), (5, 6)), n)] == [1, 2, 5, 6]


def test_too_many_ranges_are_refused() -> None:
    parse(b",".join([b"1"] * IMAP_SEQUENCE_RANGES))
    with pytest.raises(ImapBad):
        parse(b",".join([b"1"] * (IMAP_SEQUENCE_RANGES + 1)))


def test_compact_writing() -> None:
    assert compact([5, 1, 2, 3, 9, 2]) == b"1:3,5,9"
    assert compact([]) == b""
    assert compact_in_order([3, 4, 1, 2, 9]) == b"3:4,1:2,9"
    assert merge([(5, 9), (1, 2), (3, 3), (6, 7)]) == ((1, 3), (5, 9))
    assert respond.copyuid(7, [3, 1], [10, 11]) == "COPYUID 7 3,1 10:11"


@pytest.mark.parametrize(
    ("name", "wire"),
    [
        ("INBOX", b"INBOX"),
        ("A&B", b"A&-B"),
        ("Éléments envoyés", b"&AMk-l&AOk-ments envoy&AOk-s"),
        ("~peter/mail/台北/日本語", b"~peter/mail/&U,BTFw-/&ZeVnLIqe-"),  # RFC 3501 §5.1.3
        ("😀", b"&2D3eAA-"),
        ("&&", b"&-&-"),
        ("é&é", b"&AOk-&-&AOk-"),
        ("", b""),
    ],
)
def test_mailbox_names_both_ways(name: str, wire: bytes) -> None:
    assert utf7.encode(name) == wire
    assert utf7.decode(wire) == name


@pytest.mark.parametrize(
    "wire",
    [
        b"&",
        b"a&b",
        b"&AGE-",
        b"&AOk",
        b"&AOk-&AOk-",
        b"&AO-",
        b"&2D0-",
        b"&3gA-",
        b"\xc3\xa9",
        b"&AOl-",
        b"&AOk=-",
        b"&A/k-",
        b"a\tb",
    ],
)
def test_other_spellings_are_refused(wire: bytes) -> None:
    with pytest.raises(ImapBad):
        utf7.decode(wire)


def test_a_lone_surrogate_cannot_be_written() -> None:
    with pytest.raises(ImapBad):
        utf7.encode("\ud800")


@pytest.mark.parametrize(
    ("reference", "pattern", "name", "fits"),
    [
        ("", "*", "a/b", True),
        ("", "%", "a/b", False),
        ("", "%", "a", True),
        ("", "%/%", "a/b", True),
        ("", "%/%", "a/b/c", False),
        ("", "a*c", "a/b/c", True),
        ("", "a%c", "a/c", False),
        ("", "*%", "a/b", True),
        ("", "%*", "a/b", True),
        ("", "", "", True),
        ("", "", "a", False),
        ("", "a", "ab", False),
        ("", "ab", "a", False),
        ("a/", "%", "a/b", True),
        ("a/", "%", "b", False),
        ("", "inbox", "INBOX", True),
        ("", "iNb%", "INBOX", True),
        ("", "inbox/%", "INBOX/a", True),
        ("", "inbox", "inboxes", False),
        ("", "A", "a", False),
        ("", "*", "INBOX", True),
        ("", "É%", "Été", True),
    ],
)
def test_patterns(reference: str, pattern: str, name: str, fits: bool) -> None:
    assert Pattern(reference, pattern).matches(name) is fits


def simple_match(pattern: str, name: str) -> bool:
    """The definition, word for word; exponential, for short words only."""
    if not pattern:
        return not name
    if pattern[0] in "*%":
        most = len(name) if pattern[0] == "*" else len(name.partition("/")[0])
        return any(simple_match(pattern[1:], name[used:]) for used in range(most + 1))
    return bool(name) and name[0] == pattern[0] and simple_match(pattern[1:], name[1:])


def test_patterns_agree_with_their_definition() -> None:
    names = ["".join(word) for size in range(5) for word in itertools.product("a/", repeat=size)]
    for pattern in ("".join(word) for size in range(5) for word in itertools.product("a/*%", repeat=size)):
        compiled = Pattern("", pattern)
        assert [compiled.matches(name) for name in names] == [simple_match(pattern, name) for name in names], pattern


def test_a_hostile_pattern_costs_a_step_a_character() -> None:
    pattern = Pattern("", "%a*" * 150 + "b")
    assert not pattern.matches("a" * 5000)
    assert pattern.steps <= 5000


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        (b'" 1-Feb-1994 21:52:25 -0800"', datetime(1994, 2, 2, 5, 52, 25, tzinfo=UTC)),
        (b'"01-feb-1994 00:00:60 +0000"', datetime(1994, 2, 1, 0, 0, 59, tzinfo=UTC)),
        (b'"31-Dec-1999 23:59:59 +1400"', datetime(1999, 12, 31, 9, 59, 59, tzinfo=UTC)),
    ],
)
def test_moments(text: bytes, moment: datetime) -> None:
    assert Cursor(text).date_time() == moment


@pytest.mark.parametrize(
    "text",
    [
        b'"1-Feb-1994 21:52:25 -0800"',
        b'" 1-Feb-1994 21:52:25"',
        b'"31-Feb-1994 21:52:25 -0800"',
        b'" 1-Feb-1994 24:00:00 +0000"',
        b'" 1-Feb-0000 00:00:00 +0000"',
        b'" 1-Jan-0001 00:00:00 +2300"',
        b'" 1-Feb-1994 00:00:00 +9999"',
        b" 1-Feb-1994 21:52:25 -0800",
    ],
)
def test_no_such_moment(text: bytes) -> None:
    with pytest.raises(ImapBad):
        Cursor(text).date_time()


def test_internal_dates_are_written_in_utc() -> None:
    moment = datetime(2026, 3, 5, 1, 2, 3, tzinfo=timezone(timedelta(hours=2)))
    assert respond.internal_date(epoch_ms(moment)) == b'" 4-Mar-2026 23:02:03 +0000"'


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (b"", b'""'),
        (b"a b", b'"a b"'),
        (b'a"\\', b'"a\\"\\\\"'),
        (b"a\r\nb", b"{4}\r\na\r\nb"),
        (b"\xc3\xa9", b"{2}\r\n\xc3\xa9"),
        (b"a\0", b"{2}\r\na\x80"),
        (b"x" * 1001, b"{1001}\r\n" + b"x" * 1001),
    ],
)
def test_strings(value: bytes, written: bytes) -> None:
    assert string(value) == nstring(value) == written


@pytest.mark.parametrize(
    ("value", "written"), [(b"a", b"a"), (b"", b'""'), (b"nil", b'"nil"'), (b"a]", b'"a]"'), (b"a*", b'"a*"')]
)
def test_astrings(value: bytes, written: bytes) -> None:
    assert astring(value) == written
    assert nstring(None) == b"NIL"


@pytest.mark.parametrize(
    ("line", "written"),
    [
        (respond.tagged("a", "OK", "done"), b"a OK done\r\n"),
        (respond.tagged("a", "NO", "no\r\nroom", "OVER\r\nQUOTA"), b"a NO [OVER QUOTA] no room\r\n"),
        (respond.tagged("*", "BAD", "é"), b"* BAD ?\r\n"),
        (
            respond.list_line(["\\HasNoChildren", "\\Sent"], "Éléments envoyés"),
            b'* LIST (\\HasNoChildren \\Sent) "/" "&AMk-l&AOk-ments envoy&AOk-s"\r\n',
        ),
        (respond.list_line([], "a", lsub=True), b'* LSUB () "/" a\r\n'),
        (respond.status_line("INBOX", [("MESSAGES", 3), ("UNSEEN", 1)]), b"* STATUS INBOX (MESSAGES 3 UNSEEN 1)\r\n"),
        (respond.search_line([]), b"* SEARCH\r\n"),
        (respond.search_line([2, 3], 9), b"* SEARCH 2 3 (MODSEQ 9)\r\n"),
        (
            respond.esearch_line("a", [2, 3, 7], ["MIN", "COUNT", "ALL"], uid=True),
            b'* ESEARCH (TAG "a") UID COUNT 3 MIN 2 ALL 2:3,7\r\n',
        ),
        (respond.esearch_line("a", [], ["MIN", "COUNT", "ALL"], uid=False), b'* ESEARCH (TAG "a") COUNT 0\r\n'),
        (respond.fetch_flags(4, ["\\Seen"], uid=9, modseq=12), b"* 4 FETCH (UID 9 FLAGS (\\Seen) MODSEQ (12))\r\n"),
        (respond.exists(3) + respond.expunged(2), b"* 3 EXISTS\r\n* 2 EXPUNGE\r\n"),
        (respond.id_line([("name", "Pli")]), b'* ID ("name" "Pli")\r\n'),
        (respond.id_line([]), b"* ID NIL\r\n"),
        (respond.go_on(), b"+ ready\r\n"),
        (respond.body_value(b"a\0"), b"{2}\r\na\x80"),
        (respond.body_value(None), b"NIL"),
    ],
)
def test_lines(line: bytes, written: bytes) -> None:
    assert line == written


@pytest.mark.parametrize(
    ("item", "name"),
    [
        (BodyItem(Section()), b"BODY[]"),
        (BodyItem(Section((1, 2)), True, Partial(5, 7)), b"BODY[1.2]<5>"),
        (BodyItem(Section((1,), "HEADER.FIELDS", (b"From", b"a*"))), b'BODY[1.HEADER.FIELDS (From "a*")]'),
        (BodyItem(Section((), "TEXT"), name=b"RFC822.TEXT"), b"RFC822.TEXT"),
    ],
)
def test_body_names(item: BodyItem, name: bytes) -> None:
    assert respond.body_name(item) == name
