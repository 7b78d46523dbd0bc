"""Octets cut into commands, however the network cuts them. RFC 3501 §4.3, RFC 7888."""

import pytest

from mail.imap.commands import Append
from mail.imap.errors import ImapBad
from mail.imap.reader import (
    AppendData,
    AppendEnd,
    AppendStart,
    CommandReader,
    Complete,
    Continue,
    Event,
    Overflow,
    RawLine,
    Rejected,
)
from mail.limits import IMAP_APPEND_OCTETS, IMAP_AUTH_LINE, IMAP_LINE, IMAP_LINE_BEFORE_LOGIN, IMAP_LITERALS


def events(reader: CommandReader, data: bytes, step: int = 0, accept: bool = True) -> list[Event]:
    """All events, appended messages accepted (or refused) as they are announced, their pieces joined."""
    found: list[Event] = []
    for at in range(0, len(data), step or len(data) or 1):
        reader.feed(data[at : at + step] if step else data)
        while event := reader.next():
            if isinstance(event, AppendStart):
                reader.accept() if accept else reader.refuse()
            if isinstance(event, AppendData) and found and isinstance(found[-1], AppendData):
                found[-1] = AppendData(found[-1].data + event.data)
            else:
                found.append(event)
    return found


DIALOGUE = (
    b"a NOOP\r\n"
    b"b LOGIN {3}\r\nana {4+}\r\np\r\nw\r\n"
    b"c APPEND {5}\r\nINBOX (\\Seen) {10}\r\nSubject: x\r\n"
    b"d APPEND INBOX {6+}\r\na\r\nb\r\n\r\n"
    b"e NOOP\n"
)
EXPECTED = [
    Complete(b"a NOOP"),
    Continue(),
    Complete(b"b LOGIN {3}\r\nana {4+}\r\np\r\nw"),
    Continue(),
    AppendStart(Append("c", "INBOX", ("\\Seen",), None), 10, True),
    AppendData(b"Subject: x"),
    AppendEnd(clean=True),
    AppendStart(Append("d", "INBOX", (), None), 6, False),
    AppendData(b"a\r\nb\r\n"),
    AppendEnd(clean=True),
    Complete(b"e NOOP"),
]


@pytest.mark.parametrize("step", [0, 1, 2, 3, 7])
def test_a_dialogue_reads_alike_in_pieces_of_any_size(step: int) -> None:
    assert events(CommandReader(), DIALOGUE, step) == EXPECTED


@pytest.mark.parametrize("step", [0, 1])
def test_a_refused_message_that_comes_anyway_is_read_over(step: int) -> None:
    wire = b"a APPEND x {3+}\r\nb N\r\nc APPEND x {9}\r\nd NOOP\r\n"  # the second waits and never comes
    kinds = [type(event) for event in events(CommandReader(), wire, step, accept=False)]
    assert kinds == [AppendStart, AppendStart, Complete]


@pytest.mark.parametrize("tail", [b" x\r\n", b" x {3}\r\n", b" x {3+}\r\nabc\r\n", b") {3}\r\n"])
def test_nonsense_behind_a_message(tail: bytes) -> None:
    found = events(CommandReader(), b"a APPEND x {1+}\r\ny" + tail + b"b NOOP\r\n")
    assert found[1:] == [AppendData(b"y"), AppendEnd(clean=False), Complete(b"b NOOP")]


def test_several_messages_a_command() -> None:
    """RFC 3502 §6.3.11."""
    found = events(CommandReader(), b"a APPEND x {1+}\r\ny (\\Seen) {2}\r\nzz\r\nb NOOP\r\n")
    second = AppendStart(Append("a", "x", ("\\Seen",), None), 2, True)
    assert found[1:] == [
        AppendData(b"y"),
        second,
        AppendData(b"zz"),
        AppendEnd(clean=True),
        Complete(b"b NOOP"),
    ]


def test_an_empty_message_is_announced_and_ended() -> None:
    found = events(CommandReader(), b"a APPEND x {0+}\r\n\r\n")
    assert found == [AppendStart(Append("a", "x", (), None), 0, False), AppendEnd(clean=True)]


@pytest.mark.parametrize(
    ("wire", "tag", "condition"),
    [
        (b"a APPEND x (\\Recent) {3}\r\nb NOOP\r\n", "a", "BAD"),
        (b"a APPEND x (\\Recent) {3+}\r\nabc\r\nb NOOP\r\n", "a", "BAD"),
        (b"a APPEND x {%d}\r\nb NOOP\r\n" % (IMAP_APPEND_OCTETS + 1), "a", "NO"),
        (b"a LOGIN {9000}\r\nb NOOP\r\n", "a", "BAD"),
        (b"a LOGIN {9000+}\r\n" + b"x" * 9000 + b" y\r\nb NOOP\r\n", "a", "BAD"),
        (b"a LOGIN " + b"{1+}\r\nx " * (IMAP_LITERALS + 1) + b"y\r\nb NOOP\r\n", "a", "BAD"),
        (b"{9000}\r\nb NOOP\r\n", "*", "BAD"),
    ],
)
def test_rejected_without_losing_the_thread(wire: bytes, tag: str, condition: str) -> None:
    *_, rejected, last = events(CommandReader(), wire)
    assert isinstance(rejected, Rejected)
    assert isinstance(rejected.error, ImapBad)
    assert (rejected.error.tag, rejected.error.condition) == (tag, condition)
    assert last == Complete(b"b NOOP")


