"""The raw bytes of a signed message, cut exactly where its boundary says (RFC 1847 §2.1, RFC 2046 §5.1, RFC 8551 §3.5).

No MIME library: what is ambiguous between parsers is refused, since what one verifies the other must show.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass

from crypto.verdict import Reason, Refusal

HEADER_OCTETS = 102_400  # Postfix's header_size_limit
HEADER_FIELDS = 1000
VALUE_OCTETS = 2048
SIGNATURE_TEXT_OCTETS = 98_304  # 64 KiB in base64, with line ends and some slack

SIGNATURE_TYPES = frozenset({"application/pkcs7-signature", "application/x-pkcs7-signature"})
OPAQUE_TYPES = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})
IDENTITY_ENCODINGS = frozenset({b"", b"7bit", b"8bit", b"binary"})

_NAME = re.compile(rb"[\x21-\x39\x3b-\x7e]+")
_TYPE = re.compile(r"\s*([!#$%&'*+.^_`{|}~0-9A-Za-z-]+)/([!#$%&'*+.^_`{|}~0-9A-Za-z-]+)\s*")
_PARAMETER = re.compile(r';\s*([!#$%&\'*+.^_`{|}~0-9A-Za-z-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s"();,<>@\\]+))\s*')
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")  # RFC 2046 §5.1.1
_BLANK = b" \t\r\n"


@dataclass(frozen=True, repr=False)
class Header:
    """The fields of a header block, unfolded. `sound` is False where parsers could read it in two ways."""

    fields: tuple[tuple[str, bytes], ...]
    sound: bool

    def all(self, name: str) -> list[bytes]:
        return [value for field, value in self.fields if field == name]


@dataclass(frozen=True, repr=False)
class ContentType:
    kind: str
    parameters: dict[str, str]


@dataclass(frozen=True, repr=False)
class Pieces:
    """`content`: the signed bytes, exactly; None when they travel inside `cms`."""

    header: Header
    content: bytes | None
    cms: bytes


def take_apart(raw: bytes) -> Pieces:
    """In: a whole message. Out: what is needed to verify it. Raises Refusal, also NOT_SIGNED and NOT_SMIME."""
    message = raw if b"\r" in raw else raw.replace(b"\n", b"\r\n")  # a file kept with Unix line ends
    block, body = split_header(message)
    header = read_header(block)
    kind = _signed_type(header)
    if kind.kind in OPAQUE_TYPES:
        return Pieces(header, None, _decode(header, body, len(message)))
    return Pieces(header, *_cut(header, kind, body))


def has_plain_lines(text: bytes) -> bool:
    """RFC 5321 §2.3.8: CR and LF only as a pair; and no NUL. Counting is ten times faster than a regular expression."""
    pairs = text.count(b"\r\n")
    return text.count(b"\r") == pairs == text.count(b"\n") and b"\0" not in text


def read_header(block: bytes) -> Header:
    """Fields by lower-case name; bounded; never raises for odd lines, but says so."""
    fields: list[tuple[str, bytes]] = []
    sound = has_plain_lines(block)
    for line in block.split(b"\r\n") if block else []:
        name, colon, value = line.partition(b":")
        if line[:1] in (b" ", b"\t") and fields:
            fields[-1] = (fields[-1][0], fields[-1][1] + line)
        elif colon and _NAME.fullmatch(name.rstrip(b" \t")):
            fields.append((name.rstrip(b" \t").decode("ascii").lower(), value))
            sound = sound and name == name.rstrip(b" \t")  # "From :" is a From to some, and not to others
        else:
            sound = False
    return Header(tuple(fields), sound and len(fields) <= HEADER_FIELDS)


def split_header(message: bytes) -> tuple[bytes, bytes]:
    """Header block without its last line end, and what follows the blank line. Raises Refusal (TOO_LARGE)."""
    if message.startswith(b"\r\n"):
        return b"", message[2:]
    end = message.find(b"\r\n\r\n", 0, HEADER_OCTETS)
    if end >= 0:
        return message[:end], message[end + 4 :]
    if len(message) > HEADER_OCTETS:
        raise Refusal(Reason.TOO_LARGE)
    return message.removesuffix(b"\r\n"), b""


def _signed_type(header: Header) -> ContentType:
    """The content type of a message that claims a signature. One that claims none is NOT_SIGNED, however odd."""
    given = header.all("content-type")
    if not any(b"multipart/signed" in value.lower() or b"pkcs7-mime" in value.lower() for value in given):
        raise Refusal(Reason.NOT_SIGNED)
    if len(given) != 1 or not header.sound:
        raise Refusal(Reason.BAD_HEADER)
    kind = parse_content_type(given[0])
    if kind.kind in OPAQUE_TYPES:
        return _opaque(kind)
    if kind.kind != "multipart/signed":
        raise Refusal(Reason.NOT_SIGNED)
    if "protocol" in kind.parameters and kind.parameters["protocol"].lower() not in SIGNATURE_TYPES:
        raise Refusal(Reason.NOT_SMIME)
    return kind


def _opaque(kind: ContentType) -> ContentType:
    """RFC 8551 §3.2.2."""
    smime_type = kind.parameters.get("smime-type", "signed-data").lower()
    if smime_type in ("enveloped-data", "authenveloped-data"):
        raise Refusal(Reason.ENCRYPTED)
    if smime_type != "signed-data":
        raise Refusal(Reason.UNSUPPORTED)
    return kind


def parse_content_type(value: bytes) -> ContentType:
    """RFC 2045 §5.1 without comments. Raises Refusal, also where parsers differ: repeated or RFC 2231 parameters."""
    try:
        text = value.decode("ascii")
    except UnicodeDecodeError:
        raise Refusal(Reason.BAD_HEADER) from None
    start = _TYPE.match(text)
    if start is None or len(text) > VALUE_OCTETS:
        raise Refusal(Reason.BAD_HEADER)
    return ContentType(f"{start[1]}/{start[2]}".lower(), _parameters(text, start.end()))


def _parameters(text: str, at: int) -> dict[str, str]:
    found: dict[str, str] = {}
    while text[at:].strip(" \t;"):
        match = _PARAMETER.match(text, at)
        if match is None or match[1].lower() in found or "*" in match[1]:
            raise Refusal(Reason.BAD_HEADER)
        found[match[1].lower()] = match[3] if match[2] is None else re.sub(r"\\(.)", r"\1", match[2])
        at = match.end()
    return found


def _cut(header: Header, kind: ContentType, body: bytes) -> tuple[bytes, bytes]:
    """Out: (first part, exact bytes; decoded second part)."""
    boundary = kind.parameters.get("boundary", "")
    if not _BOUNDARY.fullmatch(boundary) or "protocol" not in kind.parameters:
        raise Refusal(Reason.BAD_MULTIPART)
    if _encoding(header) not in IDENTITY_ENCODINGS:  # RFC 2045 §6.4: a multipart is never encoded
        raise Refusal(Reason.BAD_MULTIPART)
    first, second = _two_parts(body, b"--" + boundary.encode("ascii"))
    return first, _signature_part(second)


def _two_parts(body: bytes, delimiter: bytes) -> tuple[bytes, bytes]:
    """Exactly: delimiter, part, delimiter, part, closing delimiter, nothing. A line that only begins like a delimiter
    (an inner boundary that extends the outer one) is refused: parsers cut differently there."""
    text = b"\r\n" + body
    spans = _delimiters(text, b"\r\n" + delimiter)
    if not has_plain_lines(text[: spans[1][1]] if len(spans) > 1 else text):  # base64 may have lines of its own behind
        raise Refusal(Reason.BAD_LINES)
    if [closing for _, _, closing in spans] != [False, False, True] or text[spans[2][1] :].strip(_BLANK):
        raise Refusal(Reason.BAD_MULTIPART)
    (_, start, _), (middle, resume, _), (end, _, _) = spans
    if middle < start or end < resume:
        raise Refusal(Reason.BAD_MULTIPART)
    return text[start:middle], text[resume:end]


def _delimiters(text: bytes, line: bytes) -> list[tuple[int, int, bool]]:
    """(start of the line end before it, first byte after it, is it the closing one?), at most four."""
    spans: list[tuple[int, int, bool]] = []
    at = text.find(line)
    while at >= 0 and len(spans) < 4:
        stop = text.find(b"\r\n", at + 2)
        rest = text[at + len(line) : len(text) if stop < 0 else stop]
        closing = rest.startswith(b"--")
        if rest[2 if closing else 0 :].strip(b" \t") or (stop < 0 and not closing):
            raise Refusal(Reason.BAD_MULTIPART)
        spans.append((at, len(text) if stop < 0 else stop + 2, closing))
        at = text.find(line, at + 2)
    return spans


def _signature_part(part: bytes) -> bytes:
    block, body = split_header(part)
    header = read_header(block)
    given = header.all("content-type")
    if len(given) != 1 or not header.sound:
        raise Refusal(Reason.BAD_MULTIPART)
    if parse_content_type(given[0]).kind not in SIGNATURE_TYPES:
        raise Refusal(Reason.BAD_MULTIPART)
    return _decode(header, body, SIGNATURE_TEXT_OCTETS)


def _decode(header: Header, body: bytes, limit: int) -> bytes:
    """Strict base64 (RFC 2045 §6.8): a character outside the alphabet is refused, not skipped."""
    if _encoding(header) != b"base64":
        raise Refusal(Reason.BAD_ENCODING)
    if len(body) > limit:
        raise Refusal(Reason.TOO_LARGE)
    try:
        return base64.b64decode(body.translate(None, _BLANK), validate=True)
    except binascii.Error:
        raise Refusal(Reason.BAD_ENCODING) from None


def _encoding(header: Header) -> bytes:
    given = header.all("content-transfer-encoding")
    if len(given) > 1:
        raise Refusal(Reason.BAD_HEADER)
    return given[0].strip(_BLANK).lower() if given else b""
