"""PREVIEW: the beginning of what a reader would see. RFC 8970."""

import re
from typing import Final

from mail.bounds import MimeBounds
from mail.content import text_of
from mail.imap.contents import Content
from mail.imap.strings import string
from mail.part import Part, leaves
from mail.words import one_line

CHARACTERS: Final = 200  # §3.1: at most 256
READ: Final = 16 * 1024  # octets of a part that are looked at

_UNSEEN = re.compile(r"<(style|script|head|title)\b.*?(?:</\1\s*>|\Z)", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<[^<>]*+>")


def preview(content: Content) -> bytes:
    """A string, empty for a message without text (RFC 8970 §3.1); NIL when its text cannot be read. Raises SealBroken,
    NotFound, MimeBounds."""
    part = _shown(content.tree)
    if part is None:
        return b'""'
    data = content.read(part.body, min(part.size, READ))
    piece = Part(0, 0, len(data), 0, part.main, part.sub, part.params, part.encoding)
    try:
        text = text_of(data, piece)
    except MimeBounds:
        return b"NIL"
    if part.sub == b"html":
        text = _TAG.sub(" ", _UNSEEN.sub(" ", text))
    return string(" ".join(one_line(text).split())[:CHARACTERS].encode())


def _shown(tree: Part) -> Part | None:
    """The first plain text, or else the first text of another kind."""
    texts = [part for _, part in leaves(tree) if part.main == b"text" and part.disposition is None]
    return next((part for part in texts if part.sub == b"plain"), texts[0] if texts else None)
