"""A message of our own: header block and MIME entity, 7-bit, CRLF, ready to be signed. RFC 5322, 2045, 2047, 2231.

Texts that people gave never become header syntax: controls are refused, the rest is encoded.
"""

import base64
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from urllib.parse import quote

from core.address import Address
from core.errors import BadInput

WORD_OCTETS = 45  # of UTF-8 in one encoded word: 60 characters of base64, 72 in all (RFC 2047 §2: at most 75)


@dataclass(frozen=True, slots=True, repr=False)
class Attachment:
    """A file to go along: media type such as "application/pdf", name, octets."""

    media: str
    filename: str
    content: bytes


@dataclass(frozen=True, slots=True, repr=False)
class Draft:
    """What a message is made of. `message_id` and `in_reply_to` without angle brackets; `text` has LF line ends.

    `references` are the Message-IDs of the thread, oldest first; without them the answered one stands alone. `extra`
    are further header fields, name → value, such as X-MSS-MES; `product` is said as X-MSS-NIL (R2).
    """

    sender: Address
    sender_name: str
    recipients: Sequence[Address]
    subject: str
    text: str
    message_id: str
    date: datetime
    in_reply_to: str = ""
    references: Sequence[str] = ()
    attachments: Sequence[Attachment] = ()
    extra: tuple[tuple[str, str], ...] = ()
    product: str = ""


def header_block(draft: Draft) -> bytes:
    """The header fields without those of MIME, CRLF after each. Raises BadInput."""
    fields = [
        ("From", _mailbox(draft.sender_name, draft.sender)),
        ("To", ",\r\n ".join(f"<{address.text}>" for address in draft.recipients)),
        ("Subject", encode_words(draft.subject)),
        ("Date", format_datetime(draft.date)),
        ("Message-ID", _id(draft.message_id)),
    ]
    if draft.in_reply_to:
        chain = draft.references or (draft.in_reply_to,)
        fields += [("In-Reply-To", _id(draft.in_reply_to)), ("References", "\r\n ".join(_id(each) for each in chain))]
    product = (("X-MSS-NIL", draft.product),) if draft.product else ()
    fields += [(name, encode_words(value)) for name, value in (*product, *draft.extra)]
    return "".join(f"{name}: {value}\r\n" for name, value in fields).encode("ascii")


def mime_entity(draft: Draft) -> bytes:
    """The content: text alone, or multipart/mixed with the attachments. Raises BadInput."""
    text = _leaf('text/plain; charset="utf-8"', "inline", draft.text.replace("\n", "\r\n").encode())
    if not draft.attachments:
        return text
    boundary = f"=_pli_{secrets.token_hex(16)}".encode()
    parts = [text, *(_attached(each) for each in draft.attachments)]
    body = b"".join(b"--" + boundary + b"\r\n" + part + b"\r\n" for part in parts)
    return b'Content-Type: multipart/mixed; boundary="' + boundary + b'"\r\n\r\n' + body + b"--" + boundary + b"--\r\n"


def encode_words(text: str) -> str:
    """A header value of printable text, as RFC 2047 encoded words where it is not plain ASCII. Raises BadInput."""
    if not text.isprintable():
        raise BadInput("ce texte contient des caractères interdits", "control character in a header text")
    if text.isascii() and "=?" not in text and len(text) <= 900:
        return text
    pieces, piece = [], b""
    for char in text:
        octets = char.encode()
        if len(piece) + len(octets) > WORD_OCTETS:
            pieces.append(piece)
            piece = b""
        piece += octets
    return "\r\n ".join(f"=?utf-8?B?{base64.b64encode(each).decode()}?=" for each in (*pieces, piece))


def _mailbox(name: str, address: Address) -> str:
    if not name:
        return f"<{address.text}>"
    plain = name.isascii() and name.replace(" ", "").isalnum()
    return f"{name if plain else encode_words(name) if not name.isascii() else _quoted(name)} <{address.text}>"


def _quoted(name: str) -> str:
    if not name.isprintable():
        raise BadInput("ce nom contient des caractères interdits", "control character in a display name")
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _id(text: str) -> str:
    bare = text.strip().removeprefix("<").removesuffix(">")
    if not bare or not bare.isascii() or not bare.isprintable() or any(char in " <>" for char in bare):
        raise BadInput("identifiant de message mal formé", "malformed message id")
    return f"<{bare}>"


def _attached(file: Attachment) -> bytes:
    if not file.filename.isprintable() or '"' in file.media or not file.media.isprintable():
        raise BadInput("nom de fichier mal formé", "malformed attachment name or type")
    return _leaf(file.media, f"attachment;\r\n filename*=utf-8''{quote(file.filename, safe='')}", file.content)


def _leaf(media: str, disposition: str, content: bytes) -> bytes:
    head = f"Content-Type: {media}\r\nContent-Disposition: {disposition}\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    return head.encode("ascii") + base64.encodebytes(content).replace(b"\n", b"\r\n")
