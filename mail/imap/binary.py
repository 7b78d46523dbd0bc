"""BINARY: the content of a part, its transfer encoding undone by us. RFC 3516."""

from typing import Final

from mail.content import decode_part
from mail.imap.contents import Content
from mail.imap.errors import ImapBad
from mail.imap.fetch_items import BinaryItem
from mail.imap.respond import section_text
from mail.part import Part, find
from mail.sections import extract

_KNOWN: Final = frozenset({b"7bit", b"8bit", b"binary", b"base64", b"quoted-printable"})


def name(item: BinaryItem) -> bytes:
    """`BINARY[1.2]<0>`, `BINARY.SIZE[1]`. RFC 3516 §4.2."""
    word = b"BINARY.SIZE[" if item.size else b"BINARY["
    origin = b"<%d>" % item.partial.offset if item.partial else b""
    return word + section_text(item.section) + b"]" + origin


def value(content: Content, item: BinaryItem) -> bytes:
    """What is answered for one message. Raises ImapBad [UNKNOWN-CTE], SealBroken, NotFound, MimeBounds."""
    data = _data(content, item)
    if item.size:
        return b"%d" % len(data or b"")
    if data is None:
        return b"NIL"
    if item.partial is not None:
        data = data[item.partial.offset : item.partial.offset + item.partial.octets]
    mark = b"~" if b"\0" in data else b""  # literal8: only where a NUL makes it necessary
    return mark + b"{%d}\r\n" % len(data) + data


def _data(content: Content, item: BinaryItem) -> bytes | None:
    if item.section.kind:
        return extract(content.read, content.tree, item.section)
    if not item.section.path:
        return content.read(0, content.size)
    part = find(content.tree, item.section.path)
    if part is None:
        return None
    if part.encoding not in _KNOWN:
        raise ImapBad("the encoding of the part is not known", condition="NO", code="UNKNOWN-CTE")
    data = content.read(part.body, part.size)
    return decode_part(data, Part(0, 0, len(data), 0, part.main, part.sub, part.params, part.encoding))
