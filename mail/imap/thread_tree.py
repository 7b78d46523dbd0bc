"""Threads of messages, by subject or by references. Pure, without recursion, in bounded time. RFC 5256 §3."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from mail.imap.order import Subject

_STEPS: Final = 100  # upwards, for each message: what makes a longer search for rings is not linked


@dataclass(frozen=True, slots=True)
class Mail:
    """What threading knows of one message."""

    number: int  # as it is shown
    sent: int
    subject: Subject
    message_id: bytes = b""
    references: Sequence[bytes] = ()


@dataclass(slots=True, eq=False)
class Node:
    """A message, or one that is only spoken of, with its answers."""

    mail: Mail | None = None
    parent: "Node | None" = None
    answers: int = 0  # how many have it as parent, while links are made
    children: "list[Node]" = field(default_factory=list)

    @property
    def order(self) -> tuple[int, int]:
        """By date, then by number; of one that is not there, its first answer's."""
        mail = self.mail or (self.children[0].mail if self.children else None)
        return (mail.sent, mail.number) if mail else (0, 0)


def by_subject(mails: Iterable[Mail]) -> list[Node]:
    """ORDEREDSUBJECT: the first of a subject, the others below it."""
    roots: dict[str, Node] = {}
    for mail in sorted(mails, key=lambda mail: (mail.subject.base, mail.sent, mail.number)):
        if (root := roots.get(mail.subject.base)) is None:
            roots[mail.subject.base] = Node(mail)
        else:
            root.children.append(Node(mail))
    return sorted(roots.values(), key=lambda node: node.order)


def by_references(mails: Sequence[Mail]) -> list[Node]:
    """REFERENCES: answers below what they answer, lost roots joined by their subject."""
    roots = _pruned(_linked(mails))
    _sort(roots)
    roots = _joined(roots)
    _sort(roots)
    return sorted(roots, key=lambda node: node.order)


def _linked(mails: Sequence[Mail]) -> list[Node]:
    """Steps 1 and 2: message by message, first the chain that it names, then the message itself. The roots."""
    known: dict[bytes, Node] = {}
    nodes = [_node_of(mail, known) for mail in mails]
    links = _Links(_STEPS * len(mails))
    for mail, node in zip(mails, nodes, strict=True):
        chain = [known.setdefault(one, Node()) for one in mail.references]
        for parent, child in pairwise(chain):
            links.link(parent, child)
        if chain:
            links.link(chain[-1], node, anew=True)
    every = list(dict.fromkeys((*known.values(), *nodes)))
    for node in every:
        if node.parent is not None:
            node.parent.children.append(node)
    return [node for node in every if node.parent is None]


def _node_of(mail: Mail, known: dict[bytes, Node]) -> Node:
    """A second message with the same id, or one without, stands for itself."""
    node = known.get(mail.message_id) if mail.message_id else None
    if node is None or node.mail is not None:
        taken = node is not None or not mail.message_id
        node = Node(mail)
        if not taken:
            known[mail.message_id] = node
    node.mail = mail
    return node


@dataclass(slots=True)
class _Links:
    """Makes links; `steps` are left to look for rings."""

    steps: int

    def link(self, parent: Node, child: Node, *, anew: bool = False) -> None:
        """Unless the child has a parent and may not have it `anew`, or the link would close a ring."""
        if (child.parent is not None and not anew) or self._rings(parent, child):
            return
        if child.parent is not None:
            child.parent.answers -= 1
        child.parent = parent
        parent.answers += 1

    def _rings(self, parent: Node, child: Node) -> bool:
        """Whether the child stands above the parent. What has no answers stands above nobody."""
        if parent is child or not child.answers:
            return parent is child
        above: Node | None = parent
        while above is not None and above is not child and self.steps:
            self.steps -= 1
            above = above.parent
        return above is not None


def _pruned(roots: list[Node]) -> list[Node]:
    """Without those that are not there: their answers take their place, at the top only a single one (step 3)."""
    top = Node(children=roots)
    for node in _bottom_up(top):
        kept: list[Node] = []
        for child in node.children:
            if child.mail is None and (node is not top or len(child.children) <= 1):
                kept += child.children
            else:
                kept.append(child)
        node.children = kept
    return top.children


def _sort(roots: list[Node]) -> None:
    for node in _bottom_up(Node(children=roots)):
        node.children.sort(key=lambda child: child.order)


def _bottom_up(top: Node) -> list[Node]:
    found, waiting = [], [top]
    while waiting:
        node = waiting.pop()
        found.append(node)
        waiting += node.children
    return found[::-1]


def _joined(roots: list[Node]) -> list[Node]:
    """Threads of one base subject become one (step 5)."""
    table: dict[str, Node] = {}
    for node in roots:
        base = _subject(node).base
        held = table.get(base)
        if base and (held is None or _better(node, held)):
            table[base] = node
    left: list[Node] = []
    for node in roots:
        held = table.get(_subject(node).base)
        if held is None or held is node:
            left.append(node)
        elif node.mail is None and held.mail is None:
            held.children += node.children
        elif held.mail is None or (_subject(node).answers and not _subject(held).answers):
            held.children.append(node)
        else:
            _together(held, node)
    return left


def _better(node: Node, held: Node) -> bool:
    """For the table: an empty one before a message, an original before an answer."""
    if (node.mail is None) is not (held.mail is None):
        return node.mail is None
    return _subject(held).answers and not _subject(node).answers


def _together(held: Node, node: Node) -> None:
    """Two messages of the same standing become brothers under one that is not there."""
    held.children = [Node(held.mail, children=held.children), node]
    held.mail = None


def _subject(node: Node) -> Subject:
    mail = node.mail or next((child.mail for child in node.children if child.mail), None)
    return mail.subject if mail else Subject("", False)


def written(roots: Sequence[Node]) -> bytes:
    """`(2)(3 6 (4 23)(44 7 96))`. RFC 5256 §4."""
    words: list[bytes] = []
    waiting: list[Node | bytes] = []
    for root in reversed(roots):
        waiting += (b")", root, b"(")
    while waiting:
        node = waiting.pop()
        if isinstance(node, bytes):
            words.append(node)
            continue
        if node.mail is not None:
            words.append(b"%d" % node.mail.number)
        if len(node.children) == 1:
            waiting += (node.children[0], b" ") if node.mail is not None else (node.children[0],)
        elif node.children:
            for child in reversed(node.children):
                waiting += (b")", child, b"(")
            waiting += (b" ",) if node.mail is not None else ()
    return b"".join(words)
