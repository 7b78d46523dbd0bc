"""The sections of a level 3 CDA as a reader sees them: code, title, words. Nothing is concluded from them."""

from dataclasses import dataclass

from record.unpack.cda_tree import ROOT, attribute, find, find_all, text
from record.unpack.facts import Unreadable
from record.unpack.xml import Element, parse

MOST_SECTIONS, MOST_DEPTH, MOST_CHARACTERS = 200, 4, 20_000
_BREAKS = frozenset({"br", "paragraph", "item", "tr", "caption", "title"})


@dataclass(frozen=True, slots=True, repr=False)
class Section:
    """`text` keeps paragraphs, items and rows as lines, cells apart by a bar."""

    code: str
    title: str
    text: str


def sections(cda: bytes) -> tuple[Section, ...]:
    """In their order, those inside others too; none where the body is not structured or cannot be read."""
    try:
        root = parse(cda)
    except Unreadable:
        return ()
    if root.tag != ROOT:
        return ()
    found: list[Section] = []
    _walk(find_all(root, "component/structuredBody/component/section"), 0, found)
    return tuple(found)


def _walk(nodes: list[Element], depth: int, found: list[Section]) -> None:
    for node in nodes:
        if len(found) >= MOST_SECTIONS or depth > MOST_DEPTH:
            return
        words = _lines(find(node, "text"))
        if words:
            found.append(Section(attribute(find(node, "code"), "code"), text(find(node, "title")), words))
        _walk(find_all(node, "component/section"), depth + 1, found)


def _lines(node: Element | None) -> str:
    if node is None:
        return ""
    pieces: list[str] = []
    for each in node.iter():
        if not isinstance(each.tag, str):
            continue
        name = each.tag.rpartition("}")[2]
        pieces.append("\n" if name in _BREAKS else " | " if name in ("td", "th") else "")
        pieces += [part for part in (each.text,) if part]
        pieces += [part for part in (each.tail,) if part and each is not node]
    lines = (" ".join(line.split()).strip("| ") for line in "".join(pieces).split("\n"))
    return "\n".join(line for line in lines if line)[:MOST_CHARACTERS]
