"""LIST patterns: "*" any characters, "%" any but the hierarchy delimiter. RFC 3501 §6.3.8.

All positions of the pattern are followed at once, as bits of one number: each character of a name costs one step
whatever the pattern is, and nothing is ever tried twice.
"""

import re
from typing import Final

DELIMITER: Final = "/"

_ADJACENT = re.compile(r"[*%]{2,}")


class Pattern:
    """A compiled LIST pattern over decoded names. INBOX is matched in any case (RFC 3501 §5.1)."""

    __slots__ = ("_any", "_chars", "_end", "_level", "_wild", "steps")

    def __init__(self, reference: str, pattern: str) -> None:
        text = _ADJACENT.sub(lambda run: "*" if "*" in run[0] else "%", reference + pattern)
        if text[:5].upper() == "INBOX" and text[5:6] in {"", DELIMITER}:
            text = "INBOX" + text[5:]
        self._chars: dict[str, int] = {}
        self._any = self._level = 0
        for place, char in enumerate(text):
            if char == "*":
                self._any |= 1 << place
            elif char == "%":
                self._level |= 1 << place
            else:
                self._chars[char] = self._chars.get(char, 0) | 1 << place
        self._wild = self._any | self._level
        self._end = 1 << len(text)
        self.steps = 0  # characters looked at so far; tests hold it to the length of the names

    def matches(self, name: str) -> bool:
        """Whether the whole name fits."""
        return self._fits(name) or (name == "INBOX" and self._fits_inbox())

    def _fits(self, name: str) -> bool:
        state = self._skip(1)
        for char in name:
            self.steps += 1
            stay = state & (self._any if char == DELIMITER else self._wild)
            state = self._skip((state & self._chars.get(char, 0)) << 1 | stay)
            if not state:
                return False
        return bool(state & self._end)

    def _fits_inbox(self) -> bool:
        """INBOX against a pattern such as "inb%": letters of either case."""
        state = self._skip(1)
        for char in "INBOX":
            self.steps += 1
            either = self._chars.get(char, 0) | self._chars.get(char.lower(), 0)
            state = self._skip((state & either) << 1 | state & self._wild)
        return bool(state & self._end)

    def _skip(self, state: int) -> int:
        """A wildcard also stands for nothing; no two are neighbours, so one step reaches all."""
        return state | (state & self._wild) << 1
