"""Octets of a connection cut into commands. Pure: no socket; what has to be said is handed out as events.

A command is kept in memory up to a bound, its literals counted in. The literal of an APPEND is not: it is announced,
and then handed out in the pieces in which it arrives. RFC 3501 §4.3 and §7.5, RFC 7888 (LITERAL+).
"""

import enum
import re
from dataclasses import dataclass
from typing import TypeAlias

from mail.imap.commands import Append
from mail.imap.errors import ImapBad
from mail.imap.parse import parse_append_head, parse_append_more
from mail.limits import IMAP_APPEND_OCTETS, IMAP_AUTH_LINE, IMAP_LINE, IMAP_LINE_BEFORE_LOGIN, IMAP_LITERALS

_LITERAL_END = re.compile(rb"~?\{([0-9]{1,10})(\+?)\}\Z")  # "~": octets may be NUL, RFC 3516 §4.4
_TAG = re.compile(rb'[^\x00-\x20\x7f-\xff(){%*"\\+]{1,128}(?= )')
_INITIAL = re.compile(_TAG.pattern + rb" AUTHENTICATE [A-Z0-9_-]{1,20} ", re.IGNORECASE)  # RFC 4422 §3.1


@dataclass(frozen=True, slots=True, repr=False)
class Complete:
    """A whole command for `parse_command`, literals in place, without its last line end."""

    wire: bytes


@dataclass(frozen=True, slots=True)
class Continue:
    """A literal follows when the client is told to go on: send a "+" line."""


@dataclass(frozen=True, slots=True)
class AppendStart:
    """A message of `size` octets follows. Answer with `accept` (and a "+" line when `sync`) or with `refuse`."""

    command: Append
    size: int
    sync: bool


@dataclass(frozen=True, slots=True, repr=False)
class AppendData:
    """The next octets of the message."""

    data: bytes


@dataclass(frozen=True, slots=True)
class AppendEnd:
    """The message is whole. Not `clean`: text followed it, the command is BAD and nothing may be kept."""

    clean: bool


@dataclass(frozen=True, slots=True, repr=False)
class RawLine:
    """The line asked for by `expect_line`: a SASL answer, DONE."""

    line: bytes


@dataclass(frozen=True, slots=True)
class Rejected:
    """The command cannot be read and is over; send its tagged answer."""

    error: ImapBad


@dataclass(frozen=True, slots=True)
class Overflow:
    """Too long to find its end again: send BYE with this text and hang up. Nothing more is read."""

    public: str


Event: TypeAlias = Complete | Continue | AppendStart | AppendData | AppendEnd | RawLine | Rejected | Overflow


class _Mode(enum.Enum):
    __hash__ = object.__hash__  # each is one object; the one of Enum is not in C

    LINE = enum.auto()
    LITERAL = enum.auto()  # octets of an ordinary literal
    ASKED = enum.auto()  # an APPEND waits for accept or refuse
    APPEND = enum.auto()  # octets of the message, handed out
    SKIP = enum.auto()  # octets of a message that was refused
    TAIL = enum.auto()  # the line after an appended message
    SKIPPED_TAIL = enum.auto()  # the line after a refused one
    RAW = enum.auto()  # one line that is no command
    DEAD = enum.auto()


