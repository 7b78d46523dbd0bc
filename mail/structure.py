"""ENVELOPE, BODY and BODYSTRUCTURE exactly as they go over the wire, computed once, at delivery.

RFC 3501 §7.4.2 and RFC 9051 §7.5.2. Where the standards leave the choice, the answer is Dovecot's, which clients know.
"""

from functools import lru_cache

from core.value import Value
from mail.addresses import SHORT, Addr, addresses
from mail.headers import Headers, Raw
from mail.imap.strings import nstring, parenthesised, string
from mail.mime import count_lines, header_block, walk_with_headers
from mail.parameters import Params, first
from mail.part import Part

_EMPTY_ENVELOPE = b"(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"


class Description(Value, frozen=True):
    """What is kept beside a message: its tree, the three answers of FETCH ready to send, and its header as read."""

    tree: Part
    envelope: bytes
    body: bytes
    bodystructure: bytes
    headers: Headers


def describe(raw: Raw) -> Description:
    """Walk a message and write its descriptions. Raises MimeBounds, nothing else."""
    tree, headers = walk_with_headers(raw)
    return Description(tree, envelope(headers), *body_structures(raw, tree), headers)


def envelope(headers: Headers) -> bytes:
    """The ENVELOPE of a header block. Raises MimeBounds(ADDRESSES)."""
    sender = _addresses(headers, b"from")
    return b"(%b)" % b" ".join(
        (
            nstring(headers.first(b"date")),
            nstring(headers.first(b"subject")),
            sender,
            _addresses(headers, b"sender", sender),  # RFC 3501 §7.4.2: absent or empty → From
            _addresses(headers, b"reply-to", sender),
            _addresses(headers, b"to"),
            _addresses(headers, b"cc"),
            _addresses(headers, b"bcc"),
            nstring(headers.first(b"in-reply-to")),
            nstring(headers.first(b"message-id")),
        )
    )


def body_structures(raw: Raw, part: Part) -> tuple[bytes, bytes]:
    """BODY and BODYSTRUCTURE of a part. Raises MimeBounds(ADDRESSES) for an embedded header."""
    if part.main == b"multipart":
        inner = [body_structures(raw, child) for child in part.children] or [_plain(raw, part)]
        sub = b" " + string(part.sub)
        body, full = (b"(" + b"".join(form) + sub for form in zip(*inner, strict=True))
        return body + b")", full + b" " + _params(part.params) + _extension(part)
    start = b"(" + b" ".join(
        (
            string(part.main),
            string(part.sub),
            _params(_with_charset(part)),
            nstring(part.id),
            nstring(part.description),
            string(part.encoding),
            b"%d" % part.size,
        )
    )  # fmt: skip
    lines, end = b" %d" % part.lines, b" " + nstring(part.md5) + _extension(part)
    if part.main == b"text":
        return start + lines + b")", start + lines + end
    if (part.main, part.sub) != (b"message", b"rfc822"):
        return start + b")", start + end
    shown, body, full = _embedded(raw, part.message)
    start += b" " + shown + b" "
    return start + body + lines + b")", start + full + lines + end


def _embedded(raw: Raw, message: Part | None) -> tuple[bytes, bytes, bytes]:
    """Envelope and structures of a message/rfc822; empty ones when its encoding hides it (RFC 2046 §5.2.1)."""
    if message is None:
        return _EMPTY_ENVELOPE, *_plain(raw, Part(0, 0, 0))
    return envelope(header_block(raw, message)), *body_structures(raw, message)


def _plain(raw: Raw, part: Part) -> tuple[bytes, bytes]:
    """A multipart without parts has no form in the grammar (body-type-mpart = 1*body): its content stands as a text."""
    lines = count_lines(raw, part.body, part.end)
    body = b'("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" %d %d' % (part.size, lines)
    return body + b")", body + b" NIL NIL NIL NIL)"


def _extension(part: Part) -> bytes:
    """Disposition, language, location and the closing parenthesis."""
    shown = part.disposition
    place = b"(" + string(shown.kind) + b" " + _params(shown.params) + b")" if shown else b"NIL"
    return b" " + place + b" " + _languages(part.language) + b" " + nstring(part.location) + b")"


def _languages(value: bytes | None) -> bytes:
    """RFC 3282: tags with commas."""
    return parenthesised([string(tag) for piece in (value or b"").split(b",") if (tag := piece.strip())])


def _with_charset(part: Part) -> Params:
    """Text without a charset is US-ASCII, and says so. RFC 2046 §4.1.2."""
    if part.main != b"text" or first(part.params, b"charset") is not None:
        return part.params
    return (*part.params, (b"charset", b"us-ascii"))


def _params(params: Params) -> bytes:
    return parenthesised([string(word) for pair in params for word in pair])


def _addresses(headers: Headers, name: bytes, default: bytes = b"NIL") -> bytes:
    values = headers.get_all(name)
    if not values:
        return default
    value = values[0] if len(values) == 1 else b", ".join(values)
    return (_listed_short(value) if len(value) <= SHORT else _listed(value)) or default


@lru_cache(maxsize=1024)
def _listed_short(value: bytes) -> bytes:
    return _listed(value)


def _listed(value: bytes) -> bytes:
    """An address list for the wire; empty where there is none."""
    items = addresses(value).items
    return b"(" + b"".join([_address(item) for item in items]) + b")" if items else b""


def _address(item: Addr) -> bytes:
    return b"(%b %b %b %b)" % (nstring(item.name), nstring(item.route), nstring(item.local), nstring(item.domain))
