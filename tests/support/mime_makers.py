"""Messages for tests: small builders of raw bytes, and hypothesis strategies for hostile ones."""

import base64

from hypothesis import strategies as st


def crlf(text: str) -> bytes:
    """A message written with LF in the test, as it goes over the wire."""
    return text.replace("\n", "\r\n").encode()


def nested(depth: int) -> bytes:
    """A multipart in a multipart, `depth` levels, a text inside."""
    opening = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%04d\r\n\r\n--b%04d\r\n" % (n, n) for n in range(depth)
    )
    closing = b"".join(b"\r\n--b%04d--" % n for n in reversed(range(depth)))
    return opening + b"\r\ntext" + closing + b"\r\n"


def forwarded(depth: int) -> bytes:
    """A message in a message, `depth` levels."""
    return b"Content-Type: message/rfc822\r\n\r\n" * depth + b"Subject: inmost\r\n\r\ntext\r\n"


def many_parts(count: int) -> bytes:
    """A multipart of empty parts."""
    return b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\n" * count + b"--b--\r\n"


_PIECES = [
    b"\r\n",
    b"\n",
    b"\r",
    b"\r\n\r\n",
    b"\n\n",
    b" ",
    b"\t",
    b":",
    b";",
    b"=",
    b'"',
    b"(",
    b")",
    b"\\",
    b",",
    b"<",
    b">",
    b"@",
    b"--",
    b"--b",
    b"\r\n--b\r\n",
    b"\r\n--b--\r\n",
    b"\n--b\n",
    b"--b--",
    b"\r\n--bb\r\n",
    b"--bb--",
    b"Content-Type: ",
    b"Content-Type: multipart/mixed; boundary=b\r\n",
    b"Content-Type: multipart/digest; boundary=bb\r\n",
    b"Content-Type: message/rfc822\r\n",
    b"Content-Transfer-Encoding: base64\r\n",
    b"Content-Disposition: attachment; ",
    b"filename*0*=utf-8''%C3%A9",
    b"filename*1=x",
    b"filename=",
    b"From: ",
    b"To: ",
    b"Subject: ",
    b"=?utf-8?q?=C3=A9?=",
    b"=?utf-8?b?w6k=?=",
    b"[",
    b"]",
    b"\0",
    b"\xff",
    b"\xc3\xa9",
    b"a",
    b"ana@example.test",
    b"group: ",
    b"QUJD",
]

hostile_bytes = st.lists(st.one_of(st.sampled_from(_PIECES), st.binary(max_size=4)), max_size=60).map(b"".join)


def with_file(media: str, data: bytes, encoding: str = "base64") -> bytes:
    """A message with one attachment of this declared type."""
    body = base64.encodebytes(data).replace(b"\n", b"\r\n") if encoding == "base64" else data
    return (
        b'From: <a@b.example>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="x"\r\n\r\n--x\r\n\r\n'
        b"bonjour\r\n--x\r\nContent-Type: " + media.encode() + b"\r\nContent-Transfer-Encoding: "
        + encoding.encode() + b"\r\n\r\n" + body + b"\r\n--x--\r\n"
    )  # fmt: skip
