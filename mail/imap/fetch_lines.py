"""FETCH answers of many messages at once, column by column: one template, one value an item. RFC 3501 §7.4.2.

A client that opens a mailbox anew asks for ten thousand answers: nothing is built for a message but its line.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from mail.imap.fetch_answer import ANSWERS, Plan, Stream, Value
from mail.imap.fetch_items import BodyItem, Item
from mail.imap.memory import Known
from mail.imap.respond import body_value, flags, internal_date
from mail.imap.view import View
from mail.index import Index
from mail.part import Part
from mail.sections import FIELDS, extract_from, field_pattern

Piece: TypeAlias = bytes | Stream
_NUMBERS = frozenset({Item.UID, Item.SIZE})


@dataclass(frozen=True, slots=True, repr=False)
class Batch:
    """Messages that are answered together: message numbers, and their places in the index."""

    view: View
    index: Index
    numbers: Sequence[int]
    places: Sequence[int]

    def message_ids(self) -> list[int]:
        """The messages themselves."""
        return list(map(self.index.message_ids.__getitem__, self.places))

    def uids(self) -> list[int]:
        """Their UIDs."""
        return list(map(self.index.uids.__getitem__, self.places))

    def sizes(self) -> list[int]:
        """Their octets."""
        return list(map(self.index.sizes.__getitem__, self.places))

    def only(self, chosen: Sequence[bool]) -> "Batch":
        """Those that are chosen."""
        kept = [at for at, yes in enumerate(chosen) if yes]
        return Batch(self.view, self.index, [self.numbers[at] for at in kept], [self.places[at] for at in kept])

    def flags(self) -> list[str]:
        """FLAGS of each, as the index has them."""
        return list(map(self.index.flags.__getitem__, self.places))

    def shown(self) -> list[bytes]:
        """FLAGS of each: most messages of a folder have one of a few sets."""
        texts = self.flags()
        made = {text: flags(text.split()) for text in set(texts)}
        if not self.view.recent:
            return [made[text] for text in texts]
        recent = self.view.recent
        new = {text: flags(["\\Recent", *text.split()]) for text in made}
        return [(new if uid in recent else made)[text] for uid, text in zip(self.uids(), texts, strict=True)]


def lines(batch: Batch, plan: Plan, known: Sequence[Known]) -> list[bytes]:
    """`* n FETCH (…)` of each; `known` is as long as the batch where the plan looks deeper than the row."""
    template = _template(plan, b")\r\n")
    columns = [_column(item, batch, known) for item in plan.items if isinstance(item, Item | BodyItem)]
    return [template % row for row in zip(batch.numbers, *columns, strict=True)]


def _template(plan: Plan, end: bytes) -> bytes:
    forms = [name.replace(b"%", b"%%") + (b" %d" if item in _NUMBERS else b" %b") for item, name in plan.named]
    return b"* %d FETCH (" + b" ".join(forms) + end


def _column(item: Item | BodyItem, batch: Batch, known: Sequence[Known]) -> Iterable[int] | Iterable[bytes]:
    if isinstance(item, BodyItem):
        return _headers(item, known)
    if item is Item.FLAGS:
        return batch.shown()
    if item in ANSWERS:
        return (getattr(one.answers, ANSWERS[item]) for one in known)
    index, places = batch.index, batch.places
    if item is Item.INTERNALDATE:
        return (internal_date(index.dates[place]) for place in places)
    if item is Item.EMAILID:  # RFC 8474 §5.1: copies of a message in other folders have the same
        return (b"(M%d)" % index.message_ids[place] for place in places)
    if item is Item.THREADID:
        return (b"NIL" for _ in places)
    if item is Item.MODSEQ:
        return (b"(%d)" % index.modseqs[place] for place in places)
    return batch.uids() if item is Item.UID else batch.sizes()


def _headers(item: BodyItem, known: Sequence[Known]) -> Iterator[bytes]:
    if item.section.kind == FIELDS and item.partial is None:
        found = field_pattern(frozenset(item.section.fields)).findall
        for one in known:
            header = one.header or b"\n"
            yield body_value(b"".join(found(header)) + b"\r\n") if header.endswith(b"\n") else _header(item, header)
        return
    for one in known:
        yield _header(item, one.header or b"")


def _header(item: BodyItem, header: bytes) -> bytes:
    return body_value(extract_from(header, Part(0, len(header), len(header)), item.section, item.partial))


def body_lines(batch: Batch, plan: Plan, opened: Sequence[Sequence[Value]], fresh: Sequence[bytes]) -> Iterator[Piece]:
    """The answers with what was `opened` of each message, in the order of the plan's openers; `fresh` is said beside
    what was asked for."""
    if not opened:
        return
    deep = dict(zip(plan.openers, zip(*opened, strict=True), strict=True))
    columns = [
        deep[item] if item in deep or not isinstance(item, Item) else _column(item, batch, ()) for item in plan.items
    ]
    template = _template(plan, b"%b)\r\n")
    for row in zip(batch.numbers, *columns, fresh, strict=True):
        if Stream in map(type, row):
            yield from _in_pieces(plan, *row)
        else:
            yield template % row


def _in_pieces(plan: Plan, number: int, *values: Any) -> Iterator[Piece]:
    before = b"* %d FETCH (" % number
    for at, ((_, name), value) in enumerate(zip(plan.named, values[:-1], strict=True)):
        before += (b" " if at else b"") + name + b" "
        if isinstance(value, Stream):
            yield before + value.head
            yield value
            before = b""
        else:
            before += value if isinstance(value, bytes) else b"%d" % value
    yield before + values[-1] + b")\r\n"
