"""The octets of BDAT chunks: counted, never searched for an end. RFC 3030 §2.

The message obeys the same rules as after DATA (BINARYMIME is not offered): a CR that ends a chunk waits for its LF in
the next one.
"""

from collections.abc import Callable

from mail.intake import BARE, Bounds, Intake
from mail.replies import MailError


class ChunkReader:
    """One message in chunks: `expect` a size, `feed` until nothing is `left`, `finish` after the last."""

    def __init__(self, write: Callable[[bytes], None], bounds: Bounds) -> None:
        self.seen = 0
        self.left = 0
        self._intake = Intake(write, bounds)
        self._held = b""  # a CR at the end of what came so far

    @property
    def fault(self) -> MailError | None:
        """Why the message is refused; its chunks are read away all the same."""
        return self._intake.fault

    def expect(self, size: int) -> None:
        """A chunk of so many octets follows."""
        self.left = size

    def feed(self, piece: bytes) -> bytes:
        """Takes what belongs to the chunk; gives the octets after it."""
        mine, rest = piece[: self.left], piece[self.left :]
        self.left -= len(mine)
        self.seen += len(mine)
        if self.fault is None:
            self._take(self._held + mine)
        return rest

    def finish(self) -> None:
        """The message is whole."""
        if self._held:
            self._intake.fault = self._intake.fault or BARE

    def _take(self, data: bytes) -> None:
        self._held = b"\r" if data.endswith(b"\r") else b""
        data = data[: len(data) - len(self._held)]
        self._intake.take(data)
