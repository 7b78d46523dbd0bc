"""The octets of a message on their way in, held against every limit and handed on piece by piece.

Works on whatever pieces come, with a few searches over each and no loop of ours over lines. A fault is remembered, and
what comes after it is dropped. Memory is bounded by one piece. DATA and BDAT (`mail.data_reader`, `mail.chunk_reader`)
find where the message ends; this is what they have in common.
"""

from collections.abc import Callable
from io import IncrementalNewlineDecoder

from core.errors import PliError
from core.value import Value
from mail.limits import HEADER_OCTETS, MESSAGE_OCTETS, TEXT_LINE
from mail.replies import MailError, to_mail_error

BARE = MailError(550, "5.6.0", "lines end with CR LF; a bare CR, a bare LF or a NUL is refused")  # RFC 5321 §2.3.8
LONG_LINE = MailError(550, "5.6.0", "a line is longer than 1000 octets")  # RFC 5321 §4.5.3.1.6
LARGE = MailError(552, "5.3.4", "the message is larger than the size we told")  # RFC 1870 §6.3
LARGE_HEADER = MailError(552, "5.3.4", "the header is too large")


class Flood(ConnectionError):
    """The peer goes on after its message was refused: cut the line."""


class Bounds(Value, frozen=True):
    """Octets that a message, its header and its lines (CRLF included) may have."""

    message: int = MESSAGE_OCTETS
    header: int = HEADER_OCTETS
    line: int = TEXT_LINE


class Intake:
    """`fault` holds the refusal, once there is one; `size` counts the octets handed on."""

    def __init__(self, write: Callable[[bytes], None], bounds: Bounds) -> None:
        """`write` takes the message piece by piece; what it raises of our own errors becomes the fault."""
        self.fault: MailError | None = None
        self.size = 0
        self._write = write
        self._bounds = bounds
        self._line = 0  # octets of the line that is still open
        self._header: int | None = 0  # octets of the header so far; None once it is over
        self._before = b"\r\n"  # the last octets, for a blank line that lies across two pieces

    def take(self, text: bytes) -> None:
        """Octets of the message, no CR at their end cut from its LF."""
        if self.fault is None and text:
            self.fault = self._bounded(text)
            if self.fault is None:
                self._hand_on(text)

    def _bounded(self, text: bytes) -> MailError | None:
        if not has_whole_line_ends(text):
            return BARE
        if self.size + len(text) > self._bounds.message:
            return LARGE
        if not self._header_fits(text):
            return LARGE_HEADER
        return None if self._lines_fit(text) else LONG_LINE

    def _hand_on(self, text: bytes) -> None:
        self.size += len(text)
        try:
            self._write(text)
        except PliError as error:
            self.fault = to_mail_error(error)

    def _lines_fit(self, text: bytes) -> bool:
        """From each line end to the farthest one that a line of full length would reach: a few steps, whatever the
        lines are."""
        most, at = self._bounds.line, -self._line  # where the open line begins, before this piece if need be
        far, backwards = len(text) - most, text.rfind
        while at < far:
            at = backwards(b"\n", at if at > 0 else 0, at + most) + 1
            if not at:
                return False
        self._line = len(text) - (text.rfind(b"\n", max(at, 0)) + 1 or at)
        return True

    def _header_fits(self, text: bytes) -> bool:
        if self._header is None:
            return True
        data = self._before + text
        at = data.find(b"\r\n\r\n")
        if at >= 0:
            octets, self._header = self._header + at + 4 - len(self._before), None
            return octets <= self._bounds.header
        self._header += len(text)
        self._before = data[-3:]
        return self._header <= self._bounds.header


def has_whole_line_ends(text: bytes) -> bool:
    """Whether CR and LF come as a pair only, and nothing is NUL (RFC 5321 §2.3.8): asked of the decoder by which text
    files learn which line ends they have, in one pass and without making the lines."""
    seen = IncrementalNewlineDecoder(None, translate=False)
    seen.decode(text.decode("latin-1"), final=True)
    return seen.newlines in (None, "\r\n") and b"\0" not in text
