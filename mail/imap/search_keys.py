"""What SEARCH asks for. RFC 3501 §6.4.4, RFC 4731 (RETURN), RFC 7162 §3.1.5 (MODSEQ)."""

import enum
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Final, TypeAlias

from mail.imap.errors import ImapBad
from mail.imap.grammar import SYSTEM_FLAGS, Cursor
from mail.imap.sequence import SequenceSet
from mail.limits import IMAP_FLAG, IMAP_SEARCH_DEPTH, IMAP_SEARCH_KEYS, IMAP_SEARCH_TEXT

RECENT: Final = "\\Recent"


class Order(enum.Enum):
    """How a date or a size stands to the one given."""

    BELOW = "below"
    EQUAL = "equal"
    ABOVE = "above"
    NOT_BELOW = "not below"


@dataclass(frozen=True, slots=True)
class Everything:
    """ALL."""


@dataclass(frozen=True, slots=True)
class HasFlag:
    """A system flag, \\Recent or a keyword is set."""

    flag: str


@dataclass(frozen=True, slots=True)
class Received:
    """BEFORE, ON, SINCE: the day of the internal date, in UTC as INTERNALDATE shows it."""

    order: Order
    day: date


@dataclass(frozen=True, slots=True)
class Sent:
    """SENTBEFORE, SENTON, SENTSINCE: the day in the Date field, its time and zone disregarded."""

    order: Order
    day: date


@dataclass(frozen=True, slots=True)
class Size:
    """LARGER, SMALLER."""

    order: Order
    octets: int


@dataclass(frozen=True, slots=True, repr=False)
class InHeader:
    """A field of that name contains the text; an empty text: the field is there."""

    field: bytes
    text: str


@dataclass(frozen=True, slots=True, repr=False)
class InBody:
    """BODY: the text parts contain the text."""

    text: str


@dataclass(frozen=True, slots=True, repr=False)
class InText:
    """TEXT: the header or the text parts contain the text."""

    text: str


@dataclass(frozen=True, slots=True)
class Numbers:
    """Message numbers, or UIDs."""

    uid: bool
    set: SequenceSet


@dataclass(frozen=True, slots=True)
class ModSeq:
    """The modification sequence is at least this."""

    least: int


@dataclass(frozen=True, slots=True)
class Age:
    """YOUNGER, OLDER: the internal date is at most, or at least, so many seconds ago. RFC 5032."""

    younger: bool
    seconds: int


@dataclass(frozen=True, slots=True)
class HasId:
    """EMAILID, THREADID: the message's own number; None: nothing has it. RFC 8474 §5.4."""

    message_id: int | None


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    key: "Key"


@dataclass(frozen=True, slots=True)
class Or:
    """Either."""

    one: "Key"
    other: "Key"


@dataclass(frozen=True, slots=True)
class All:
    """Every one."""

    keys: tuple["Key", ...]


RowKey: TypeAlias = Everything | HasFlag | Received | Size | Numbers | ModSeq | Age | HasId
Key: TypeAlias = RowKey | Sent | InHeader | InBody | InText | Not | Or | All


@dataclass(frozen=True, slots=True)
class Query:
    """A whole SEARCH. `returns` is None for the plain SEARCH response, else the ESEARCH words asked for."""

    key: Key
    returns: tuple[str, ...] | None = None


_CHARSETS: Final = {  # the two that every server knows, and those of older programs here
    b"US-ASCII": "ascii",
    b"UTF-8": "utf-8",
    b"ISO-8859-1": "latin-1",
    b"ISO-8859-15": "iso8859-15",
    b"WINDOWS-1252": "cp1252",
}
_RETURNS: Final = frozenset({"MIN", "MAX", "ALL", "COUNT", "SAVE"})  # RFC 4731 §3.1, RFC 5182


