"""Whether a message answers a search. Pure: rows and octets are given. RFC 3501 §6.4.4.

Cheap keys are asked first, and the octets of a message are read only when no row could decide. Texts are compared
without regard to case after Unicode normalisation, on what a reader would see: words and charsets decoded.
"""

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Final, Protocol, TypeVar

from core.clock import epoch_ms
from mail.addresses import addresses
from mail.bounds import MimeBounds
from mail.content import text_of
from mail.headers import Headers, unfold
from mail.imap.grammar import MONTHS
from mail.imap.search_keys import (
    Age,
    All,
    Everything,
    HasFlag,
    HasId,
    InBody,
    InHeader,
    InText,
    Key,
    ModSeq,
    Not,
    Numbers,
    Or,
    Order,
    Received,
    Sent,
    Size,
)
from mail.imap.sequence import Ranges, holds
from mail.limits import IMAP_SEARCH_OCTETS
from mail.parameters import first
from mail.part import Part, leaves, numbered
from mail.sections import field_pattern
from mail.words import decode_words

T = TypeVar("T", int, date)

_SENT: Final = re.compile(rb"(?:[A-Za-z]+\s*,)?\s*([0-9]{1,2})\s+([A-Za-z]{3})[a-z]*\s+([0-9]{4}|[0-9]{2})\b")
_COLON: Final = re.compile(rb"^([!-9;-~]++)[ \t]*+:[ \t]*+", re.MULTILINE)
_ASCII_FIRST: Final = frozenset({b"us-ascii", b"utf-8", b"iso-8859-1", b"iso-8859-15", b"windows-1252"})
_ADDRESSES: Final = frozenset({b"from", b"sender", b"reply-to", b"to", b"cc", b"bcc"})
_ENCODED: Final = frozenset({b"base64", b"quoted-printable"})
_MONTH: Final = {name.lower().encode(): number for number, name in enumerate(MONTHS, 1)}
UTF8: Final = ("utf-8", "surrogatepass")  # what a broken charset may leave
_COST: Final = {All: 1, Or: 1, Not: 1, Sent: 2, InHeader: 2, InBody: 3, InText: 3}  # what is not named costs nothing


class Row(Protocol):
    """What the index knows of a message."""

    @property
    def number(self) -> int:
        """Message sequence number."""

    @property
    def uid(self) -> int:
        """UID."""

    @property
    def flags(self) -> Collection[str]:
        """Flags in their standard spelling, \\Recent among them when it holds."""

    @property
    def internal_at(self) -> datetime:
        """Internal date, aware."""

    @property
    def size(self) -> int:
        """RFC822.SIZE."""

    @property
    def modseq(self) -> int:
        """Modification sequence."""

    @property
    def message_id(self) -> int:
        """The message's own number."""


class Message(Protocol):
    """A message whose octets are fetched when they are asked for."""

    def headers(self) -> bytes:
        """The header block as received."""

    def tree(self) -> Part:
        """Its part tree."""

    def read(self, offset: int, length: int) -> bytes:
        """Octets of the raw message."""


@dataclass(frozen=True, slots=True)
class Mailbox:
    """What "*" means: the number of messages and the largest UID; and what time it is, in milliseconds since 1970."""

    messages: int
    largest_uid: int
    now_ms: int = 0


class Matcher:
    """A key made ready for one mailbox. Raises nothing; a message that passes our bounds matches on its rows only."""

    def __init__(self, key: Key, mailbox: Mailbox) -> None:
        self._mailbox = mailbox
        self._sets: dict[int, Ranges] = {}  # by identity of the key: sets may hold thousands of ranges
        self._keys: list[Key] = []  # keeps those identities alive
        self._key = self._prepare(key)

    def matches(self, row: Row, message: Message) -> bool:
        """Whether the message answers."""
        return self._matches(self._key, row, Texts(message))

    def matches_texts(self, row: Row, texts: "Texts") -> bool:
        """The same where its texts are at hand."""
        return self._matches(self._key, row, texts)

    def _prepare(self, key: Key) -> Key:
        """Cheap keys to the front; sets resolved."""
        if isinstance(key, All):
            return All(tuple(sorted((self._prepare(inner) for inner in key.keys), key=_cost)))
        if isinstance(key, Or):
            one, other = sorted((self._prepare(key.one), self._prepare(key.other)), key=_cost)
            return Or(one, other)
        if isinstance(key, Not):
            return Not(self._prepare(key.key))
        if isinstance(key, Numbers):
            largest = self._mailbox.largest_uid if key.uid else self._mailbox.messages
            self._sets[id(key)] = key.set.resolve(largest)
            self._keys.append(key)
        return key

    def _matches(self, key: Key, row: Row, texts: "Texts") -> bool:
        if isinstance(key, All):
            return all(self._matches(inner, row, texts) for inner in key.keys)
        if isinstance(key, Or):
            return self._matches(key.one, row, texts) or self._matches(key.other, row, texts)
        if isinstance(key, Not):
            return not self._matches(key.key, row, texts)
        if isinstance(key, Numbers):
            return holds(self._sets[id(key)], row.uid if key.uid else row.number)
        if isinstance(key, InHeader | InBody | InText | Sent):
            return _in_message(key, texts)
        if isinstance(key, Age):
            return (epoch_ms(row.internal_at) >= self._mailbox.now_ms - key.seconds * 1000) is key.younger
        return _in_row(key, row)


