"""What is verified is what is shown: the signed part is cut from a message exactly where mail programs see its first
part. Two readers, one by `crypto`, one by `mail`, that know nothing of each other.
"""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.clock import FakeClock
from crypto.rawmime import take_apart
from crypto.trust import Trust
from crypto.verdict import Refusal
from crypto.verify import verify_message
from mail.bounds import MimeBounds
from mail.headers import header_end
from mail.mime import walk
from tests.support import golden
from tests.support.logscan import assert_clean
from tests.support.mime_makers import hostile_bytes
from tests.support.pki import HEADERS, PART, pki, signed

SIGNED = signed()
KIND = (
    b'Content-Type: multipart/signed; protocol="application/pkcs7-signature"; micalg=sha-256; boundary=b\r\n'
    b"MIME-Version: 1.0\r\n\r\n"
)
SIGNATURE = b"Content-Type: application/pkcs7-signature\r\nContent-Transfer-Encoding: base64\r\n\r\nQUJD"
FIRST = [PART, b"\r\n", b"\r\nx", b"X: y\r\n\r\n", b"X: y\r\n\r\nx\r\n", b"\r\n\r\n", b"\r\n--c\r\n\r\nx\r\n--c--"]
LINES = [b"--b\r\n", b"--b \r\n", b"--b\t\r\n", b"--b--\r\n", b"--b--", b"--bb\r\n", b"\r\n", b"x\r\n", b"\n", b"\r"]

parts = st.one_of(st.sampled_from(FIRST), hostile_bytes)
between = st.one_of(st.sampled_from([b"\r\n--b\r\n", b"\r\n--b--\r\n", b"\n--b\n"]), st.sampled_from(LINES))
framed = st.tuples(st.sampled_from([b"", b"preamble\r\n"]), parts, between, parts, between, st.sampled_from(LINES)).map(
    lambda some: KIND + some[0] + b"--b\r\n" + b"".join(some[1:])
)
honest = st.tuples(parts, st.sampled_from([b"", b"\r\n", b" \r\n"])).map(
    lambda some: KIND + b"--b\r\n" + some[0] + b"\r\n--b\r\n" + SIGNATURE + b"\r\n--b--" + some[1]
)


def agree(raw: bytes) -> bool:
    """Whether there is a detached signature; raises AssertionError where the two readers would show different text."""
    try:
        content = take_apart(raw).content
    except Refusal:
        return False
    if content is None:
        return False
    raw = raw if b"\r" in raw else raw.replace(b"\n", b"\r\n")  # as crypto reads a file with Unix line ends
    try:
        tree = walk(raw)
    except MimeBounds:
        return False  # refused at the door, long before anybody would show it
    assert [child.media for child in tree.children][1:] in (
        ["application/pkcs7-signature"],
        ["application/x-pkcs7-signature"],
    )
    first = tree.children[0]
    assert raw[first.start :].startswith(content)
    assert raw[first.body : first.end] == content[header_end(content, 0, len(content)) :]
    return True


def test_messages_with_a_story() -> None:
    seen = [agree(golden.raw(name)) for name in golden.names()]
    assert len(seen) > 20


def test_our_own_letters() -> None:
    assert agree(SIGNED)


@given(st.one_of(hostile_bytes, framed, hostile_bytes.map(lambda rest: KIND + rest)))
@example(HEADERS + KIND)
@settings(max_examples=300)
def test_hostile_messages(raw: bytes) -> None:
    agree(raw)


@given(honest)
@example(KIND + b"--b\r\nX: y\r\n\r\n--b\r\n" + SIGNATURE + b"\r\n--b--\r\n")
@example(KIND + b"--b\r\n\r\n--b\r\n" + SIGNATURE + b"\r\n--b--\r\n")
@example(KIND + b"--b\r\n--b\r\n" + SIGNATURE + b"\r\n--b--\r\n")
@settings(max_examples=300)
def test_messages_of_two_parts(raw: bytes) -> None:
    agree(raw)


@given(st.integers(0, len(SIGNED) - 1), st.integers(1, 12), st.one_of(st.sampled_from(LINES), st.binary(max_size=4)))
@settings(max_examples=300)
def test_genuine_letters_cut_and_patched(at: int, length: int, patch: bytes) -> None:
    agree(SIGNED[:at] + patch + SIGNED[at + length :])


def test_a_refusal_names_nobody() -> None:
    verdict = verify_message(SIGNED[:-40], trust=Trust.load(pki().root.certificate_pem), at=FakeClock().now())
    assert_clean(str(verdict.reason))
