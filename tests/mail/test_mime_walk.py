"""The walk: offsets are exact, ranges nest, and the odd shapes of RFC 2046 §5.1 are read in one way."""

import mmap

import pytest

from mail.mime import walk
from mail.part import Part, dumps, find, leaves, loads, numbered
from tests.support.mime_makers import crlf

MIXED = crlf("""From: Ana <ana@cabinet.example>
Content-Type: multipart/mixed; boundary="outer"

preamble
--outer
Content-Type: text/plain; charset=utf-8

first
second
--outer
Content-Type: multipart/alternative; boundary=inner

--inner

plain
--inner
Content-Type: text/html

<p>html</p>
--inner--
between
--outer
Content-Type: message/rfc822

Subject: inside

inner text
--outer--
epilogue
""")


def content(raw: bytes, part: Part) -> bytes:
    return raw[part.body : part.end]


def test_each_part_has_its_octets_and_number() -> None:
    tree = walk(MIXED)
    seen = {".".join(map(str, path)): (part.media, content(MIXED, part)) for path, part in numbered(tree)}
    assert seen["1"] == ("text/plain", b"first\r\nsecond")
    assert seen["2"][0] == "multipart/alternative"
    assert seen["2.1"] == ("text/plain", b"plain")
    assert seen["2.2"] == ("text/html", b"<p>html</p>")
    assert seen["3"] == ("message/rfc822", b"Subject: inside\r\n\r\ninner text")
    assert seen["3.1"] == ("text/plain", b"inner text")
    assert [number for number, _ in leaves(tree)] == ["1", "2.1", "2.2", "3.1"]


@pytest.mark.parametrize(
    ("path", "body"),
    [((1,), b"text\r\n"), ((2,), None), ((1, 1), None), ((0,), None), ((), b"text\r\n")],
)
def test_a_message_that_is_no_multipart_has_part_one_only(path: tuple[int, ...], body: bytes | None) -> None:
    raw = b"Subject: x\r\n\r\ntext\r\n"
    part = find(walk(raw), path)
    assert (part and content(raw, part)) == body


def test_lines_are_line_ends() -> None:
    tree = walk(MIXED)
    assert [part.lines for part in tree.children] == [1, 0, 2]
    assert walk(b"A: b\r\n\r\none\r\ntwo\r\n").lines == 2


@pytest.mark.parametrize(
    ("raw", "contents"),
    [
        (b"--b\r\n\r\nx\r\n--b--\r\n", [b"x"]),  # no preamble at all
        (b"\r\n--b\r\n\r\nx\r\n--b--", [b"x"]),  # no line end after the closing delimiter
        (b"--b\r\n\r\nx", [b"x"]),  # never closed: the rest belongs to the part
        (b"--b\r\n\r\nx\r\n", [b"x\r\n"]),
        (b"--b\r\n\r\n--b--\r\n", [b""]),  # the blank line is also the delimiter's line end
        (b"--b\r\n--b--\r\n", [b""]),  # neither header nor body
        (b"--b\r\nX: y\r\n--b--\r\n", [b""]),  # a header alone
        (b"--b  \t\r\n\r\nx\r\n--b-- \r\n", [b"x"]),  # transport padding
        (b"--bc\r\n\r\nx\r\n--b--\r\n", []),  # a longer boundary is another one
        (b"--b-\r\n\r\nx\r\n--b--\r\n", []),
        (b"--b--\r\n--b\r\n\r\nx\r\n", []),  # closed is closed
        (b"--b\r\n\r\nx\n--b\n\ny\r\n--b--", [b"x", b"y"]),  # bare LF is read
        (b"x --b\r\n\r\nx\r\n--b--", []),  # a delimiter begins a line
        (b"--b", [b""]),
        (b"", []),
        (b"no delimiter\r\n", []),
    ],
)
def test_delimiters(raw: bytes, contents: list[bytes]) -> None:
    whole = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + raw
    assert [content(whole, part) for part in walk(whole).children] == contents


