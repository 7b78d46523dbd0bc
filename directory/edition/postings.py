"""Which cards hold a word: card numbers as packed 32-bit integers, or as one bit a card where they are many."""

import re
import sys
from array import array
from collections.abc import Iterable, Sequence

MANY = 8_192  # above, a bit map
_BITS = tuple(1 << place for place in range(8))
_NOT_ZERO = re.compile(rb"[^\0]")
_SWAP = sys.byteorder == "big"


def pack(numbers: Iterable[int], size: int) -> bytes:
    """`numbers` ascending, all below `size`, which is the same for a whole edition."""
    packed = numbers if isinstance(numbers, array) else array("I", numbers)
    if len(packed) <= MANY:
        if _SWAP:
            packed = array("I", packed)
            packed.byteswap()
        return b"\0" + packed.tobytes()
    bits = bytearray(size // 8 + 1)
    for number in packed:
        bits[number >> 3] |= _BITS[number & 7]
    return b"\1" + bytes(bits)


def pack_all(lists: Sequence["array[int]"], size: int) -> tuple[int, bytes]:
    """How many numbers the lists hold, in any order and some of them twice, and these packed."""
    if sum(map(len, lists)) <= MANY:
        numbers = sorted(set().union(*lists))
        return len(numbers), pack(numbers, size)
    bits = bytearray(size // 8 + 1)
    for one in lists:
        for number in one:
            bits[number >> 3] |= _BITS[number & 7]
    count = int.from_bytes(bits, "little").bit_count()
    return count, b"\1" + bytes(bits) if count > MANY else pack(first_of(bits, count), size)


def is_map(packed: bytes) -> bool:
    return packed[:1] == b"\1"


def unpack(packed: bytes) -> "array[int]":
    """All card numbers, ascending."""
    if is_map(packed):
        return array("I", first_of(packed[1:], len(packed) * 8))
    numbers = array("I")
    numbers.frombytes(packed[1:])
    if _SWAP:
        numbers.byteswap()
    return numbers


def first_of(bits: bytes | bytearray, most: int) -> list[int]:
    """The lowest `most` numbers of a bit map."""
    found: list[int] = []
    for byte in _NOT_ZERO.finditer(bits):
        base = byte.start() << 3
        value = byte.group()[0]
        found.extend(base + place for place in range(8) if value & _BITS[place])
        if len(found) >= most:
            break
    return found[:most]


def kept(numbers: Iterable[int], packed: bytes) -> list[int]:
    """Those of `numbers` that are in a packed bit map."""
    end = (len(packed) - 1) << 3
    return [number for number in numbers if number < end and packed[1 + (number >> 3)] & _BITS[number & 7]]


def changed(packed: bytes, added: set[int], removed: set[int], size: int) -> bytes:
    """The same postings with some numbers more and some less."""
    if is_map(packed):
        bits = bytearray(packed[1:])
        bits.extend(bytes(max(0, size // 8 + 1 - len(bits))))
        for number in removed:
            bits[number >> 3] &= ~_BITS[number & 7] & 0xFF
        for number in added:
            bits[number >> 3] |= _BITS[number & 7]
        return b"\1" + bytes(bits)
    return pack(sorted((set(unpack(packed)) - removed) | added), size)