def _cost(key: Key) -> int:
    """0 for what the row decides, up to 3 for what reads the body; a compound costs its dearest."""
    if isinstance(key, All):
        return max(map(_cost, key.keys))
    if isinstance(key, Or):
        return max(_cost(key.one), _cost(key.other))
    return _cost(key.key) if isinstance(key, Not) else _COST.get(type(key), 0)


def _in_row(key: Everything | HasFlag | Received | Size | ModSeq | HasId, row: Row) -> bool:
    if isinstance(key, HasFlag):
        return key.flag in row.flags or any(key.flag.lower() == flag.lower() for flag in row.flags)  # §2.3.2
    if isinstance(key, Received):
        return _stands(row.internal_at.astimezone(UTC).date(), key.order, key.day)
    if isinstance(key, Size):
        return _stands(row.size, key.order, key.octets)
    if isinstance(key, HasId):
        return row.message_id == key.message_id
    return row.modseq >= key.least if isinstance(key, ModSeq) else True


def _in_message(key: InHeader | InBody | InText | Sent, texts: "Texts") -> bool:
    if isinstance(key, Sent):
        return texts.sent is not None and _stands(texts.sent, key.order, key.day)
    wanted = normal(key.text)
    if isinstance(key, InHeader):
        return any(wanted in normal(_decoded(value)) for value in texts.field(key.field)) or _addressed(key, texts)
    return texts.hold(wanted, header=isinstance(key, InText))


def _addressed(key: InHeader, texts: "Texts") -> bool:
    """An address is found as ENVELOPE shows it, too: without comments and white space inside."""
    wanted = normal(key.text)
    if "@" not in wanted or key.field not in _ADDRESSES:
        return False
    return any(wanted in normal(_decoded(one)) for value in texts.field(key.field) for one in _addresses(value))


def _addresses(value: bytes) -> list[bytes]:
    try:
        return [found.address for found in addresses(value).items]
    except MimeBounds:
        return []


def _stands(value: T, order: Order, to: T) -> bool:
    if order is Order.EQUAL:
        return value == to
    if order is Order.NOT_BELOW:
        return value >= to
    return value < to if order is Order.BELOW else value > to


def normal(text: str) -> str:
    """Text as it is compared: compatibility forms and case folded, runs of white space one space."""
    if text.isascii():  # the same, twenty times as fast
        return " ".join(text.lower().split())
    return " ".join(unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).split())


def sent_day(value: bytes) -> date | None:
    """The day of a Date field, its zone disregarded; two-digit years as RFC 5322 §4.3 has it. None when unreadable."""
    found = _SENT.match(value.lstrip()[:100])
    if not found:
        return None
    year = int(found[3])
    if len(found[3]) == 2:
        year += 2000 if year < 50 else 1900
    try:
        return date(year, _MONTH.get(found[2].lower(), 0), int(found[1]))
    except ValueError:
        return None