def query(cursor: Cursor) -> Query:
    """`[RETURN (…)] [CHARSET …] key…`, after SEARCH and its space."""
    returns = returned(cursor)
    charset = "utf-8"  # unsaid it is US-ASCII, of which UTF-8 is the tolerant reading
    if cursor.accept_word(b"CHARSET"):
        _check_label(cursor, fits=False)
        cursor.space()
        charset = _charset(cursor.astring())
        cursor.space()
    return Query(_Keys(cursor, charset).run(b""), returns)


def returned(cursor: Cursor) -> tuple[str, ...] | None:
    """`RETURN (…) `, also before the keys of a SORT (RFC 5267 §3.2); None when it is not there."""
    if not cursor.accept_word(b"RETURN"):
        return None
    cursor.space()
    words = cursor.listed(lambda: _return_word(cursor), len(_RETURNS), empty=True) or ("ALL",)  # RFC 4731 §3.1
    cursor.space()
    return words


def charset_and_key(cursor: Cursor) -> Key:
    """`charset key…`: SORT and THREAD always name a charset. RFC 5256 §3."""
    name = cursor.astring()
    _check_label(cursor, fits=name.upper() == b"UTF-8")
    charset = _charset(name)
    cursor.space()
    return _Keys(cursor, charset).run(b"")


def _check_label(cursor: Cursor, *, fits: bool) -> None:
    """After ENABLE UTF8=ACCEPT: none where it may be left out, UTF-8 where it may not. RFC 9755 §3."""
    if cursor.unlabelled and not fits:
        raise ImapBad("search strings are UTF-8 since UTF8=ACCEPT is enabled")


def _return_word(cursor: Cursor) -> str:
    word = cursor.word()
    if word not in _RETURNS:
        raise ImapBad("no such search result option")
    return word


_BAD_CHARSET: Final = f"BADCHARSET ({b' '.join(_CHARSETS).decode()})"


def _charset(name: bytes) -> str:
    known = _CHARSETS.get(name.upper())
    if known is None:  # RFC 3501 §6.4.4: a tagged NO that lists what is understood
        raise ImapBad("this charset is not supported", condition="NO", code=_BAD_CHARSET)
    return known


class _Keys:
    """Reads keys, counting them and their depth."""

    def __init__(self, cursor: Cursor, charset: str) -> None:
        self._cursor = cursor
        self._charset = charset
        self._count = 0

    def run(self, closing: bytes) -> Key:
        """Keys up to the end or the closing parenthesis; all of them must hold."""
        keys = [self.key()]
        while self._cursor.peek() != closing:
            self._cursor.space()
            keys.append(self.key())
        return keys[0] if len(keys) == 1 else All(tuple(keys))

    def key(self) -> Key:
        """One key."""
        cursor = self._cursor
        self._count += 1
        if self._count > IMAP_SEARCH_KEYS:
            raise ImapBad("too many search keys")
        with cursor.nested(IMAP_SEARCH_DEPTH):
            if cursor.accept(b"("):
                inner = self.run(b")")
                cursor.expect(b")", "a closing parenthesis")
                return inner
            if cursor.peek().isdigit() or cursor.peek() in {b"*", b"$"}:
                return Numbers(False, cursor.sequence_set())
            word = cursor.word("a search key")
            if word in _PLAIN:
                return _PLAIN[word]
            reader = _READERS.get(word)
            if reader is None:
                raise ImapBad("no such search key")
            cursor.space()
            return reader(self)

    def text(self) -> str:
        """A search string in the charset of the command."""
        data = self._cursor.astring()
        if len(data) > IMAP_SEARCH_TEXT:
            raise ImapBad("a search string is too long")
        try:
            return data.decode(self._charset)
        except UnicodeDecodeError:
            raise ImapBad("a search string is not in its charset") from None

    def field(self) -> bytes:
        """The name of a header field."""
        name = self._cursor.astring()
        if not name or not all(33 <= octet <= 126 and octet != 58 for octet in name):
            raise ImapBad("a header field name was expected")
        return name.lower()

    def day(self) -> date:
        """A date."""
        return self._cursor.date()

    def number(self) -> int:
        """A size."""
        return self._cursor.number(2**63 - 1)

    def keyword(self) -> str:
        """A keyword: an atom, never a system flag."""
        name = self._cursor.atom("a keyword")
        if len(name) > IMAP_FLAG:
            raise ImapBad("a keyword is too long")
        return name.decode("ascii")

    def header(self) -> Key:
        """HEADER name text."""
        name = self.field()
        self._cursor.space()
        return InHeader(name, self.text())

    def either(self) -> Key:
        """OR key key."""
        one = self.key()
        self._cursor.space()
        return Or(one, self.key())

    def modseq(self) -> Key:
        """MODSEQ [entry-name entry-type] number; the entry is read and makes no difference. RFC 7162 §3.1.5."""
        if self._cursor.peek() == b'"':
            self._cursor.string()
            self._cursor.space()
            if self._cursor.word() not in {"PRIV", "SHARED", "ALL"}:
                raise ImapBad("an entry type was expected")
            self._cursor.space()
        return ModSeq(self._cursor.number(2**63 - 1))

    def seconds(self) -> int:
        """An age, not zero."""
        seconds = self._cursor.number()
        if not seconds:
            raise ImapBad("an age is not zero")
        return seconds

    def email_id(self) -> int | None:
        """An object's number as FETCH shows it."""
        word = self._cursor.atom("an object id")
        return int(word[1:]) if re.fullmatch(rb"M[0-9]{1,19}", word) else None

    def thread(self) -> Key:
        """Messages have no thread that we know of: nothing matches. RFC 8474 §5.3."""
        self._cursor.atom("an object id")
        return HasId(None)

    def uids(self) -> Key:
        """UID set."""
        return Numbers(True, self._cursor.sequence_set())


