"""What a FETCH needs of every message, and what is said of one message once it is opened. RFC 3501 §7.4.2.

Runs in a reader thread. What is large stays a promise of octets that the connection keeps piece by piece.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from operator import attrgetter
from typing import Final, TypeAlias

from mail.imap import binary
from mail.imap.contents import Content, Depth
from mail.imap.fetch_items import BinaryItem, BodyItem, FetchItem, Item, PreviewItem
from mail.imap.preview import preview
from mail.imap.respond import body_name, body_value, literal_head
from mail.part import Part
from mail.sections import FIELDS, FIELDS_NOT, HEADER, TEXT, Section, Span, extract, locate, narrow

STREAMED = 256 * 1024  # octets of a file that are not taken into memory at once
ANSWERS: Final = {Item.ENVELOPE: "envelope", Item.BODY: "body", Item.BODYSTRUCTURE: "bodystructure"}


@dataclass(frozen=True, slots=True, repr=False)
class Stream:
    """Octets of a large body, still to be read."""

    content: Content
    span: Span

    @property
    def head(self) -> bytes:
        """What is said before them."""
        return literal_head(self.span.end - self.span.start)

    def pieces(self) -> Iterator[Span]:
        """The span cut into what is read at once."""
        for start in range(self.span.start, self.span.end, STREAMED):
            yield Span(start, min(start + STREAMED, self.span.end))


Value: TypeAlias = bytes | Stream
Opener: TypeAlias = Callable[[Content], Value]  # raises SealBroken, NotFound, MimeBounds, ImapBad [UNKNOWN-CTE]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a FETCH needs of every message, worked out once. `marks`: it sets \\Seen. `reads`: text leaves the house.
    `openers`: what opens the items that stand in no row."""

    named: tuple[tuple[FetchItem, bytes], ...]
    openers: dict[FetchItem, Opener]
    depth: Depth
    marks: bool
    reads: bool

    @classmethod
    def of(cls, items: Sequence[FetchItem]) -> "Plan":
        marks = any(not item.peek for item in items if isinstance(item, BodyItem | BinaryItem))
        openers = {item: _opener(item) for item in items if not isinstance(item, Item) or item in ANSWERS}
        named = tuple((item, _name(item)) for item in items)
        return cls(named, openers, _depth(items), marks, any(map(_is_text, items)))

    @property
    def items(self) -> tuple[FetchItem, ...]:
        """As they were asked for."""
        return tuple(item for item, _ in self.named)


plan_of = lru_cache(256)(Plan.of)  # a client asks the same of message after message


def _name(item: FetchItem) -> bytes:
    if isinstance(item, BinaryItem):
        return binary.name(item)
    if isinstance(item, PreviewItem):
        return b"PREVIEW"
    return body_name(item) if isinstance(item, BodyItem) else item.value


def _opener(item: FetchItem) -> Opener:
    if isinstance(item, BinaryItem):
        return partial(binary.value, item=item)
    if isinstance(item, PreviewItem):
        return preview
    if isinstance(item, BodyItem):
        return partial(_section, item=item)
    return attrgetter(f"known.answers.{ANSWERS[item]}")


def _section(content: Content, item: BodyItem) -> Value:
    if content.storage == "row" and item.section == _WHOLE and item.partial is None:
        return body_value(content.whole)
    tree = _tree(content, item.section)
    if content.storage == "file" and not item.section.filtered:
        span = locate(tree, item.section)
        if span is not None and (span := narrow(span, item.partial)).end - span.start > STREAMED:
            return Stream(content, span)
    return body_value(extract(content.read, tree, item.section, item.partial))


_WHOLE: Final = Section()


def _tree(content: Content, section: Section) -> Part:
    """The part tree; for the message as a whole no more of it than is asked for, so that nothing else is unsealed."""
    if section.path:
        return content.tree
    return Part(0, len(content.header) if section.kind else 0, content.size)


def _depth(items: Sequence[FetchItem]) -> Depth:
    bodies = [item for item in items if not isinstance(item, Item)]
    if not all(_is_header(item) for item in bodies):
        return Depth.BODY
    if bodies:
        return Depth.HEADER
    return Depth.META if any(item in ANSWERS for item in items) else Depth.ROW


def _is_header(item: FetchItem) -> bool:
    """Of the message itself, and marks nothing: what memory may answer."""
    if not isinstance(item, BodyItem) or not item.peek:
        return False
    return not item.section.path and item.section.kind in {HEADER, FIELDS, FIELDS_NOT}


def _is_text(item: FetchItem) -> bool:
    """More than header fields of the message or of a part."""
    if isinstance(item, BodyItem):
        return item.section.kind in {"", TEXT}
    return isinstance(item, PreviewItem) or (isinstance(item, BinaryItem) and not item.size)