@pytest.mark.parametrize(
    "wire",
    [
        b"a" * (IMAP_LINE_BEFORE_LOGIN + 2),
        b"a LOGIN {8000+}\r\n" + b"x" * 8000 + b"y" * 300,
        b"a LOGIN {%d+}\r\n" % (IMAP_APPEND_OCTETS + 1),
        b"a APPEND x {%d+}\r\n" % (IMAP_APPEND_OCTETS + 1),
        b"a APPEND x {1+}\r\ny {%d+}\r\n" % (IMAP_APPEND_OCTETS + 1),
    ],
)
def test_too_long_to_go_on(wire: bytes) -> None:
    reader = CommandReader()
    assert isinstance(events(reader, wire)[-1], Overflow)
    assert events(reader, b"\r\nb NOOP\r\n") == []
    assert reader.pending == 0


INITIAL = b"a AUTHENTICATE OAUTHBEARER "


@pytest.mark.parametrize("step", [0, 1000])
def test_a_proof_may_come_with_the_command(step: int) -> None:
    """An access token: RFC 4954 §4 names the figure, RFC 7628 its use over IMAP."""
    line = INITIAL + b"A" * IMAP_AUTH_LINE
    assert events(CommandReader(), line + b"\r\nb NOOP\r\n", step) == [Complete(line), Complete(b"b NOOP")]


@pytest.mark.parametrize(
    "wire",
    [
        INITIAL + b"A" * (IMAP_AUTH_LINE + 2),
        INITIAL + b"A" * IMAP_LINE,
        b"a AUTHENTICATE " + b"A" * IMAP_AUTH_LINE,  # no mechanism's name is as long
        b"a LOGIN ana " + b"A" * IMAP_LINE_BEFORE_LOGIN,
        b"a LOGIN {3+}\r\nana " + b"A" * IMAP_LINE_BEFORE_LOGIN,
        b"a LOGIN {30+}\r\n" + INITIAL + b"xyz" + b"A" * IMAP_LINE_BEFORE_LOGIN,
    ],
)
def test_nothing_else_is_as_long(wire: bytes) -> None:
    reader = CommandReader()
    found: list[Event] = []
    for at in range(0, len(wire), 512):
        reader.feed(wire[at : at + 512])
        found += filter(None, [reader.next()])
        assert reader.pending <= len(INITIAL) + IMAP_AUTH_LINE + 1
    assert isinstance(found[-1], Overflow) and reader.pending == 0


def test_a_long_proof_takes_no_literal() -> None:
    [rejected] = events(CommandReader(), INITIAL + b"A" * (IMAP_AUTH_LINE - 3) + b"{0}\r\n")
    assert isinstance(rejected, Rejected)


def test_the_line_may_be_longer_after_login() -> None:
    reader = CommandReader()
    reader.authenticated()
    line = b"a" * IMAP_LINE
    assert events(reader, line + b"\r\n") == [Complete(line)]
    assert isinstance(events(reader, line + b"aa\r\n")[0], Overflow)


def test_the_exact_bound_passes_in_pieces() -> None:
    line = b"a" * IMAP_LINE_BEFORE_LOGIN
    reader = CommandReader()
    reader.feed(line + b"\r")
    assert reader.next() is None
    reader.feed(b"\n")
    assert reader.next() == Complete(line)


def test_a_line_that_is_no_command() -> None:
    reader = CommandReader()
    assert events(reader, b"a IDLE\r\n") == [Complete(b"a IDLE")]
    reader.expect_line()
    assert events(reader, b"DONE {3}\r\nb NOOP\r\n") == [RawLine(b"DONE {3}"), Complete(b"b NOOP")]


def test_what_came_before_tls_is_seen_and_dropped() -> None:
    reader = CommandReader()
    reader.feed(b"a STARTTLS\r\nb LOGIN x y\r\n")
    assert reader.next() == Complete(b"a STARTTLS")
    assert reader.pending
    reader.forget()
    assert reader.next() is None
    assert events(reader, b"c NOOP\r\n") == [Complete(b"c NOOP")]


def test_an_announced_message_waits_for_its_answer() -> None:
    reader = CommandReader()
    reader.feed(b"a APPEND x {1+}\r\ny\r\n")
    assert isinstance(reader.next(), AppendStart)
    assert reader.next() is None
    reader.accept()
    assert reader.next() == AppendData(b"y")


def test_a_large_message_is_never_held_whole() -> None:
    reader = CommandReader()
    reader.feed(b"a APPEND x {1000000+}\r\n")
    assert isinstance(reader.next(), AppendStart)
    reader.accept()
    for _ in range(1000):
        reader.feed(b"x" * 1000)
        assert reader.next() == AppendData(b"x" * 1000)
        assert reader.next() is None
        assert reader.pending == 0


@pytest.mark.parametrize("line", [b'a SELECT "{3}"', b"a SELECT {3} ", b"a {x}", b"a {-1}", b"a {99999999999}"])
def test_what_only_resembles_a_literal(line: bytes) -> None:
    assert events(CommandReader(), line + b"\r\n") == [Complete(line)]