def _plain_keys() -> dict[str, Key]:
    keys: dict[str, Key] = {"ALL": Everything(), "RECENT": HasFlag(RECENT), "OLD": Not(HasFlag(RECENT))}
    keys["NEW"] = All((HasFlag(RECENT), Not(HasFlag("\\Seen"))))
    for flag in SYSTEM_FLAGS:
        keys[flag[1:].upper()] = HasFlag(flag)
        keys["UN" + flag[1:].upper()] = Not(HasFlag(flag))
    return keys


def _in_field(name: bytes) -> Callable[[_Keys], Key]:
    return lambda keys: InHeader(name, keys.text())


_PLAIN: Final = _plain_keys()
_READERS: Final[dict[str, Callable[[_Keys], Key]]] = {
    **{name.upper(): _in_field(name.encode()) for name in ("bcc", "cc", "from", "subject", "to")},
    "BEFORE": lambda keys: Received(Order.BELOW, keys.day()),
    "EMAILID": lambda keys: HasId(keys.email_id()),
    "OLDER": lambda keys: Age(False, keys.seconds()),
    "THREADID": lambda keys: keys.thread(),
    "YOUNGER": lambda keys: Age(True, keys.seconds()),
    "BODY": lambda keys: InBody(keys.text()),
    "HEADER": _Keys.header,
    "KEYWORD": lambda keys: HasFlag(keys.keyword()),
    "LARGER": lambda keys: Size(Order.ABOVE, keys.number()),
    "MODSEQ": _Keys.modseq,
    "NOT": lambda keys: Not(keys.key()),
    "ON": lambda keys: Received(Order.EQUAL, keys.day()),
    "OR": _Keys.either,
    "SENTBEFORE": lambda keys: Sent(Order.BELOW, keys.day()),
    "SENTON": lambda keys: Sent(Order.EQUAL, keys.day()),
    "SENTSINCE": lambda keys: Sent(Order.NOT_BELOW, keys.day()),
    "SINCE": lambda keys: Received(Order.NOT_BELOW, keys.day()),
    "SMALLER": lambda keys: Size(Order.BELOW, keys.number()),
    "TEXT": lambda keys: InText(keys.text()),
    "UID": _Keys.uids,
    "UNKEYWORD": lambda keys: Not(HasFlag(keys.keyword())),
}