def test_an_outer_delimiter_ends_an_open_inner_multipart() -> None:
    raw = crlf("""Content-Type: multipart/mixed; boundary=outer

--outer
Content-Type: multipart/mixed; boundary=inner

--inner

lost end
--outer

second
--inner--
--outer--
""")
    tree = walk(raw)
    assert [content(raw, part) for part in tree.children[0].children] == [b"lost end"]
    assert content(raw, tree.children[1]) == b"second\r\n--inner--"


@pytest.mark.parametrize(
    ("boundary", "line"),
    [
        (b'"with space"', b"with space"),
        (b'"trailing "', b"trailing"),
        (b'"esc\\"aped"', b'esc"aped'),
        (b"outer (a comment)", b"outer"),
        (b"'=_(x)'", b"'=_"),  # unquoted parentheses are a comment
        (b'"a:b?c/d"', b"a:b?c/d"),
        (b"a:b?c/d", b"a:b?c/d"),  # should be quoted, seldom is
    ],
)
def test_boundary_spellings(boundary: bytes, line: bytes) -> None:
    raw = (
        b"Content-Type: multipart/mixed; boundary="
        + boundary
        + b"\r\n\r\n--"
        + line
        + b"\r\n\r\nx\r\n--"
        + line
        + b"--"
    )
    children = walk(raw).children
    if line == b"'=_":
        assert len(children) in {0, 1}  # guessed either way, never an error
    else:
        assert [content(raw, part) for part in children] == [b"x"]


def test_digest_parts_are_messages_by_default() -> None:
    raw = b"Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nSubject: in\r\n\r\nx\r\n--b--"
    (child,) = walk(raw).children
    assert child.media == "message/rfc822"
    assert child.message is not None
    assert content(raw, child.message) == b"x"


@pytest.mark.parametrize("encoding", [b"base64", b"quoted-printable", b"x-unknown"])
def test_an_encoded_message_is_not_opened(encoding: bytes) -> None:
    raw = b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: " + encoding + b"\r\n\r\nU3ViamVjdDogeA=="
    assert walk(raw).message is None


@pytest.mark.parametrize(
    ("value", "media"),
    [
        (b"text/html", "text/html"),
        (b"TEXT/HTML;charset=x", "text/html"),
        (b"(c) text (c) / (c) html (c)", "text/html"),
        (b"text", "text/plain"),
        (b"/", "text/plain"),
        (b"", "text/plain"),
        (b"text/", "text/plain"),
        (b"application/pdf; name=x y.pdf", "application/pdf"),
    ],
)
def test_content_type_values(value: bytes, media: str) -> None:
    assert walk(b"Content-Type: " + value + b"\r\n\r\n").media == media


def test_the_first_of_two_content_types_counts() -> None:
    assert walk(b"Content-Type: text/html\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n").media == "text/html"


@pytest.mark.parametrize(
    "raw", [b"", b"\r\n", b"\n", b"x", b"Subject: x", b"Subject: x\r\n", b" \r\n", b"\r\r\n\r\n", b"\n\n\n"]
)
def test_scraps_are_messages_too(raw: bytes) -> None:
    tree = walk(raw)
    assert (tree.start, tree.end) == (0, len(raw))


def test_every_kind_of_buffer_gives_one_tree() -> None:
    tree = walk(MIXED)
    assert walk(memoryview(MIXED)) == tree
    with mmap.mmap(-1, len(MIXED)) as mapped:
        mapped[:] = MIXED
        assert walk(mapped) == tree


def test_bare_lf_gives_the_same_shape() -> None:
    raw = MIXED.replace(b"\r\n", b"\n")
    assert [part.media for _, part in numbered(walk(raw))] == [part.media for _, part in numbered(walk(MIXED))]


def test_the_tree_is_stored_and_read_back() -> None:
    tree = walk(MIXED)
    assert loads(dumps(tree)) == tree