class Texts:
    """The texts of one message, each read once and only when asked for."""

    def __init__(self, message: Message) -> None:
        self._message = message

    def field(self, name: bytes) -> list[bytes]:
        """The values of one field of the message's own header, unfolded."""
        found = field_pattern(frozenset((name,))).findall(self._message.headers())
        return [unfold(field[field.index(b":") + 1 :]) for field in found]

    def hold(self, wanted: str, *, header: bool) -> bool:
        """Whether a `normal` text stands in a text part, or in a header too."""
        if wanted in (self.body if " " in wanted else self.words):
            return True
        return header and wanted in self.header

    @cached_property
    def sent(self) -> date | None:
        """The day of the Date field."""
        return sent_day(next(iter(self.field(b"date")), b""))

    @cached_property
    def header(self) -> str:
        """The message's own header, and those of its parts and of enclosed messages, decoded. RFC 9051 §6.4.4."""
        shown, left = [_shown(self._message.headers())], IMAP_SEARCH_OCTETS
        for start, end in _header_places(self._message.tree()):
            length = min(end - start, left)
            left -= length
            shown += [_shown(self._message.read(start, length))] if length else []
        return "\n".join(shown)

    @cached_property
    def body(self) -> str:
        """What a reader sees below the headers, ready to be compared."""
        return "\n".join(normal(text) for text in self._texts)

    @cached_property
    def words(self) -> str:
        """The same with white space as it stands, for what is looked for in one word."""
        return "\n".join(text.lower() if text.isascii() else normal(text) for text in self._texts)

    @cached_property
    def _texts(self) -> list[str]:
        """Text parts, those of enclosed messages too."""
        tree, read = self._message.tree(), self._message.read
        texts: list[str] = []
        left = IMAP_SEARCH_OCTETS
        for _, part in leaves(tree):
            if part.main == b"text" and left:
                length = min(part.size, left)
                left -= length
                texts.append(_part_text(read(part.body, length), part))
        return texts


def _decoded(value: bytes) -> str:
    return value.decode("ascii") if value.isascii() and b"=?" not in value else decode_words(value)


def _header_places(tree: Part) -> list[tuple[int, int]]:
    """Where the headers of parts and of enclosed messages begin and end, each once; without the message's own."""
    inside = (one for _, part in numbered(tree) for one in (part, part.message) if one is not None and one is not tree)
    return sorted({(one.start, one.body) for one in inside if one.start < one.body})


def _shown(block: bytes) -> str:
    """A header block as it is compared."""
    if block.isascii() and b"=?" not in block:
        return normal(_COLON.sub(rb"\1: ", block).decode("ascii"))
    headers = Headers(block)
    lines = [field.name.decode("latin-1") + ": " + decode_words(headers.value(field)) for field in headers.fields]
    return normal("\n".join(lines))


def words_of_headers(key: Key) -> tuple[bytes, ...]:
    """Words that the header of every message that answers must hold, as `normal` has them; none is no hint at all."""
    if isinstance(key, All):
        return tuple(word for inner in key.keys for word in words_of_headers(inner))
    if not isinstance(key, InHeader):
        return ()
    text = key.text.replace("@", " ") if key.field in _ADDRESSES else key.text  # a comment may stand there
    return tuple(word.encode(*UTF8) for word in normal(text).split())


def lacks(words: tuple[bytes, ...], block: bytes) -> bool:
    """A quick no for a header block without one of `words`: nothing is parsed for it. Encoded words and letters outside
    of ASCII are left to the parser; unfolding and `normal` never join or part the words of an ASCII block."""
    lower = block.lower()
    for word in words:
        if word not in lower:
            return block.isascii() and b"=?" not in block
    return False


def is_plain(part: Part) -> bool:
    """Its ASCII octets are the text that a reader sees. Some charsets write other letters in ASCII octets."""
    charset = first(part.params, b"charset") or b"us-ascii"
    return part.encoding not in _ENCODED and charset.lower() in _ASCII_FIRST


def hides_nothing(tree: Part) -> bool:
    """What is not among the raw octets of an ASCII message is in none of its texts, encoded words left aside."""
    return all(is_plain(part) for _, part in leaves(tree) if part.main == b"text")


def cannot_hold(key: Key, raw: bytes, tree: Part) -> bool:
    """A quick no for the key that is asked most, one word anywhere in the text: nothing is parsed for it."""
    if not isinstance(key, InText | InBody):
        return False
    wanted = key.text.lower()
    if not wanted.isascii() or not wanted or any(char.isspace() or char == ":" for char in wanted):
        return False
    return raw.isascii() and b"=?" not in raw and wanted.encode() not in raw.lower() and hides_nothing(tree)


def _part_text(data: bytes, part: Part) -> str:
    """The decoded text of a part, or of its beginning."""
    if is_plain(part) and data.isascii():
        return data.decode("ascii")
    piece = Part(0, 0, len(data), 0, part.main, part.sub, part.params, part.encoding)
    try:
        return text_of(data, piece)
    except MimeBounds:
        return ""
