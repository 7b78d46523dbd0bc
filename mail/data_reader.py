"""The octets after DATA: found their end, un-dot-stuffed, handed to the intake. RFC 5321 §4.5.2.

A refused message is read away to its true end, so that nothing of it is ever taken for a command.
"""

from collections.abc import Callable

from mail.intake import BARE, LARGE, LARGE_HEADER, LONG_LINE, Bounds, Flood, Intake
from mail.replies import MailError

__all__ = ["BARE", "LARGE", "LARGE_HEADER", "LONG_LINE", "Bounds", "DataReader", "Flood"]

END = b"\r\n.\r\n"  # RFC 5321 §4.1.1.4; no other sequence ends the data
_BEGINNINGS = (END[:4], END[:3], END[:2], END[:1])
READ_AWAY = 1024 * 1024 * 1024  # octets of a refused message that we still read politely; then the line is cut


class DataReader:
    """Feed it what arrives after 354. `fault` holds the refusal, once there is one; `size` counts the octets taken."""

    def __init__(self, write: Callable[[bytes], None], bounds: Bounds) -> None:
        """`write` takes the message piece by piece; what it raises of our own errors becomes the fault."""
        self.seen = 0
        self._intake = Intake(write, bounds)
        # The data begins as if after a line end, so that a dot on the first line is seen: these two are not part of it.
        self._held = END[:2]
        self._first = True

    @property
    def fault(self) -> MailError | None:
        """Why the message is refused."""
        return self._intake.fault

    @property
    def size(self) -> int:
        """Octets taken."""
        return self._intake.size

    def feed(self, piece: bytes) -> bytes | None:
        """None while more is wanted; at the end of the data the octets after it. Raises Flood."""
        self.seen += len(piece)
        data = self._held + piece
        dot = _first_dot(data)
        at = data.find(END, dot) if dot >= 0 else -1
        if at >= 0:
            self._take(data[: at + 2], dotted=dot < at)
            return data[at + len(END) :]
        kept = next((len(begin) for begin in _BEGINNINGS if data.endswith(begin)), 0)
        self._held = data[len(data) - kept :]
        self._take(data[: len(data) - kept], dotted=dot >= 0)
        if self.fault is not None and self.seen > READ_AWAY:
            raise Flood("too much after a refusal")
        return None

    def _take(self, data: bytes, *, dotted: bool) -> None:
        """A piece that begins and ends inside the message; a CR at its end is never cut from its LF."""
        if self.fault is not None or not data:
            return
        text = data.replace(b"\r\n.", b"\r\n") if dotted else data  # RFC 5321 §4.5.2
        if self._first:
            self._first, text = False, text[2:]
        self._intake.take(text)


def _first_dot(data: bytes) -> int:
    """Where the first line that begins with a dot ends the one before; -1 where there is none. Encoded files have no
    dot at all, most texts none at a line's begin but the last: backwards CPython searches in half the time."""
    if b"." not in data:
        return -1
    last = data.rfind(END[:3])
    only = last < 0 or data.rfind(END[:3], 0, last) < 0
    return last if only else data.find(END[:3])
