"""Properties of the grammar: what is written is read back, and nothing but ImapBad ever comes out."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mail.imap import respond, utf7
from mail.imap.commands import Store
from mail.imap.errors import ImapBad
from mail.imap.fetch_items import BodyItem, _item
from mail.imap.grammar import Cursor, mailbox_name
from mail.imap.parse import parse_append_head, parse_command
from mail.imap.reader import AppendStart, CommandReader, Complete
from mail.imap.sequence import STAR, SequenceSet, compact, parse, write
from mail.imap.strings import astring, string
from mail.limits import IMAP_NESTING, IMAP_SEARCH_DEPTH, IMAP_SEARCH_KEYS
from mail.sections import Partial, Section

pytestmark = pytest.mark.slow

RUNS = settings(max_examples=300, deadline=None)

_PIECES = [
    b"a ",
    b"UID ",
    b"FETCH ",
    b"STORE ",
    b"SEARCH ",
    b"LOGIN ",
    b"APPEND ",
    b"LIST ",
    b"SELECT ",
    b"STATUS ",
    b"ID ",
    b"ENABLE ",
    b"1:*",
    b"1,2",
    b" ",
    b"(",
    b")",
    b"[",
    b"]",
    b"<0.1>",
    b'"',
    b"\\",
    b"{1}\r\n",
    b"{2+}\r\n",
    b"\r\n",
    b"\n",
    b"NIL",
    b"BODY[",
    b"HEADER.FIELDS ",
    b"FLAGS",
    b"+FLAGS ",
    b"\\Seen",
    b"OR ",
    b"NOT ",
    b"ALL",
    b"FROM ",
    b"CHARSET UTF-8 ",
    b"INBOX",
    b"&AOk-",
    b"&",
    b"*",
    b"%",
    b"RETURN ",
    b"1-Feb-1994",
    b"x",
    b"\0",
    b"\xff",
]
hostile = st.lists(st.one_of(st.sampled_from(_PIECES), st.binary(max_size=3)), max_size=25).map(b"".join)
names = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=30)
octets = st.binary(max_size=50).filter(lambda data: b"\0" not in data)
uids = st.integers(1, 2**32 - 1)


@RUNS
@given(hostile)
def test_any_command_parses_or_is_bad(wire: bytes) -> None:
    for parse_it in (parse_command, parse_append_head):
        try:
            parse_it(wire)
        except ImapBad as bad:
            assert bad.public


@RUNS
@given(hostile, st.integers(1, 9))
def test_the_reader_gives_the_same_events_in_any_pieces(wire: bytes, step: int) -> None:
    assert _run(wire, len(wire) or 1) == _run(wire, step)


def _run(wire: bytes, step: int) -> list[object]:
    reader, found = CommandReader(), []
    for at in range(0, len(wire), step):
        reader.feed(wire[at : at + step])
        while event := reader.next():
            if isinstance(event, AppendStart):
                reader.refuse()
            found.append(str(event.error.public) if hasattr(event, "error") else event)
    return found


@RUNS
@given(octets)
def test_strings_are_read_back(value: bytes) -> None:
    assert Cursor(string(value)).string() == value
    assert Cursor(astring(value)).astring() == value


@RUNS
@given(st.lists(octets, min_size=2, max_size=2))
def test_a_login_with_literals_is_cut_and_read(words: list[bytes]) -> None:
    reader = CommandReader()
    reader.feed(b"a LOGIN " + b" ".join(b"{%d+}\r\n%b" % (len(word), word) for word in words) + b"\r\n")
    event = reader.next()
    assert isinstance(event, Complete)
    command = parse_command(event.wire)
    assert [command.user, command.password] == words  # type: ignore[attr-defined]


@RUNS
@given(names)
def test_mailbox_names_are_read_back(name: str) -> None:
    assert utf7.decode(utf7.encode(name)) == name
    if len(utf7.encode(name)) <= 512:
        expected = name if name.partition("/")[0].upper() != "INBOX" else "INBOX" + name[5:]
        assert Cursor(respond.mailbox(name)).mailbox() == mailbox_name(utf7.encode(name)) == expected


@RUNS
@given(st.binary(max_size=30))
def test_decoding_is_the_inverse_or_refuses(wire: bytes) -> None:
    try:
        assert utf7.encode(utf7.decode(wire)) == wire
    except ImapBad:
        pass


@RUNS
@given(st.lists(st.tuples(st.one_of(uids, st.just(STAR)), st.one_of(uids, st.just(STAR))), min_size=1, max_size=20))
def test_sets_are_read_back(pairs: list[tuple[int, int]]) -> None:
    ordered = tuple((min(pair), max(pair)) for pair in pairs)
    assert parse(write(ordered)) == SequenceSet(ordered)


@RUNS
@given(st.sets(st.integers(1, 60)))
def test_compact_sets_hold_what_they_were_given(numbers: set[int]) -> None:
    if numbers:
        assert parse(compact(numbers)).select(range(1, 61)) == sorted(numbers)


_paths = st.lists(st.integers(1, 99), max_size=4).map(tuple)
_fields = st.lists(st.from_regex(rb"[!-9;-~]{1,12}", fullmatch=True), min_size=1, max_size=4).map(tuple)
_sections = st.one_of(
    st.builds(Section, _paths),
    st.builds(Section, _paths, st.sampled_from(["HEADER", "TEXT"])),
    st.builds(Section, _paths.filter(bool), st.just("MIME")),
    st.builds(Section, _paths, st.sampled_from(["HEADER.FIELDS", "HEADER.FIELDS.NOT"]), _fields),
)


@RUNS
@given(_sections, st.one_of(st.none(), st.builds(Partial, st.integers(0, 2**32 - 1), st.integers(1, 2**32 - 1))))
def test_sections_are_read_back(section: Section, partial: Partial | None) -> None:
    name = respond.body_name(BodyItem(section, partial=partial))
    if partial:
        name = name[:-1] + b".%d>" % partial.octets
    assert _item(Cursor(name)) == BodyItem(section, partial=partial)


@RUNS
@given(st.lists(st.from_regex(r"[a-z$]{1,9}", fullmatch=True), max_size=9, unique=True))
def test_flags_are_read_back(flags: list[str]) -> None:
    command = parse_command(b"a STORE 1 FLAGS " + respond.flags(flags))
    assert isinstance(command, Store)
    assert list(command.flags) == flags


def refused(wire: bytes) -> bool:
    try:
        parse_command(wire)
    except ImapBad:
        return True
    return False


def test_hostile_depths_and_counts() -> None:
    assert refused(b"a SEARCH " + b"(" * 30_000)
    assert refused(b"a SEARCH " + b"NOT " * 16_000 + b"ALL")
    assert refused(b"a SEARCH " + b"OR ALL " * (IMAP_SEARCH_DEPTH + 1) + b"ALL")
    assert not refused(b"a SEARCH " + b"OR ALL " * (IMAP_SEARCH_DEPTH - 1) + b"ALL")
    assert not refused(b"a SEARCH " + b"(" * (IMAP_SEARCH_DEPTH - 1) + b"ALL" + b")" * (IMAP_SEARCH_DEPTH - 1))
    assert refused(b"a SEARCH " + b" ".join([b"ALL"] * (IMAP_SEARCH_KEYS + 1)))
    assert refused(b"a ID (" + b" ".join([b'"x" "y"'] * 31) + b")")
    assert refused(b"a ID (" + b'"x" "' + b"y" * 1025 + b'")')
    assert refused(b"a ID " + b"(" * (IMAP_NESTING + 1))
    assert refused(b"a LIST " + b"(" * 30_000)
    assert refused(b'a LIST "" (' + b" ".join([b"x"] * 17) + b")")
    assert refused(b"a STORE 1 FLAGS (" + b" ".join(b"f%d" % n for n in range(65)) + b")")
    assert refused(b"a STORE 1 FLAGS " + b" ".join(b"f%d" % n for n in range(65)))
    assert refused(b"a FETCH 1 (" + b" ".join([b"UID"] * 65) + b")")
    assert refused(b"a FETCH 1 BODY[HEADER.FIELDS (" + b" ".join([b"x"] * 257) + b")]")
    assert refused(b'a SEARCH BODY "' + b"x" * 1025 + b'"')
