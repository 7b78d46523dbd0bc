"""A walk over the tags and lengths of ASN.1, bounded before any parser sees the bytes (X.690 §8, §10).

Accepts BER's indefinite lengths, which streaming signers write, and marks what is not strict DER.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

MAX_DEPTH = 32
MAX_NODES = 20000
MAX_OID_OCTETS = 64  # a 1 MB identifier cost a public parser four minutes
MAX_INTEGER_OCTETS = 1100  # RSA of 8192 bits, and a little
REMEMBERED, REMEMBERED_OCTETS = 512, 4096  # certificates; full of tiny values they would take 250 MB, at worst

INTEGER, OCTETS, NULL, OID, SEQUENCE, SET = 0x02, 0x04, 0x05, 0x06, 0x30, 0x31
_CONSTRUCTED, _INDEFINITE = 0x20, 0x80

Container = tuple[int, int]  # depth (the whole is 1) and tag


class BadDer(ValueError):
    """The bytes are not ASN.1 within our bounds."""


@dataclass(slots=True, repr=False)
class Node:
    """One value: `data[start:end]` whole, `data[body:stop]` its content. `strict`: it and all inside it is DER."""

    data: bytes
    tag: int
    start: int
    body: int
    stop: int = 0
    end: int = 0
    strict: bool = True
    children: list[Node] = field(default_factory=list)

    @property
    def raw(self) -> bytes:
        return self.data[self.start : self.end]

    @property
    def content(self) -> bytes:
        return self.data[self.body : self.stop]


class _Walk:
    """One pass over `data`. `familiar`: see `walk`."""

    def __init__(self, data: bytes, familiar: Container | None = None) -> None:
        self.data = data
        self.nodes = 0
        self._familiar = familiar

    def node(self, at: int, limit: int, depth: int) -> Node:
        """The value that starts at `at` and ends at `limit` or before."""
        self.nodes += 1
        if depth > MAX_DEPTH or self.nodes > MAX_NODES or at + 2 > limit:
            raise BadDer("too deep, too many values, or cut")
        tag, length, body, strict = self.data[at], self.data[at + 1], at + 2, True
        if tag & 0x1F == 0x1F:
            raise BadDer("multi-byte tags do not occur in CMS")
        if length >= 0x80:  # most values are shorter: nothing is called for those
            if length == _INDEFINITE:
                return self._indefinite(Node(self.data, tag, at, body, strict=False), limit, depth)
            length, body, strict = self._long(at + 1, limit)
        end = body + length
        if end > limit:
            raise BadDer("a value ends after its container")
        node = Node(self.data, tag, at, body, end, end, strict)
        if tag & _CONSTRUCTED:
            self._inside(node, depth)
        elif tag in (OID, INTEGER):
            _check_primitive(node)
        return node

    def _long(self, at: int, limit: int) -> tuple[int, int, bool]:
        """X.690 §8.1.3.5. Out: (length, where the content starts, is it DER?)."""
        count = self.data[at] & 0x7F
        if count > 4 or at + 1 + count > limit:
            raise BadDer("length")
        length = int.from_bytes(self.data[at + 1 : at + 1 + count], "big")
        return length, at + 1 + count, length >= 0x80 and length >> (8 * (count - 1)) > 0

    def _inside(self, node: Node, depth: int) -> None:
        at, stop = node.body, node.stop
        value = self._known if (depth, node.tag) == self._familiar else self.node
        while at < stop:
            child = value(at, stop, depth + 1)
            node.children.append(child)
            node.strict = node.strict and child.strict
            at += child.end - child.start

    def _known(self, at: int, limit: int, depth: int) -> Node:
        """As `node`, for a value that was perhaps walked before; it then has octets of its own."""
        length = self.data[at + 1] if at + 2 <= limit else _INDEFINITE
        body = at + 2
        if length > _INDEFINITE:
            length, body, _strict = self._long(at + 1, limit)
        if length == _INDEFINITE or body + length > limit or body + length - at > REMEMBERED_OCTETS:
            return self.node(at, limit, depth)
        known = _remembered(self.data[at : body + length])
        self.nodes += known.nodes
        if depth + known.depth - 1 > MAX_DEPTH or self.nodes > MAX_NODES:
            raise BadDer("too deep, or too many values")
        return known.node

    def _indefinite(self, node: Node, limit: int, depth: int) -> Node:
        """X.690 §8.1.3.6: values until two zero octets."""
        if not node.tag & _CONSTRUCTED:
            raise BadDer("indefinite length of a primitive value")
        at = node.body
        while self.data[at : at + 2] != b"\0\0":
            child = self.node(at, limit, depth + 1)
            node.children.append(child)
            at = child.end
        if at + 2 > limit:
            raise BadDer("end of contents outside its container")
        node.stop, node.end = at, at + 2
        return node


def _check_primitive(node: Node) -> None:
    size = node.stop - node.body
    if node.tag == OID and not 0 < size <= MAX_OID_OCTETS:
        raise BadDer("object identifier")
    if node.tag == INTEGER and not 0 < size <= MAX_INTEGER_OCTETS:
        raise BadDer("integer")


class _Remembered(NamedTuple):
    """A value that was walked, and what it counts against the bounds of whatever holds it."""

    node: Node
    nodes: int
    depth: int


@lru_cache(maxsize=REMEMBERED)  # what is refused is not remembered
def _remembered(raw: bytes) -> _Remembered:
    walked = _Walk(raw)
    node = walked.node(0, len(raw), 1)
    return _Remembered(node, walked.nodes, _depth(node))


def _depth(node: Node) -> int:
    return 1 + max(map(_depth, node.children), default=0)


def walk(data: bytes, familiar: Container | None = None) -> Node:
    """The one value that `data` holds, with all inside it. Raises BadDer, also for bytes behind it.

    `familiar`: depth and tag of a container whose values come again in message after message (the certificates of the
    same people): each of them is walked once, and found by its octets from then on. The bounds count them as ever.
    """
    node = _Walk(data, familiar).node(0, len(data), 1)
    if node.end != len(data):
        raise BadDer("bytes after the value")
    return node


def encode_oid(dotted: str) -> bytes:
    """Content octets of an object identifier (X.690 §8.19), for comparisons."""
    first, second, *rest = (int(part) for part in dotted.split("."))
    return b"".join(_base128(arc) for arc in (first * 40 + second, *rest))


def _base128(arc: int) -> bytes:
    out = [arc & 0x7F]
    while arc := arc >> 7:
        out.append(0x80 | (arc & 0x7F))
    return bytes(reversed(out))
