"""Properties of the walk over arbitrary octets."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from mail.addresses import _read, addresses
from mail.bounds import MimeBounds
from mail.content import decode_part, filename, text_of
from mail.headers import Headers
from mail.limits import FILENAME_OCTETS
from mail.mime import walk
from mail.part import Part, dumps, leaves, loads, numbered
from mail.sections import FIELDS, FIELDS_NOT, HEADER, MIME, TEXT, Partial, Section, extract_from, select
from mail.structure import describe
from mail.words import decode_words
from tests.support.mime_makers import hostile_bytes

RUNS = settings(max_examples=300, deadline=None)


def check_ranges(part: Part, low: int, high: int) -> None:
    assert low <= part.start <= part.body <= part.end <= high
    at = part.body
    for child in part.children:
        check_ranges(child, at, part.end)
        at = child.end
    if part.message is not None:
        assert (part.message.start, part.message.end) == (part.body, part.end)
        check_ranges(part.message, part.body, part.end)


@RUNS
@given(hostile_bytes)
@example(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n--b--")
def test_ranges_nest_in_order_and_cover(raw: bytes) -> None:
    try:
        tree = walk(raw)
    except MimeBounds:
        return
    assert (tree.start, tree.end) == (0, len(raw))
    check_ranges(tree, 0, len(raw))
    assert walk(memoryview(raw)) == tree
    assert loads(dumps(tree)) == tree


@RUNS
@given(hostile_bytes)
def test_everything_that_reads_a_message_survives_it(raw: bytes) -> None:
    try:
        described = describe(raw)
    except MimeBounds:
        return
    assert described.envelope.count(b"\0") == described.bodystructure.count(b"\0") == 0
    for _, part in leaves(described.tree):
        decode_part(raw, part)
        text_of(raw, part)
        name = filename(part)
        assert name is None or (0 < len(name.encode()) <= FILENAME_OCTETS and not set(name) & set('/\\\r\n\0":'))


@RUNS
@given(hostile_bytes, st.integers(0, 40), st.integers(1, 40))
def test_sections_are_slices_of_the_message(raw: bytes, offset: int, octets: int) -> None:
    try:
        tree = walk(raw)
    except MimeBounds:
        return
    whole = extract_from(raw, tree, Section())
    header, text = extract_from(raw, tree, Section((), HEADER)), extract_from(raw, tree, Section((), TEXT))
    assert whole == raw == (header or b"") + (text or b"")
    assert extract_from(raw, tree, Section(), Partial(offset, octets)) == raw[offset : offset + octets]
    for path, part in numbered(tree):
        mime, body = extract_from(raw, tree, Section(path, MIME)), extract_from(raw, tree, Section(path))
        assert mime == raw[part.start : part.body]
        assert body == raw[part.body : part.end]
        inner = extract_from(raw, tree, Section(path, HEADER)), extract_from(raw, tree, Section(path, TEXT))
        assert inner == (None, None) if part.message is None else b"".join(filter(None, inner)) == body


@RUNS
@given(hostile_bytes)
def test_header_fields_tile_their_block(block: bytes) -> None:
    headers = Headers(block)
    at = 0
    for field in headers.fields:
        assert block[at : field.start].strip(b"\r\n") == b""
        assert field.start <= field.value <= field.end
        at = field.end
    assert block[at:].strip(b"\r\n") == b""


@RUNS
@given(hostile_bytes)
def test_fields_and_not_fields_part_the_header(raw: bytes) -> None:
    block = raw + b"\r\n"
    chosen, others = (select(block, (b"From", b"subject"), wanted=wanted) for wanted in (True, False))
    names = {field.name for field in Headers(chosen).fields}, {field.name for field in Headers(others).fields}
    assert names[0] <= {b"from", b"subject"}
    assert not names[1] & {b"from", b"subject"}
    assert {FIELDS, FIELDS_NOT} == {"HEADER.FIELDS", "HEADER.FIELDS.NOT"}


@RUNS
@given(hostile_bytes)
def test_addresses_and_words_take_anything(value: bytes) -> None:
    listed = addresses(value)
    starts = sum(1 for item in listed.items if item.domain is None and item.local is not None)
    ends = sum(1 for item in listed.items if item.domain is None and item.local is None)
    assert starts == ends
    text = decode_words(value)
    assert not any(ord(char) < 32 or 0x7F <= ord(char) < 0xA0 for char in text)


_names = st.sampled_from([b"Ana", b"Ana Aubin", b'"Aubin, Ana"', b"", b"=?utf-8?q?a?="])
_spaces = st.sampled_from([b"", b" ", b"\t"])


@RUNS
@given(
    _names,
    _spaces,
    st.sampled_from([b"a", b"a.b", b"a..b", b'"a b"', b""]),
    st.sampled_from([b"x.example", b"[1.2]", b""]),
)
def test_the_short_way_agrees_with_the_long_one(name: bytes, space: bytes, local: bytes, domain: bytes) -> None:
    for value in (name + space + b"<" + local + b"@" + domain + b">", local + b"@" + domain):
        assert addresses(value) == _read(value)
