"""A whole message that only its recipients read: signed first, then encrypted (RFC 8551 §3.4, §3.7), subject hidden
(RFC 9788 §3.2.1); and the way back."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Sequence

from cryptography import x509

from crypto.enveloped import CannotOpen, decrypt, encrypt
from crypto.identity import Identity
from crypto.protected import protect, protected_fields
from crypto.rawmime import OPAQUE_TYPES, Header, parse_content_type, read_header, split_header
from crypto.sign import BASE64_COLUMNS, sign_message
from crypto.verdict import Refusal
from crypto.verify import signed_content

HIDDEN_SUBJECT = b"Subject: [...]"
_TYPE = (
    b"MIME-Version: 1.0\r\n"
    b'Content-Type: application/pkcs7-mime; smime-type=authEnveloped-data;\r\n\tname="smime.p7m"\r\n'
    b"Content-Transfer-Encoding: base64\r\n"
    b'Content-Disposition: attachment; filename="smime.p7m"\r\n\r\n'
)
_FIELD = re.compile(rb"[^\r\n]+(?:\r\n[ \t][^\r\n]*)*")
_REMOVED = re.compile(rb"(comments|keywords):", re.IGNORECASE)
_SUBJECT = re.compile(rb"subject:", re.IGNORECASE)


def encrypt_message(headers: bytes, part: bytes, author: Identity, certificates: Sequence[x509.Certificate]) -> bytes:
    """As `crypto.sign.sign_message`, for the keys of these certificates only. Raises BadPart, BadKey, CannotEncrypt."""
    hidden = hide(headers)
    payload = protect(headers, part, hidden=hidden)
    whole = sign_message(headers, payload, author.key, author.certificate, author.chain)
    return hidden + _TYPE + _lines(encrypt(whole[len(headers) :], certificates))


def hide(headers: bytes) -> bytes:
    """What of the header block may be seen on the way (RFC 9788 §3.2.1, hcp_baseline)."""
    fields = [field for field in _FIELD.findall(headers) if not _REMOVED.match(field)]
    return b"".join((HIDDEN_SUBJECT if _SUBJECT.match(field) else field) + b"\r\n" for field in fields)


def is_encrypted(raw: bytes) -> bool:
    """Whether the message, by its type, is one that `open_message` may open."""
    try:
        return _envelope(read_header(split_header(raw)[0]))
    except Refusal:
        return False


def open_message(raw: bytes, owner: Identity) -> bytes:
    """The message as its author wrote it: the header fields that were hidden stand where they belong, below them the
    decrypted entity, signed where it was signed. Judge it as any other message. Raises CannotOpen.

    From stays the one outside: whoever carries another's secret inside their own mail is found out by the binding.
    """
    try:
        block, body = split_header(raw)
        header = read_header(block)
        if not _envelope(header) or b"".join(header.all("content-transfer-encoding")).strip().lower() != b"base64":
            raise CannotOpen("not encrypted, or in no encoding that we read")
        entity = decrypt(base64.b64decode(body.translate(None, b" \t\r\n"), validate=True), owner)
    except (Refusal, binascii.Error):
        raise CannotOpen("not encrypted, or damaged") from None
    outer = [field for field in header.fields if not field[0].startswith(("content-", "mime-version"))]
    return _block(_merged(outer, _inner_fields(entity))) + _with_version(entity)


def _envelope(header: Header) -> bool:
    given = header.all("content-type")
    if len(given) != 1 or b"pkcs7-mime" not in given[0].lower():
        return False
    kind = parse_content_type(given[0])
    return kind.kind in OPAQUE_TYPES and kind.parameters.get("smime-type", "").lower() == "authenveloped-data"


def _inner_fields(entity: bytes) -> tuple[tuple[str, bytes], ...]:
    try:
        return protected_fields(signed_content(entity) or entity)
    except Refusal:
        return ()


def _merged(outer: Iterable[tuple[str, bytes]], inner: Iterable[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """RFC 9788 §4.3: what stands inside replaces what stands outside."""
    within = [field for field in inner if field[0] != "from"]
    names = {name for name, _ in within}
    return [field for field in outer if field[0] not in names] + within


def _block(fields: Iterable[tuple[str, bytes]]) -> bytes:
    return b"".join(name.title().encode() + b":" + value + b"\r\n" for name, value in fields)


def _with_version(entity: bytes) -> bytes:
    stated = entity[:20].lower().startswith(b"mime-version:")
    return entity if stated else b"MIME-Version: 1.0\r\n" + entity


def _lines(data: bytes) -> bytes:
    text = base64.b64encode(data)
    return b"".join(text[at : at + BASE64_COLUMNS] + b"\r\n" for at in range(0, len(text), BASE64_COLUMNS))
