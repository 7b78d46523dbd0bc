"""FETCH answers of many messages at once, column by column: one template, one value an item. RFC 3501 §7.4.2.

A client that opens a mailbox anew asks for ten thousand answers: nothing is built for a message but its line.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from mail.imap.contents import Content
from mail.imap.fetch_answer import Piece, Plan, body_pieces
from mail.imap.fetch_items import BodyItem, Item
from mail.imap.memory import Known
from mail.imap.respond import body_value, flags, internal_date
from mail.imap.view import View
from mail.index import Index
from mail.part import Part
from mail.sections import FIELDS, extract_from, field_pattern

_NUMBERS = frozenset({Item.UID, Item.SIZE})
_ANSWERS = {Item.ENVELOPE: "envelope", Item.BODY: "body", Item.BODYSTRUCTURE: "bodystructure"}


@dataclass(frozen=True, slots=True, repr=False)
class Batch:
    """Messages that are answered together: message numbers, and their places in the index."""

    view: View
    index: Index
    numbers: Sequence[int]
    places: Sequence[int]

    def message_ids(self) -> list[int]:
        """The messages themselves."""
        return [self.index.message_ids[place] for place in self.places]

    def uids(self) -> list[int]:
        """Their UIDs."""
        return [self.index.uids[place] for place in self.places]

    def only(self, chosen: Sequence[bool]) -> "Batch":
        """Those that are chosen."""
        kept = [at for at, yes in enumerate(chosen) if yes]
        return Batch(self.view, self.index, [self.numbers[at] for at in kept], [self.places[at] for at in kept])

    def shown(self) -> list[bytes]:
        """FLAGS of each: most messages of a folder have one of a few sets."""
        made: dict[tuple[str, bool], bytes] = {}
        recent, uids, texts = self.view.recent, self.index.uids, self.index.flags
        found = []
        for place in self.places:
            kind = (texts[place], uids[place] in recent)
            if (value := made.get(kind)) is None:
                value = made[kind] = flags(self.view.shown(uids[place], kind[0]))
            found.append(value)
        return found


def lines(batch: Batch, plan: Plan, known: Sequence[Known]) -> list[bytes]:
    """`* n FETCH (…)` of each; `known` is as long as the batch where the plan looks deeper than the row."""
    forms = [name.replace(b"%", b"%%") + (b" %d" if item in _NUMBERS else b" %b") for item, name in plan.named]
    template = b"* %d FETCH (" + b" ".join(forms) + b")\r\n"
    columns = [_column(item, batch, known) for item in plan.items if isinstance(item, Item | BodyItem)]
    return [template % row for row in zip(batch.numbers, *columns, strict=True)]


def _column(item: Item | BodyItem, batch: Batch, known: Sequence[Known]) -> Iterable[int] | Iterable[bytes]:
    if isinstance(item, BodyItem):
        return _headers(item, known)
    if item is Item.FLAGS:
        return batch.shown()
    if item in _ANSWERS:
        return (getattr(one.answers, _ANSWERS[item]) for one in known)
    index, places = batch.index, batch.places
    if item is Item.INTERNALDATE:
        return (internal_date(index.dates[place]) for place in places)
    if item is Item.EMAILID:  # RFC 8474 §5.1: copies of a message in other folders have the same
        return (b"(M%d)" % index.message_ids[place] for place in places)
    if item is Item.THREADID:
        return (b"NIL" for _ in places)
    if item is Item.MODSEQ:
        return (b"(%d)" % index.modseqs[place] for place in places)
    numbers = index.uids if item is Item.UID else index.sizes
    return (numbers[place] for place in places)


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


def body_line(batch: Batch, at: int, plan: Plan, content: Content, shown: bytes, fresh: bytes) -> list[Piece]:
    """One answer with octets of the body, in pieces. `fresh` is said beside what was asked for.

    Raises SealBroken, NotFound, MimeBounds.
    """
    one = Batch(batch.view, batch.index, batch.numbers[at : at + 1], batch.places[at : at + 1])
    pieces: list[Piece] = [b"* %d FETCH (" % batch.numbers[at]]
    for item, name in plan.named:
        pieces.append(name + b" ")
        if not isinstance(item, Item):
            pieces += body_pieces(content, item)
        else:
            pieces.append(shown if item is Item.FLAGS else _value(item, one, content))
        pieces.append(b" ")
    pieces.pop()
    pieces.append(fresh + b")\r\n")
    return pieces


def _value(item: Item, one: Batch, content: Content) -> bytes:
    (value,) = _column(item, one, [content.known] if item in _ANSWERS else ())
    return value if isinstance(value, bytes) else b"%d" % value
