"""The words of IMAP, read from one whole command by a cursor that only moves forward. RFC 3501 §9, RFC 9051 §9.

The command is taken as it came over the wire, literals in their places ("{3}" CRLF and three octets), without its final
line end. Every failure is an ImapBad that says what was expected and never what was found.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Final, TypeVar

from mail.imap import sequence, utf7
from mail.imap.errors import ImapBad
from mail.limits import IMAP_FLAG, IMAP_FLAGS, IMAP_MAILBOX, IMAP_NESTING, IMAP_TAG

T = TypeVar("T")

ATOM: Final = re.compile(rb'[^\x00-\x20\x7f-\xff(){%*"\\\]]++')
_ASTRING = re.compile(rb'[^\x00-\x20\x7f-\xff(){%*"\\]++')
_TAG = re.compile(rb'[^\x00-\x20\x7f-\xff(){%*"\\+]++')
_LIST_CHARS = re.compile(rb'[^\x00-\x20\x7f-\xff(){"\\]++')
_QUOTED = re.compile(rb'"([^"\\\r\n\x00]*+(?>(?:\\["\\][^"\\\r\n\x00]*+)*))"')  # 8 bit passes, for UTF-8 search strings
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
_LITERAL = re.compile(rb"\{([0-9]{1,10})\+?\}\r\n")
_NUMBER = re.compile(rb"[0-9]{1,19}+(?![0-9])")
_FLAG = re.compile(rb'\\?+[^\x00-\x20\x7f-\xff(){%*"\\\]]++')
_SET = re.compile(rb"\$|[0-9*:,]++")
_DATE = re.compile(rb'("?)([0-9]{1,2})-([A-Za-z]{3})-([0-9]{4})\1')
_DATE_TIME = re.compile(
    rb'"([ 0-9][0-9])-([A-Za-z]{3})-([0-9]{4}) ([0-9]{2}):([0-9]{2}):([0-9]{2}) ([+-])([0-9]{2})([0-9]{2})"'
)
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
SYSTEM_FLAGS: Final = ("\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft")  # RFC 3501 §2.3.2

_MONTH = {name.lower().encode(): number for number, name in enumerate(MONTHS, 1)}
_SYSTEM = {flag.lower(): flag for flag in SYSTEM_FLAGS}


class Cursor:
    """A place in a command. Each method reads one thing and moves behind it, or raises ImapBad."""

    __slots__ = ("_depth", "at", "unlabelled", "utf8", "wire")

    def __init__(self, wire: bytes, at: int = 0, *, utf8: bool = False, unlabelled: bool = False) -> None:
        self.wire = wire
        self.utf8 = utf8  # mailbox names are UTF-8
        self.unlabelled = unlabelled  # search strings are UTF-8, and no charset is named
        self.at = at
        self._depth = 0

    # --- the smallest things ---

    def accept(self, octets: bytes) -> bool:
        """Move over `octets` if they come next."""
        if self.wire.startswith(octets, self.at):
            self.at += len(octets)
            return True
        return False

    def accept_word(self, word: bytes) -> bool:
        """Move over an atom if it is `word`, in any case."""
        found = ATOM.match(self.wire, self.at)
        if found and found[0].upper() == word:
            self.at = found.end()
            return True
        return False

    def expect(self, octets: bytes, name: str) -> None:
        """Move over `octets`, called `name` in the error."""
        if not self.accept(octets):
            raise ImapBad(f"{name} was expected")

    def space(self) -> None:
        """One space, as the grammar has it everywhere."""
        self.expect(b" ", "a space")

    @property
    def at_end(self) -> bool:
        """Nothing is left."""
        return self.at >= len(self.wire)

    def end(self) -> None:
        """Nothing may be left."""
        if not self.at_end:
            raise ImapBad("unexpected text after the command")

    def rest(self) -> bytes:
        """Move over all that is left."""
        at, self.at = self.at, len(self.wire)
        return self.wire[at:]

    def peek(self) -> bytes:
        """The next octet; empty at the end."""
        return self.wire[self.at : self.at + 1]

    def match(self, pattern: re.Pattern[bytes], name: str) -> re.Match[bytes]:
        """Move over a pattern, called `name` in the error."""
        found = pattern.match(self.wire, self.at)
        if not found:
            raise ImapBad(f"{name} was expected")
        self.at = found.end()
        return found

    # --- words and numbers ---

    def tag(self) -> str:
        """The tag of a command."""
        found = self.match(_TAG, "a tag")[0]
        if len(found) > IMAP_TAG:
            raise ImapBad("the tag is too long")
        return found.decode("ascii")

    def atom(self, name: str = "an atom") -> bytes:
        """An atom as written."""
        return self.match(ATOM, name)[0]

    def word(self, name: str = "a word") -> str:
        """An atom in capitals."""
        return self.atom(name).upper().decode("ascii")

    def number(self, most: int = 2**32 - 1) -> int:
        """A number up to `most`; modification sequences have 63 bits (RFC 7162 §7)."""
        value = int(self.match(_NUMBER, "a number")[0])
        if value > most:
            raise ImapBad("a number is too large")
        return value

    def string(self) -> bytes:
        """Quoted or literal."""
        if self.peek() == b"{":
            return self._literal()
        found = self.match(_QUOTED, "a string")[1]
        return _ESCAPED.sub(rb"\1", found) if b"\\" in found else found

    def astring(self) -> bytes:
        """Atom, quoted or literal."""
        if self.peek() in {b'"', b"{"}:
            return self.string()
        return self.match(_ASTRING, "a string")[0]

    def nstring(self) -> bytes | None:
        """A string, or None for NIL."""
        return None if self.accept_word(b"NIL") else self.string()

    def _literal(self) -> bytes:
        size = int(self.match(_LITERAL, "a literal")[1])
        data = self.wire[self.at : self.at + size]
        if len(data) != size or b"\0" in data:  # RFC 3501 §9: CHAR8 excludes NUL
            raise ImapBad("a literal is torn or holds NUL")
        self.at += size
        return data

    # --- lists ---

    @contextmanager
    def nested(self, most: int = IMAP_NESTING) -> Iterator[None]:
        """One level deeper, for whatever a parenthesis or an operator opens."""
        self._depth += 1
        if self._depth > most:
            raise ImapBad("the command is nested too deeply")
        yield
        self._depth -= 1

    def listed(self, read: Callable[[], T], most: int, *, empty: bool = False) -> tuple[T, ...]:
        """`(a b c)`, up to `most` items, each by `read`; `()` only where `empty` allows it."""
        self.expect(b"(", "a parenthesis")
        if empty and self.accept(b")"):
            return ()
        items: list[T] = []
        with self.nested():
            items.append(read())
            while self.accept(b" "):
                items.append(read())
                if len(items) > most:
                    raise ImapBad("a list is too long")
        self.expect(b")", "a closing parenthesis")
        return tuple(items)

    # --- the things of the trade ---

    def sequence_set(self) -> sequence.SequenceSet:
        """Message numbers or UIDs."""
        return sequence.parse(self.match(_SET, "a sequence set")[0])

    def flag(self) -> str:
        """A system flag in its standard spelling, or a keyword as written."""
        text = self.match(_FLAG, "a flag")[0].decode("ascii")
        if len(text) > IMAP_FLAG:
            raise ImapBad("a flag is too long")
        if not text.startswith("\\"):
            return text
        known = _SYSTEM.get(text.lower())
        if known is None:  # RFC 3501 §2.3.2: \Recent is not a client's to set; others do not exist
            raise ImapBad("no such system flag")
        return known

    def flags(self) -> tuple[str, ...]:
        """`(flag flag)`, possibly empty, each once."""
        return tuple(dict.fromkeys(self.listed(self.flag, IMAP_FLAGS, empty=True)))

    def mailbox(self) -> str:
        """A mailbox name, decoded; INBOX in capitals however it was written (RFC 3501 §5.1)."""
        return mailbox_name(self.astring(), utf8=self.utf8)

    def list_mailbox(self) -> str:
        """A LIST pattern, decoded."""
        if self.peek() in {b'"', b"{"}:
            return _decoded(self.string(), utf8=self.utf8)
        return _decoded(self.match(_LIST_CHARS, "a mailbox pattern")[0], utf8=self.utf8)

    def date(self) -> date:
        """`1-Feb-1994`, quoted or not."""
        _, day, month, year = self.match(_DATE, "a date").groups()
        try:
            return date(int(year), _MONTH.get(month.lower(), 0), int(day))
        except ValueError:
            raise ImapBad("no such date") from None

    def date_time(self) -> datetime:
        """`" 1-Feb-1994 21:52:25 -0800"`, in UTC."""
        day, month, year, hour, minute, second, sign, east_h, east_m = self.match(
            _DATE_TIME, "a date and time"
        ).groups()
        east = timedelta(hours=int(east_h), minutes=int(east_m))
        try:
            there = timezone(-east if sign == b"-" else east)
            moment = (int(hour), int(minute), min(int(second), 59))  # a leap second is the one before
            return datetime(int(year), _MONTH.get(month.lower(), 0), int(day), *moment, tzinfo=there).astimezone(UTC)
        except (ValueError, OverflowError):
            raise ImapBad("no such date and time") from None


def mailbox_name(wire: bytes, *, utf8: bool = False) -> str:
    """A mailbox name from the wire. Raises ImapBad when it is too long, or neither UTF-8 nor modified UTF-7 as said."""
    name = _decoded(wire, utf8=utf8)
    head, slash, rest = name.partition("/")
    return "INBOX" + slash + rest if head.upper() == "INBOX" else name


def _decoded(wire: bytes, *, utf8: bool) -> str:
    if len(wire) > IMAP_MAILBOX:
        raise ImapBad("the mailbox name is too long")
    name = _unicode(wire) if utf8 else utf7.decode(wire)
    if _CONTROL.search(name):
        raise ImapBad("a mailbox name holds no control characters")
    return name


def _unicode(wire: bytes) -> str:
    """RFC 6855 §3: Net-Unicode, hence in normal form C: two spellings of one name would be two mailboxes."""
    try:
        return unicodedata.normalize("NFC", wire.decode())
    except UnicodeDecodeError:
        raise ImapBad("mailbox names are UTF-8") from None
