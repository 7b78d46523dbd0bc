"""Sequence sets: "1:3,7,10:*". RFC 3501 §9 sequence-set, §6.4.8 for UIDs."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from mail.imap.errors import ImapBad
from mail.limits import IMAP_SEQUENCE_RANGES

STAR: Final = 2**32  # "*", larger than any number
Ranges: TypeAlias = tuple[tuple[int, int], ...]  # sorted, disjoint, not adjacent, both ends included

_RANGE = re.compile(rb"([1-9][0-9]{0,9}|\*)(?::([1-9][0-9]{0,9}|\*))?")


@dataclass(frozen=True, slots=True)
class SequenceSet:
    """A set as written; what "*" means is known only where it is used."""

    written: tuple[tuple[int, int], ...]
    saved: bool = False  # "$": what the last SEARCH kept, RFC 5182

    def resolve(self, largest: int) -> Ranges:
        """The set with "*" = `largest` (0: the mailbox is empty, "*" means nothing). "9:*" holds `largest` even when
        that is below 9 (RFC 3501 §9). Not clipped otherwise."""
        pairs = [(min(low, largest), largest) if high == STAR else (low, high) for low, high in self.written]
        return merge((low, high) for low, high in pairs if low)

    def exceeds(self, largest: int) -> bool:
        """Some message number is beyond the mailbox, as "*" is when it is empty: an error for numbers, harmless for
        UIDs. RFC 3501 §6.4.8, §9 (seq-number)."""
        return not largest or any(number > largest for pair in self.written for number in pair if number != STAR)

    def select(self, numbers: Sequence[int]) -> list[int]:
        """Those of the ascending `numbers` that the set holds; the last is what "*" means."""
        chosen: list[int] = []
        for low, high in self.resolve(numbers[-1] if numbers else 0):
            chosen += numbers[bisect_left(numbers, low) : bisect_right(numbers, high)]
        return chosen


def parse(text: bytes) -> SequenceSet:
    """Read a set. Raises ImapBad on zero, on numbers beyond 32 bits and on too many ranges."""
    if text == b"$":
        return SequenceSet((), saved=True)
    pieces = text.split(b",", IMAP_SEQUENCE_RANGES)
    if len(pieces) > IMAP_SEQUENCE_RANGES:
        raise ImapBad("too many ranges in one set")
    return SequenceSet(tuple(map(_pair, pieces)))


def merge(pairs: Iterable[tuple[int, int]]) -> Ranges:
    """Ranges in order, those that touch or overlap made one."""
    merged: list[tuple[int, int]] = []
    for low, high in sorted(pairs):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return tuple(merged)


def holds(ranges: Ranges, number: int) -> bool:
    """Whether `number` is in one of the ranges."""
    at = bisect_right(ranges, (number, STAR)) - 1
    return at >= 0 and ranges[at][0] <= number <= ranges[at][1]


def compact(numbers: Iterable[int]) -> bytes:
    """The shortest writing of these numbers in ascending order, as in COPYUID (RFC 4315 §4). Empty for none."""
    return write(merge((number, number) for number in numbers))


def compact_in_order(numbers: Iterable[int]) -> bytes:
    """The same in the order given, only ascending neighbours joined: COPYUID's two sets correspond one to one."""
    runs: list[tuple[int, int]] = []
    for number in numbers:
        if runs and runs[-1][1] + 1 == number:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return write(runs)


def write(ranges: Iterable[tuple[int, int]]) -> bytes:
    """Ranges as text, "*" for STAR."""
    return b",".join(_number(low) if low == high else _number(low) + b":" + _number(high) for low, high in ranges)


def _number(number: int) -> bytes:
    return b"*" if number == STAR else b"%d" % number


def _pair(text: bytes) -> tuple[int, int]:
    found = _RANGE.fullmatch(text)
    if not found:
        raise ImapBad("a sequence set was expected")
    first = STAR if found[1] == b"*" else int(found[1])
    last = first if found[2] is None else STAR if found[2] == b"*" else int(found[2])
    if max(first, last) > STAR or (STAR in (first, last) and b"4294967296" in text):
        raise ImapBad("a number is beyond 32 bits")
    return min(first, last), max(first, last)
