"""A walk over the tags and lengths of ASN.1, bounded before any parser sees the bytes (X.690 §8, §10).

Accepts BER's indefinite lengths, which streaming signers write, and marks what is not strict DER.
"""

from __future__ import annotations

from dataclasses import dataclass, field

MAX_DEPTH = 32
MAX_NODES = 20000
MAX_OID_OCTETS = 64  # a 1 MB identifier cost a public parser four minutes
MAX_INTEGER_OCTETS = 1100  # RSA of 8192 bits, and a little

INTEGER, OCTETS, NULL, OID, SEQUENCE, SET = 0x02, 0x04, 0x05, 0x06, 0x30, 0x31
_CONSTRUCTED, _INDEFINITE = 0x20, 0x80


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
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.nodes = 0

    def node(self, at: int, limit: int, depth: int) -> Node:
        """The value that starts at `at` and ends at `limit` or before."""
        self.nodes += 1
        if depth > MAX_DEPTH or self.nodes > MAX_NODES or at + 2 > limit:
            raise BadDer("too deep, too many values, or cut")
        tag = self.data[at]
        if tag & 0x1F == 0x1F:
            raise BadDer("multi-byte tags do not occur in CMS")
        length, body, strict = self._length(at + 1, limit)
        node = Node(self.data, tag, at, body, strict=strict)
        if length is None:
            return self._indefinite(node, limit, depth)
        node.stop = node.end = body + length
        if node.end > limit:
            raise BadDer("a value ends after its container")
        self._inside(node, depth)
        return node

    def _length(self, at: int, limit: int) -> tuple[int | None, int, bool]:
        """Out: (length or None when indefinite, where the content starts, is it DER?)."""
        first = self.data[at]
        if first < 0x80:
            return first, at + 1, True
        count = first & 0x7F
        if count > 4 or at + 1 + count > limit:
            raise BadDer("length")
        if count == 0:
            return None, at + 1, False
        length = int.from_bytes(self.data[at + 1 : at + 1 + count], "big")
        return length, at + 1 + count, length >= 0x80 and length >> (8 * (count - 1)) > 0

    def _inside(self, node: Node, depth: int) -> None:
        if not node.tag & _CONSTRUCTED:
            _check_primitive(node)
            return
        at = node.body
        while at < node.stop:
            child = self.node(at, node.stop, depth + 1)
            node.children.append(child)
            node.strict = node.strict and child.strict
            at = child.end

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


def walk(data: bytes) -> Node:
    """The one value that `data` holds, with all inside it. Raises BadDer, also for bytes behind it."""
    node = _Walk(data).node(0, len(data), 1)
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
