"""A tree that only grows (RFC 6962 §2.1), known by its right edge: the roots of its complete subtrees, largest first.

Enough to append, to say the root, and to prove an entry that came after leaves that are no longer kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from crypto.merkle import EMPTY, node_hash, root

HASH_BYTES = 32


class FrontierBroken(ValueError):
    """The peaks do not belong to a tree of this size."""


@dataclass(slots=True)
class Frontier:
    """`size` leaves, and the peaks that stand for them. Raises FrontierBroken."""

    size: int = 0
    peaks: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.size < 0 or len(self.peaks) != self.size.bit_count() or any(len(p) != HASH_BYTES for p in self.peaks):
            raise FrontierBroken("peaks and size do not fit")

    @classmethod
    def load(cls, size: int, packed: bytes) -> Frontier:
        """From `packed()`. Raises FrontierBroken."""
        return cls(size, [packed[at : at + HASH_BYTES] for at in range(0, len(packed), HASH_BYTES)])

    def packed(self) -> bytes:
        """The peaks, one behind the other."""
        return b"".join(self.peaks)

    def append(self, leaf: bytes) -> None:
        """Grow by one leaf hash: two trees of one size become one, as in a binary counter."""
        carry = self.size
        while carry & 1:
            leaf, carry = node_hash(self.peaks.pop(), leaf), carry >> 1
        self.peaks.append(leaf)
        self.size += 1

    def extend(self, leaves: Iterable[bytes]) -> None:
        for leaf in leaves:
            self.append(leaf)

    def root(self) -> bytes:
        """The tree hash of all leaves so far."""
        if not self.peaks:
            return EMPTY
        node = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            node = node_hash(peak, node)
        return node

    def copy(self) -> Frontier:
        return Frontier(self.size, list(self.peaks))

    def spans(self) -> dict[tuple[int, int], bytes]:
        """Each peak by the leaves that it covers, [start, end)."""
        found, start = {}, 0
        for peak, bit in zip(self.peaks, _bits(self.size), strict=True):
            found[start, start + bit] = peak
            start += bit
        return found


def inclusion_after(before: Frontier, leaves: Sequence[bytes], index: int, size: int) -> list[bytes]:
    """Audit path (RFC 6962 §2.1.1) of leaf `index` in the tree of `size`, where only leaves after `before` are kept.

    Raises IndexError for a leaf that is not kept, or a tree larger than what is known.
    """
    if not before.size <= index < size <= before.size + len(leaves):
        raise IndexError("no such leaf is kept")
    spans, path = before.spans(), list[bytes]()
    start, end = 0, size
    while end - start > 1:
        middle = start + (1 << ((end - start - 1).bit_length() - 1))
        if index < middle:
            path.append(_range(before, spans, leaves, middle, end))
            end = middle
        else:
            path.append(_range(before, spans, leaves, start, middle))
            start = middle
    return path[::-1]


def _range(
    before: Frontier, spans: dict[tuple[int, int], bytes], leaves: Sequence[bytes], start: int, end: int
) -> bytes:
    if start >= before.size:
        return root(leaves[start - before.size : end - before.size])
    if (start, end) in spans:
        return spans[start, end]
    middle = start + (1 << ((end - start - 1).bit_length() - 1))
    left = _range(before, spans, leaves, start, middle)
    return node_hash(left, _range(before, spans, leaves, middle, end))


def _bits(size: int) -> list[int]:
    return [1 << place for place in range(size.bit_length() - 1, -1, -1) if size >> place & 1]
