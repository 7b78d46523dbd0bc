"""Where log lines go: a stream that never fails. A full disk must cost lines of a log, not mail."""

from typing import TextIO


class SteadyStream:
    """Writes to `stream`; lines that it refuses are counted, and told of by one line as soon as it takes one again."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.lost = 0

    def write(self, text: str) -> int:
        """Raises nothing."""
        try:
            if self.lost:
                self._stream.write(f'{{"event": "log.lines_lost", "count": {self.lost}, "level": "warning"}}\n')
                self.lost = 0
            self._stream.write(text)
        except (OSError, ValueError):  # no room, or closed
            self.lost += 1
        return len(text)

    def flush(self) -> None:
        """Raises nothing."""
        try:
            self._stream.flush()
        except (OSError, ValueError):
            self.lost += 1