class CommandReader:
    """Feed octets, then take events until there are none. One command at a time: feed no more while one is executed."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._wire = bytearray()  # the command so far
        self._mode = _Mode.LINE
        self._left = 0  # octets of the literal still to come
        self._sync = False
        self._literals = 0
        self._appending: Append | None = None
        self._scanned = 0  # no LF before this place in the buffer
        self._limit = IMAP_LINE_BEFORE_LOGIN
        self.utf8 = False  # mailbox names, as the session has agreed

    def feed(self, data: bytes) -> None:
        """More octets of the connection."""
        if self._mode is not _Mode.DEAD:
            self._buffer += data

    def authenticated(self) -> None:
        """Longer commands from now on."""
        self._limit = IMAP_LINE

    def expect_line(self) -> None:
        """The next line is no command: it comes as RawLine."""
        self._mode = _Mode.RAW

    def accept(self) -> None:
        """Take the announced message: AppendData follow, then AppendEnd."""
        self._mode = _Mode.APPEND

    def refuse(self) -> None:
        """Do not take it. A client that does not wait sends it nevertheless: it is read over in silence."""
        self._wire.clear()
        self._mode = _Mode.LINE if self._sync else _Mode.SKIP

    @property
    def pending(self) -> int:
        """Octets that wait. Before TLS starts there may be none (RFC 3501 §6.2.1, command injection)."""
        return len(self._buffer)

    def forget(self) -> None:
        """Drop whatever came before: after STARTTLS."""
        self._buffer.clear()
        self._wire.clear()
        self._scanned = self._literals = 0
        self._mode = _Mode.LINE

    def next(self) -> Event | None:
        """The next event; None when more octets, or an answer to AppendStart, are needed."""
        while True:
            if self._mode in {_Mode.DEAD, _Mode.ASKED}:
                return None
            if self._mode in {_Mode.LITERAL, _Mode.APPEND, _Mode.SKIP}:
                event, more = self._take_octets()
            else:
                event, more = self._take_line()
            if event is not None or not more:
                return event

    # --- octets ---

    def _take_octets(self) -> tuple[Event | None, bool]:
        """(event, whether to go on)."""
        data = bytes(self._buffer[: self._left])
        if not data and self._left:
            return None, False
        del self._buffer[: len(data)]
        self._left -= len(data)
        self._scanned = 0
        if self._mode is _Mode.LITERAL:
            self._wire += data
        if not self._left:
            ended = {_Mode.LITERAL: _Mode.LINE, _Mode.APPEND: _Mode.TAIL, _Mode.SKIP: _Mode.SKIPPED_TAIL}
            announced, self._mode = self._mode, ended[self._mode]
            return (AppendData(data), True) if announced is _Mode.APPEND and data else (None, True)
        return (AppendData(data), True) if self._mode is _Mode.APPEND else (None, False)

    # --- lines ---

    def _take_line(self) -> tuple[Event | None, bool]:
        limit = self._longest()
        end = self._buffer.find(b"\n", self._scanned, limit + 2)
        if end < 0:
            self._scanned = len(self._buffer)
            return (self._die("command line too long"), False) if len(self._buffer) > limit + 1 else (None, False)
        line = bytes(self._buffer[:end]).removesuffix(b"\r")
        del self._buffer[: end + 1]
        self._scanned = 0
        return self._line(line)

    def _longest(self) -> int:
        """Octets of the line that comes. What proves who somebody is may be long, access tokens are; nothing else."""
        if self._mode is _Mode.RAW:
            return IMAP_AUTH_LINE
        limit = self._limit - len(self._wire)
        if self._wire or len(self._buffer) <= limit:
            return limit
        initial = _INITIAL.match(self._buffer)
        return max(limit, initial.end() + IMAP_AUTH_LINE) if initial else limit

    def _line(self, line: bytes) -> tuple[Event | None, bool]:
        mode, self._mode = self._mode, _Mode.LINE
        if mode is _Mode.RAW:
            return RawLine(line), True
        if mode in {_Mode.TAIL, _Mode.SKIPPED_TAIL}:
            return self._tail(line, silent=mode is _Mode.SKIPPED_TAIL)
        self._wire += line
        literal = _LITERAL_END.search(line)
        if literal is None:
            return self._complete(), True
        size, sync = int(literal[1]), not literal[2]
        try:
            head = parse_append_head(bytes(self._wire[: len(self._wire) - len(literal[0])]), utf8=self.utf8)
        except ImapBad as bad:
            return self._reject(bad, size, sync), True
        if head is not None:
            return self._append(head, size, sync), True
        return self._literal(size, sync), True

    def _complete(self) -> Event | None:
        wire = bytes(self._wire)
        self._wire.clear()
        self._literals = 0
        return Complete(wire)

    def _literal(self, size: int, sync: bool) -> Event | None:
        self._literals += 1
        if len(self._wire) + size > self._limit or self._literals > IMAP_LITERALS:
            return self._reject(ImapBad("the command is too long", code="TOOBIG"), size, sync)
        self._wire += b"\r\n"
        self._left, self._mode = size, _Mode.LITERAL
        return Continue() if sync else None

    def _append(self, head: Append, size: int, sync: bool) -> Event:
        if size > IMAP_APPEND_OCTETS:  # RFC 7889 §3: TOOBIG
            too_big = ImapBad("the message is too large", condition="NO", code="TOOBIG", tag=head.tag)
            return self._reject(too_big, size, sync)
        return self._ask(head, size, sync)

    def _ask(self, head: Append, size: int, sync: bool) -> Event:
        """The session decides; a size beyond our limit is for it to refuse."""
        self._wire.clear()
        self._literals = 0
        self._left, self._sync, self._mode = size, sync, _Mode.ASKED
        self._appending = head
        return AppendStart(head, size, sync)

    def _reject(self, bad: ImapBad, size: int, sync: bool) -> Event:
        """The command ends here. What a client sends without waiting is read over, up to one message."""
        tag = _TAG.match(self._wire)
        if bad.tag == "*" and tag:
            bad.tag = tag[0].decode("ascii")
        if not sync and size > IMAP_APPEND_OCTETS:
            return self._die("literal too large")
        self._wire.clear()
        self._literals = 0
        if not sync:
            self._left, self._sync, self._mode = size, False, _Mode.SKIP
        return Rejected(bad)

    def _tail(self, line: bytes, *, silent: bool) -> tuple[Event | None, bool]:
        """After a message: the command is over, or another message follows (RFC 3502)."""
        follows = _LITERAL_END.search(line)
        if follows and not silent and self._appending is not None:
            more = parse_append_more(line[: follows.start()], self._appending)
            if more is not None and (not follows[2] or int(follows[1]) <= IMAP_APPEND_OCTETS):
                return self._ask(more, int(follows[1]), not follows[2]), True
        if self._appending is not None and self._appending.utf8:
            line = b"" if line == b")" else line or b")"
        if follows and follows[2]:
            if int(follows[1]) > IMAP_APPEND_OCTETS:
                return self._die("literal too large"), False
            self._left, self._mode = int(follows[1]), _Mode.SKIP
        return (None if silent else AppendEnd(clean=not line)), True

    def _die(self, public: str) -> Event:
        self._mode = _Mode.DEAD
        self._buffer.clear()
        self._wire.clear()
        return Overflow(public)
