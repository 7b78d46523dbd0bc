"""BODY[…] to the octet. RFC 3501 §6.4.5."""

import pytest

from mail.mime import walk
from mail.sections import FIELDS, FIELDS_NOT, HEADER, MIME, TEXT, Partial, Section, extract, extract_from, locate
from tests.support.mime_makers import crlf

RAW = crlf("""From: ana@cabinet.example
Subject: outer
 folded
X-Mss-Nil: 42
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain

one
--b
Content-Type: message/rfc822
Content-Description: carried

Subject: carried
Content-Type: multipart/mixed; boundary=c

--c

deep
--c--
--b--
""")


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        (Section((1,)), b"one"),
        (Section((1,), MIME), b"Content-Type: text/plain\r\n\r\n"),
        (Section((2,), MIME), b"Content-Type: message/rfc822\r\nContent-Description: carried\r\n\r\n"),
        (Section((2,), HEADER), b"Subject: carried\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n"),
        (Section((2,), TEXT), b"--c\r\n\r\ndeep\r\n--c--"),
        (Section((2, 1)), b"deep"),
        (Section((2, 1), MIME), b"\r\n"),
        (Section((2,), FIELDS, (b"subject",)), b"Subject: carried\r\n\r\n"),
        (
            Section((), FIELDS, (b"SUBJECT", b"absent", b"from")),
            b"From: ana@cabinet.example\r\nSubject: outer\r\n folded\r\n\r\n",
        ),
        (Section((), FIELDS_NOT, (b"Subject", b"content-type")), b"From: ana@cabinet.example\r\nX-Mss-Nil: 42\r\n\r\n"),
        (Section((), FIELDS, (b"absent",)), b"\r\n"),
        (Section((3,)), None),
        (Section((1, 1)), None),
        (Section((2, 2)), None),
        (Section((1,), HEADER), None),
        (Section((1,), TEXT), None),
        (Section((2, 1), FIELDS, (b"x",)), None),
        (Section((), MIME), None),
    ],
)
def test_sections(section: Section, expected: bytes | None) -> None:
    assert extract_from(RAW, walk(RAW), section) == expected


@pytest.mark.parametrize(
    ("partial", "expected"),
    [
        (Partial(0, 4), b"From"),
        (Partial(4, 1), b":"),
        (Partial(0, 10**9), RAW),
        (Partial(len(RAW), 5), b""),
        (Partial(2**32 - 1, 5), b""),
        (Partial(len(RAW) - 2, 50), b"\r\n"),
    ],
)
def test_partials(partial: Partial, expected: bytes) -> None:
    assert extract_from(RAW, walk(RAW), Section(), partial) == expected


def test_partial_of_chosen_fields() -> None:
    section = Section((), FIELDS, (b"subject",))
    assert extract_from(RAW, walk(RAW), section, Partial(9, 5)) == b"outer"


def test_only_the_octets_asked_for_are_read() -> None:
    reads: list[tuple[int, int]] = []

    def read(offset: int, length: int) -> bytes:
        reads.append((offset, length))
        return RAW[offset : offset + length]

    assert extract(read, walk(RAW), Section((2, 1)), Partial(1, 2)) == b"ee"
    assert [length for _, length in reads] == [2]


def test_a_header_without_blank_line() -> None:
    raw = b"Subject: torn"
    tree = walk(raw)
    assert extract_from(raw, tree, Section((), HEADER)) == raw
    assert extract_from(raw, tree, Section((), TEXT)) == b""
    assert extract_from(raw, tree, Section((), FIELDS, (b"subject",))) == raw + b"\r\n\r\n"
    assert locate(tree, Section((1,))) == (len(raw), len(raw))
