"""What FETCH asks for. RFC 3501 §6.4.5, RFC 7162 §3.1.4.1, RFC 8474 §5, RFC 3516, RFC 8970."""

import enum
import re
from dataclasses import dataclass
from typing import Final, TypeAlias

from mail.imap.errors import ImapBad
from mail.imap.grammar import Cursor
from mail.limits import IMAP_FETCH_ITEMS, IMAP_HEADER_NAMES
from mail.sections import FIELDS, FIELDS_NOT, HEADER, MIME, TEXT, Partial, Section


class Item(enum.Enum):
    """An item without arguments; the value is its name in the answer."""

    __hash__ = object.__hash__  # as in `mail.imap.reader`

    UID = b"UID"
    FLAGS = b"FLAGS"
    INTERNALDATE = b"INTERNALDATE"
    SIZE = b"RFC822.SIZE"
    ENVELOPE = b"ENVELOPE"
    BODY = b"BODY"
    BODYSTRUCTURE = b"BODYSTRUCTURE"
    MODSEQ = b"MODSEQ"
    EMAILID = b"EMAILID"
    THREADID = b"THREADID"


@dataclass(frozen=True, slots=True)
class BodyItem:
    """Octets of a message. `peek`: \\Seen stays as it is. `name` answers an RFC822 item, empty for BODY[…]."""

    section: Section
    peek: bool = False
    partial: Partial | None = None
    name: bytes = b""


@dataclass(frozen=True, slots=True)
class BinaryItem:
    """A part with its transfer encoding undone, RFC 3516; the whole message, and headers and texts of messages, which
    others take as well, as they are. `size`: the octets are counted, not sent."""

    section: Section
    peek: bool = False
    partial: Partial | None = None
    size: bool = False


@dataclass(frozen=True, slots=True)
class PreviewItem:
    """The beginning of the text, RFC 8970. `lazy` makes no difference: it is read at once."""


FetchItem: TypeAlias = Item | BodyItem | BinaryItem | PreviewItem

_FAST: Final = (Item.FLAGS, Item.INTERNALDATE, Item.SIZE)
_MACROS: Final[dict[bytes, tuple[FetchItem, ...]]] = {
    b"FAST": _FAST,
    b"ALL": (*_FAST, Item.ENVELOPE),
    b"FULL": (*_FAST, Item.ENVELOPE, Item.BODY),
}
_SIMPLE: Final = {item.value: item for item in Item}
_OLD: Final = {
    b"RFC822": BodyItem(Section(), name=b"RFC822"),
    b"RFC822.HEADER": BodyItem(Section((), HEADER), peek=True, name=b"RFC822.HEADER"),
    b"RFC822.TEXT": BodyItem(Section((), TEXT), name=b"RFC822.TEXT"),
}
_NAME = re.compile(rb"[A-Za-z0-9.]++")  # an atom would swallow the bracket
_NUMBERS = re.compile(rb"[1-9][0-9]{0,8}(?>(?:\.[1-9][0-9]{0,8})*)")
_PARTIAL = re.compile(rb"<([0-9]{1,10})(?:\.([0-9]{1,10}))?>")
_MOST: Final = 2**32 - 1


def fetch_items(cursor: Cursor) -> tuple[FetchItem, ...]:
    """A macro, one item, or a list of items, each once."""
    if cursor.peek() == b"(":
        return tuple(dict.fromkeys(cursor.listed(lambda: _item(cursor), IMAP_FETCH_ITEMS)))
    at = cursor.at
    macro = _MACROS.get(cursor.match(_NAME, "a fetch item")[0].upper())
    if macro:
        return macro
    cursor.at = at
    return (_item(cursor),)


def _item(cursor: Cursor) -> FetchItem:
    name = cursor.match(_NAME, "a fetch item")[0].upper()
    if cursor.peek() == b"[" and name in {b"BODY", b"BODY.PEEK"}:
        return _body(cursor, peek=name == b"BODY.PEEK")
    if cursor.peek() == b"[" and name in {b"BINARY", b"BINARY.PEEK", b"BINARY.SIZE"}:
        return _binary(cursor, name)
    if name == b"PREVIEW":
        if cursor.wire[cursor.at : cursor.at + 7].upper() == b" (LAZY)":
            cursor.at += 7
        return PreviewItem()
    item = _SIMPLE.get(name) or _OLD.get(name)
    if item is None:
        raise ImapBad("no such fetch item")
    return item


def _body(cursor: Cursor, *, peek: bool) -> BodyItem:
    cursor.expect(b"[", "a bracket")
    section = _section(cursor)
    cursor.expect(b"]", "a closing bracket")
    return BodyItem(section, peek, _range(cursor))


def _binary(cursor: Cursor, name: bytes) -> FetchItem:
    cursor.expect(b"[", "a bracket")
    section = _section(cursor)
    cursor.expect(b"]", "a closing bracket")
    if name == b"BINARY.SIZE":
        return BinaryItem(section, peek=True, size=True)
    return BinaryItem(section, name == b"BINARY.PEEK", _range(cursor))


def _range(cursor: Cursor) -> Partial | None:
    if cursor.peek() != b"<":
        return None
    offset, octets = map(int, cursor.match(_PARTIAL, "a partial range").groups(b"%d" % _MOST))
    if not octets or max(offset, octets) > _MOST:
        raise ImapBad("a partial range has at least one octet and 32 bits")
    return Partial(offset, octets)  # without a length all that follows, as many servers take it


def _section(cursor: Cursor) -> Section:
    path: tuple[int, ...] = ()
    if cursor.peek().isdigit():
        path = tuple(map(int, cursor.match(_NUMBERS, "a part number")[0].split(b".")))
        if not cursor.accept(b"."):
            return Section(path)
    elif cursor.peek() == b"]":
        return Section()
    kind = cursor.match(_NAME, "a section")[0].upper().decode("ascii")
    if kind in {FIELDS, FIELDS_NOT}:
        cursor.space()
        return Section(path, kind, cursor.listed(lambda: _field_name(cursor), IMAP_HEADER_NAMES))
    if kind not in {HEADER, TEXT, MIME} or (kind == MIME and not path):
        raise ImapBad("no such section")
    return Section(path, kind)


def _field_name(cursor: Cursor) -> bytes:
    name = cursor.astring()
    if not name or not all(33 <= octet <= 126 and octet != 58 for octet in name):  # RFC 5322 §3.6.8
        raise ImapBad("a header field name was expected")
    return name
