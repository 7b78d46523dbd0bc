"""multipart/report (RFC 6522): a text for people, fields for programs, the message that it is about. 7-bit, pure."""

import base64
import re
import secrets
from collections.abc import Sequence

_LINE_OCTETS = 998
_UNSAFE = re.compile(r"[^\x20-\x7e]")


def report_entity(kind: str, text: str, groups: Sequence[Sequence[tuple[str, str]]], original: bytes) -> bytes:
    """The MIME entity. `kind`: delivery-status or disposition-notification; `text` has LF line ends; `groups` of fields
    are parted by blank lines; `original` is an entity of its own."""
    boundary = f"=_pli_{secrets.token_hex(16)}".encode()
    parts = [_text(text), _fields(kind, groups), original]
    body = b"".join(b"--" + boundary + b"\r\n" + part + b"\r\n" for part in parts if part)
    head = f"Content-Type: multipart/report; report-type={kind};\r\n boundary=".encode()
    return head + b'"' + boundary + b'"\r\n\r\n' + body + b"--" + boundary + b"--\r\n"


def whole_message(raw: bytes) -> bytes:
    """The message as message/rfc822, byte for byte; its header alone where it cannot travel in a signed report."""
    if not raw.isascii() or b"\0" in raw or any(len(line) > _LINE_OCTETS for line in raw.split(b"\r\n")):
        return header_only(raw)
    return b"Content-Type: message/rfc822\r\n\r\n" + raw


def header_only(raw: bytes) -> bytes:
    """Its header block as text/rfc822-headers (RFC 6522 §4)."""
    end = raw.find(b"\r\n\r\n")
    block = raw[: end + 2] if end >= 0 else raw
    head = b"Content-Type: text/rfc822-headers; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    return head + base64.encodebytes(block).replace(b"\n", b"\r\n")


def clean(text: str) -> str:
    """One line of printable ASCII: what others said never becomes a field of ours."""
    return _UNSAFE.sub("?", text).strip()[:900]


def _text(text: str) -> bytes:
    head = b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    return head + base64.encodebytes(text.replace("\n", "\r\n").encode()).replace(b"\n", b"\r\n")


def _fields(kind: str, groups: Sequence[Sequence[tuple[str, str]]]) -> bytes:
    blocks = ["".join(f"{name}: {clean(value)}\r\n" for name, value in group) for group in groups]
    return f"Content-Type: message/{kind}\r\n\r\n".encode() + "\r\n".join(blocks).encode("ascii")
