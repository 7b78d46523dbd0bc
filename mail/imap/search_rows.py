"""What the index alone decides of a search: whole columns at a time, the places that remain. RFC 3501 §6.4.4."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from core.clock import epoch_ms
from mail.imap.search_keys import (
    RECENT,
    Age,
    All,
    Everything,
    HasFlag,
    HasId,
    InBody,
    InHeader,
    InText,
    Key,
    ModSeq,
    Not,
    Numbers,
    Or,
    Order,
    Received,
    Sent,
    Size,
)
from mail.imap.sequence import holds
from mail.imap.view import View
from mail.index import Index

_DEEP = (InHeader, InBody, InText, Sent)


@dataclass(frozen=True, slots=True)
class Rows:
    """A folder as one session sees it. Places are those of the index."""

    view: View
    index: Index
    now_ms: int

    def there(self) -> list[int]:
        """Every message that the client knows of and that is still there."""
        return self.index.places(self.view.uids)

    def number(self, place: int) -> int:
        """Its message number."""
        return (self.view.index(self.index.uids[place]) or 0) + 1

    def named(self, found: Sequence[int], *, uid: bool) -> list[int]:
        """These places as the client knows them: UIDs or message numbers."""
        uids = self.index.uids
        if uid:
            return [uids[place] for place in found]
        if self.view.uids is uids:
            return [place + 1 for place in found]
        return [self.number(place) for place in found]


def split(key: Key) -> tuple[Key, Key | None]:
    """What the rows decide, and what is left for the messages themselves; both must hold."""
    if not deep(key):
        return key, None
    if not isinstance(key, All):
        return Everything(), key
    shallow = tuple(inner for inner in key.keys if not deep(inner))
    rest = tuple(inner for inner in key.keys if deep(inner))
    return All(shallow), rest[0] if len(rest) == 1 else All(rest)


def deep(key: Key) -> bool:
    """A message has to be opened for it."""
    if isinstance(key, All):
        return any(map(deep, key.keys))
    if isinstance(key, Or):
        return deep(key.one) or deep(key.other)
    return deep(key.key) if isinstance(key, Not) else isinstance(key, _DEEP)


def needs_body(key: Key) -> bool:
    """Its header is not enough."""
    if isinstance(key, All):
        return any(map(needs_body, key.keys))
    if isinstance(key, Or):
        return needs_body(key.one) or needs_body(key.other)
    return needs_body(key.key) if isinstance(key, Not) else isinstance(key, InBody | InText)


def places(key: Key, rows: Rows, among: list[int]) -> list[int]:
    """Those of ascending `among` that answer a key that is not `deep`, ascending."""
    if isinstance(key, All):
        for inner in key.keys:
            among = places(inner, rows, among)
        return among
    if isinstance(key, Or):
        found = set(places(key.one, rows, among)) | set(places(key.other, rows, among))
        return [place for place in among if place in found]
    if isinstance(key, Not):
        found = set(places(key.key, rows, among))
        return [place for place in among if place not in found]
    return _simple(key, rows, among)


def _simple(key: Key, rows: Rows, among: list[int]) -> list[int]:
    index = rows.index
    if isinstance(key, HasFlag):
        return _flagged(key.flag, rows, among)
    if isinstance(key, Numbers):
        return _numbered(key, rows, among)
    if isinstance(key, Received):
        first = epoch_ms(datetime(key.day.year, key.day.month, key.day.day, tzinfo=UTC))
        return _between(index.dates, key.order, first, first + _DAY_MS - 1, among)
    if isinstance(key, Size):
        return _between(index.sizes, key.order, key.octets, key.octets, among)
    if isinstance(key, Age):
        edge = rows.now_ms - key.seconds * 1000
        return [place for place in among if (index.dates[place] >= edge) is key.younger]
    if isinstance(key, HasId):
        return [place for place in among if index.message_ids[place] == key.message_id]
    if isinstance(key, ModSeq):
        return [place for place in among if index.modseqs[place] >= key.least]
    return among


_DAY_MS = int(timedelta(days=1).total_seconds() * 1000)
_TESTS: dict[Order, Callable[[int, int, int], bool]] = {
    Order.BELOW: lambda value, low, _high: value < low,
    Order.EQUAL: lambda value, low, high: low <= value <= high,
    Order.ABOVE: lambda value, _low, high: value > high,
    Order.NOT_BELOW: lambda value, low, _high: value >= low,
}


def _between(values: Sequence[int], order: Order, low: int, high: int, among: Iterable[int]) -> list[int]:
    test = _TESTS[order]
    return [place for place in among if test(values[place], low, high)]


def _flagged(flag: str, rows: Rows, among: list[int]) -> list[int]:
    uids, texts = rows.index.uids, rows.index.flags
    if flag == RECENT:
        return [place for place in among if uids[place] in rows.view.recent]
    wanted = flag.lower()  # §2.3.2: keywords compare without case
    kinds = {text for text in set(texts) if wanted in text.lower().split()}
    return [place for place in among if texts[place] in kinds]


def _numbered(key: Numbers, rows: Rows, among: list[int]) -> list[int]:
    uids = rows.view.uids
    if key.set.saved:
        saved = set(rows.view.saved)
        return [place for place in among if rows.index.uids[place] in saved]
    if key.uid:
        ranges = key.set.resolve(uids[-1] if uids else 0)
        return [place for place in among if holds(ranges, rows.index.uids[place])]
    ranges = key.set.resolve(len(uids))
    return [place for place in among if holds(ranges, rows.number(place))]


def asks_modseq(key: Key) -> bool:
    """Whether the answer tells the highest modification sequence. RFC 7162 §3.1.5."""
    if isinstance(key, All):
        return any(map(asks_modseq, key.keys))
    if isinstance(key, Or):
        return asks_modseq(key.one) or asks_modseq(key.other)
    return asks_modseq(key.key) if isinstance(key, Not) else isinstance(key, ModSeq)
