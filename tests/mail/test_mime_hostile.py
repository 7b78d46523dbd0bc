"""Hostile messages: each is refused by its bound, or costs a bounded number of steps. No clock is asked."""

import pytest

from mail.addresses import addresses
from mail.bounds import Bound, MimeBounds
from mail.content import decode_part
from mail.headers import Headers
from mail.limits import ENCODED_WORDS, HEADER_OCTETS, MIME_DEPTH, MIME_PARTS, PARAMETERS
from mail.mime import check_bounds, walk
from mail.part import dumps, loads
from mail.structure import describe
from mail.words import decode_words
from tests.support.mime_makers import forwarded, many_parts, nested


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        pytest.param(nested(1000), Bound.DEPTH, id="1000 levels of multipart"),
        pytest.param(nested(MIME_DEPTH + 1), Bound.DEPTH, id="one level too many"),
        pytest.param(forwarded(1000), Bound.DEPTH, id="1000 messages in one another"),
        pytest.param(many_parts(100_000), Bound.PARTS, id="100,000 empty parts"),
        pytest.param(
            b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"\n--bX" * 100_000,
            Bound.PARTS,
            id="false delimiters",
        ),
        pytest.param(b"Subject: x\r\n" + b" y\r\n" * 250_000 + b"\r\n", Bound.HEADER, id="folded 250,000 times"),
        pytest.param(b"From: " + b"a@b.example," * 32_000 + b"\r\n\r\n", Bound.HEADER, id="32,000 addresses"),
        pytest.param(b"x" * (HEADER_OCTETS + 1), Bound.HEADER, id="a header that never ends"),
        pytest.param(
            b"Content-Type: text/plain" + b"".join(b"; n*%d=x" % n for n in range(9000)) + b"\r\n\r\n",
            Bound.PARAMETERS,
            id="9000 RFC 2231 pieces",
        ),
        pytest.param(
            b"Content-Type: text/plain" + b"".join(b";\r\n n*%d*=x" % n for n in range(16_000)) + b"\r\n\r\n",
            Bound.HEADER,
            id="16,000 RFC 2231 pieces",
        ),
        pytest.param(
            b"Content-Disposition: attachment" + b";a=b" * (PARAMETERS + 1) + b"\r\n\r\n",
            Bound.PARAMETERS,
            id="parameters",
        ),
        pytest.param(
            b"Content-Type: multipart/mixed; boundary=" + b"b" * 2049 + b"\r\n\r\n",
            Bound.BOUNDARY,
            id="a long boundary",
        ),
    ],
)
def test_refused_by_name(raw: bytes, reason: Bound) -> None:
    with pytest.raises(MimeBounds) as refused:
        check_bounds(raw)
    assert refused.value.reason is reason


@pytest.mark.parametrize("raw", [nested(MIME_DEPTH), many_parts(MIME_PARTS - 1), forwarded(MIME_DEPTH)])
def test_the_bound_itself_passes(raw: bytes) -> None:
    tree = walk(raw)
    assert loads(dumps(tree)) == tree
    describe(raw)


def test_the_error_says_nothing_of_the_content() -> None:
    with pytest.raises(MimeBounds) as refused:
        walk(b"Subject: secret\r\n" + b" secret\r\n" * 250_000)
    assert "secret" not in str(refused.value) + refused.value.public


def test_500_open_parentheses() -> None:
    raw = b"To: " + b"(" * 500 + b"\r\n\r\n"
    assert describe(raw).envelope.endswith(b"NIL NIL NIL NIL NIL)")


@pytest.mark.parametrize(
    "value", [b"a@b.example," * 32_000, b"<" * 20_000, b"()" * 20_000, b'""' * 20_000, b"a:;" * 9000]
)
def test_address_tokens_are_counted(value: bytes) -> None:
    with pytest.raises(MimeBounds) as refused:
        addresses(value)
    assert refused.value.reason is Bound.ADDRESSES


@pytest.mark.parametrize(
    "value", [b"(" * 100_000, b'"' + b'\\"' * 50_000, b"[" + b"\\[" * 50_000, b"(\\" * 50_000, b"(" * 9 + b")"]
)
def test_unclosed_address_tokens_are_one_token(value: bytes) -> None:
    assert len(addresses(value).items) <= 1


def test_16000_encoded_words_are_decoded_up_to_the_bound() -> None:
    text = decode_words(b"=?utf-8?q?a?= " * 16_000)
    assert text.startswith("a" * ENCODED_WORDS)
    assert text.count("=?utf-8?q?a?=") == 16_000 - ENCODED_WORDS


@pytest.mark.parametrize(
    "raw", [b"=?" * 100_000, b"=?a?q?" * 30_000, b"=?" + b"a" * 100_000, b"=?utf-8?b?" + b"=" * 90_000]
)
def test_torn_encoded_words_stay(raw: bytes) -> None:
    assert len(decode_words(raw)) == len(raw)


def test_a_header_of_tiny_fields() -> None:
    assert len(Headers(b"a:\n" * 34_000).fields) == 34_000


@pytest.mark.parametrize(
    "encoding",
    [b"base64", b"quoted-printable", b"7bit"],
)
def test_decoding_stops_at_its_limit(encoding: bytes) -> None:
    raw = b"Content-Transfer-Encoding: " + encoding + b"\r\n\r\n" + b"A" * 4000
    with pytest.raises(MimeBounds) as refused:
        decode_part(raw, walk(raw), limit=1000)
    assert refused.value.reason is Bound.DECODED


def test_spaces_without_end_are_scanned_once() -> None:
    raw = b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + b" " * 300_000 + b"x"
    assert len(decode_part(raw, walk(raw))) == 300_001


@pytest.mark.parametrize(
    "stored", [b"", b"[]", b"{}", b"[1,2]", b"[0,9,3,0]", b"null", b"\xff", b'["a",0,0,0]', b"[" * 5000]
)
def test_a_torn_stored_tree_is_refused(stored: bytes) -> None:
    with pytest.raises(MimeBounds) as refused:
        loads(stored)
    assert refused.value.reason is Bound.STORED
