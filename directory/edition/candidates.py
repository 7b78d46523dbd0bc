"""The cards that all groups of words have in common, the best shown first, without reading a single card.

The rarest group leads. Where it is short its numbers are looked up in the others, one by one; where every group is
long, bit maps are joined, window after window, no further than needed: cards with a mailbox have the lowest numbers.
"""

from array import array
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from threading import Lock

from directory.edition import postings
from directory.edition.readers import Reader

FIRST_WINDOW, WIDER = 1 << 15, 4
SMALL = 4_000  # numbers that are looked up one by one
NAME_PASSES = 3  # words that are tried as names before they are taken for anything
MAPS_KEPT = 160  # 300 KB each at national size


@dataclass(frozen=True, slots=True)
class Variant:
    """A word of the annuaire that may be meant: its number, how many cards hold it, how well it fits (1: exactly)."""

    number: int
    cards: int
    score: float
    in_name: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """What one typed word may stand for."""

    variants: tuple[Variant, ...]

    @property
    def cards(self) -> int:
        return sum(variant.cards for variant in self.variants)


class MapCache:
    """Bit maps of frequent words, the latest used ones."""

    def __init__(self) -> None:
        self._maps: OrderedDict[tuple[int, int], bytes] = OrderedDict()
        self._lock = Lock()

    def get(self, key: tuple[int, int]) -> bytes | None:
        with self._lock:
            found = self._maps.get(key)
            if found is not None:
                self._maps.move_to_end(key)
            return found

    def put(self, key: tuple[int, int], value: bytes) -> None:
        with self._lock:
            self._maps[key] = value
            while len(self._maps) > MAPS_KEPT:
                self._maps.popitem(last=False)


class Groups:
    """The groups of one query over one edition."""

    def __init__(self, reader: Reader, groups: Sequence[Group]) -> None:
        self._size = reader.size
        self._groups = sorted(groups, key=lambda group: group.cards)
        wanted = {variant.number for group in groups for variant in group.variants}
        self._packed = dict(_packed(reader, wanted))
        self._sieves = [self._sieve(group.variants) for group in self._groups]

    def numbers(self, most: int) -> list[int]:
        """At most `most` card numbers: those with a mailbox first. Of more, better fitting words stand before others,
        and words found in names before words found elsewhere."""
        found = self._common(self._sieves, most)
        if len(found) < most:
            return found
        best: dict[int, None] = {}
        for place, variants in self._passes():
            sieves = [self._sieve(variants), *(one for number, one in enumerate(self._sieves) if number != place)]
            best.update(dict.fromkeys(self._common(sieves, most - len(best))))
            if len(best) >= most:
                break
        best.update(dict.fromkeys(found))
        return list(best)[:most]

    def _passes(self) -> Iterator[tuple[int, Sequence[Variant]]]:
        """Each of the rarest groups by names alone, where it has them: words that fit best before the others."""
        for place, group in enumerate(self._groups[:NAME_PASSES]):
            top = max(variant.score for variant in group.variants)
            named = [variant for variant in group.variants if variant.in_name and variant.score > top - 0.05]
            if named and len(named) < len(group.variants):
                yield place, named

    def _common(self, sieves: list["_Sieve"], most: int) -> list[int]:
        leader, *others = sorted(sieves, key=lambda sieve: sieve.cards)
        if leader.cards <= SMALL and not leader.has_maps:
            numbers = leader.all()
            for sieve in others:
                numbers = sieve.kept(numbers)
            return sorted(numbers)[:most]
        return self._by_windows([leader, *others], most)

    def _by_windows(self, sieves: list["_Sieve"], most: int) -> list[int]:
        found: list[int] = []
        start, width = 0, FIRST_WINDOW
        while start < self._size and len(found) < most:
            end = min(start + width, (self._size | 7) + 1)
            bits = sieves[0].window(start, end)
            for sieve in sieves[1:]:
                if not bits:
                    break
                bits &= sieve.window(start, end)
            if bits:
                octets = bits.to_bytes((end - start + 7) >> 3, "little")
                found += [start + number for number in postings.first_of(octets, most - len(found))]
            start, width = end, width * WIDER
        return found

    def _sieve(self, variants: Iterable[Variant]) -> "_Sieve":
        known = [variant for variant in variants if variant.number in self._packed]
        return _Sieve([self._packed[one.number] for one in known], sum(one.cards for one in known))


class _Sieve:
    """The cards of several words."""

    def __init__(self, packed: list[bytes], cards: int) -> None:
        self._maps = [one for one in packed if postings.is_map(one)]
        self._lists = [postings.unpack(one) for one in packed if not postings.is_map(one)]
        self._windows: dict[tuple[int, int], int] = {}
        self.has_maps = bool(self._maps)
        self.cards = cards

    def all(self) -> set[int]:
        """Every number of the lists."""
        return set().union(*self._lists)

    def kept(self, numbers: set[int]) -> set[int]:
        """Those of `numbers` that are here."""
        found: set[int] = set()
        for packed in self._maps:
            if len(found) == len(numbers):
                return found
            found.update(postings.kept(numbers - found if found else numbers, packed))
        for one in self._lists:
            if len(found) == len(numbers):
                break
            found.update(_both(numbers, one))
        return found

    def window(self, start: int, end: int) -> int:
        """The cards from `start`, a multiple of eight, to `end` as bits."""
        found = self._windows.get((start, end))
        if found is None:
            found = 0
            for packed in self._maps:
                found |= int.from_bytes(packed[1 + (start >> 3) : 1 + ((end + 7) >> 3)], "little")
            found |= self._listed(start, end)
            self._windows[start, end] = found
        return found

    def _listed(self, start: int, end: int) -> int:
        bits = bytearray((end - start + 7) >> 3)
        some = False
        for one in self._lists:
            for number in one[bisect_left(one, start) : bisect_left(one, end)]:
                bits[(number - start) >> 3] |= 1 << (number & 7)
                some = True
        return int.from_bytes(bits, "little") if some else 0


def _both(numbers: set[int], others: "array[int]") -> Iterable[int]:
    """Few are looked for in many by halving, else all are met."""
    if len(numbers) * 12 > len(others):
        return numbers.intersection(others)
    size = len(others)
    return [number for number in numbers if (at := bisect_left(others, number)) < size and others[at] == number]


_cache = MapCache()


def _packed(reader: Reader, numbers: set[int]) -> list[tuple[int, bytes]]:
    found, left = [], []
    for number in numbers:
        kept = _cache.get((reader.serial, number))
        if kept is None:
            left.append(number)
        else:
            found.append((number, kept))
    for number, packed in reader.postings(left):
        if postings.is_map(packed):
            _cache.put((reader.serial, number), packed)
        found.append((number, packed))
    return found
