"""The tree of a message: offsets into bytes that are kept elsewhere. It is stored beside the message, so that reading
never parses again."""

from collections.abc import Iterator
from typing import Any, TypeAlias

from pydantic_core import from_json, to_json

from core.value import Value
from mail.bounds import Bound, MimeBounds
from mail.parameters import Disposition, Params

Path: TypeAlias = tuple[int, ...]  # part numbers of RFC 3501 §6.4.5; () is the message itself

IDENTITY = frozenset({b"7bit", b"8bit", b"binary"})  # RFC 2045 §6.2: the octets stand as they are


class Part(Value, frozen=True):
    """One MIME entity. Header `raw[start:body]` with its blank line, content `raw[body:end]`, both exactly as received.

    `lines` counts line ends of text and message parts (0 elsewhere). `main`, `sub`, `encoding` are lower case. A
    multipart has `children`, a readable message/rfc822 has `message`, whose own start and end are `body` and `end`.
    """

    start: int
    body: int
    end: int
    lines: int = 0
    main: bytes = b"text"
    sub: bytes = b"plain"
    params: Params = ()
    encoding: bytes = b"7bit"
    disposition: Disposition | None = None
    id: bytes | None = None
    description: bytes | None = None
    md5: bytes | None = None
    language: bytes | None = None
    location: bytes | None = None
    children: tuple["Part", ...] = ()
    message: "Part | None" = None

    @property
    def size(self) -> int:
        """Octets of the content, transfer encoding included."""
        return self.end - self.body

    @property
    def media(self) -> str:
        """The type and subtype in lower case, with the stroke."""
        return (self.main + b"/" + self.sub).decode("latin-1")


def numbered(tree: Part, path: Path = ()) -> Iterator[tuple[Path, Part]]:
    """Every part below a message root with its IMAP number, parents first; one that is no multipart has part 1."""
    if not tree.children:
        yield from _one(tree, (*path, 1))
        return
    for number, child in enumerate(tree.children, 1):
        yield from _one(child, (*path, number))


def leaves(tree: Part) -> Iterator[tuple[str, Part]]:
    """The parts that hold content, as ("2.1", part): neither multiparts nor messages that were opened. A multipart in
    which no part was found is content too: nothing hides between two readers."""
    for path, part in numbered(tree):
        if not part.children and part.message is None:
            yield ".".join(map(str, path)), part


def find(tree: Part, path: Path) -> Part | None:
    """The part of that number; None when there is none. RFC 3501 §6.4.5.

    A message that is no multipart, and a multipart in which no part was found, have themselves as part 1.
    """
    root: Part | None = tree
    part = tree
    for number in path:
        if root is None:
            return None
        branches = root.children or (root,)
        if not 1 <= number <= len(branches):
            return None
        part = branches[number - 1]
        root = part if part is not root and part.main == b"multipart" else part.message
    return part


def _one(part: Part, path: Path) -> Iterator[tuple[Path, Part]]:
    yield path, part
    if part.children:
        yield from numbered(part, path)
    elif part.message is not None:
        yield from numbered(part.message, path)


def dumps(tree: Part) -> bytes:
    """The tree as compact JSON, a list a part; trailing defaults are left out."""
    return to_json(_pack(tree))


def loads(data: bytes) -> Part:
    """The tree that `dumps` wrote. Raises MimeBounds(STORED) on anything else."""
    try:
        return _unpack(from_json(data))
    except (ValueError, TypeError, IndexError, AttributeError, RecursionError):
        raise MimeBounds(Bound.STORED) from None


def _pack(part: Part) -> list[Any]:
    shown = part.disposition
    row: list[Any] = [
        *(part.start, part.body, part.end, part.lines, _text(part.main), _text(part.sub), _pairs(part.params)),
        _text(part.encoding),
        None if shown is None else [_text(shown.kind), _pairs(shown.params)],
        *(_text(part.id), _text(part.description), _text(part.md5), _text(part.language), _text(part.location)),
        [_pack(child) for child in part.children],
        None if part.message is None else _pack(part.message),
    ]
    while row[-1] in (None, []):
        row.pop()
    return row


def _unpack(row: list[Any]) -> Part:
    row = row + [None] * (16 - len(row))
    start, body, end, lines = row[:4]
    if not all(type(number) is int for number in row[:4]) or not 0 <= start <= body <= end:
        raise ValueError
    shown = row[8]
    return Part(
        start,
        body,
        end,
        lines,
        row[4].encode("latin-1"),
        row[5].encode("latin-1"),
        _params(row[6]),
        row[7].encode("latin-1"),
        None if shown is None else Disposition(shown[0].encode("latin-1"), _params(shown[1])),
        _octets(row[9]),
        _octets(row[10]),
        _octets(row[11]),
        _octets(row[12]),
        _octets(row[13]),
        tuple(_unpack(child) for child in row[14] or ()),
        None if row[15] is None else _unpack(row[15]),
    )


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("latin-1")


def _octets(value: str | None) -> bytes | None:
    return None if value is None else value.encode("latin-1")


def _pairs(params: Params) -> list[list[str]]:
    return [[name.decode("latin-1"), value.decode("latin-1")] for name, value in params]


def _params(pairs: list[list[str]] | None) -> Params:
    return tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in pairs or ())
