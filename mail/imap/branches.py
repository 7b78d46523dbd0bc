r"""The tree of the names that LIST or LSUB speaks of, and which of them fit. RFC 3501 §6.3.8.

A name that has children and is no folder itself is listed as \NonExistent: a deleted parent, RFC 5258 §3.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy.orm import Session as Rows

from mail.acl import acls_of
from mail.folder_names import Names
from mail.folders import SEPARATOR, Folder, list_folders
from mail.imap.patterns import Pattern
from mail.imap.session import Session
from mail.rights import ALL, Rights
from mail.subscriptions import kept


@dataclass(slots=True)
class Branch:
    """A name of the tree: its folder, if there is one, and what lies below. `lost`: it is only subscribed."""

    name: str
    folder: Folder | None = None
    below: list[Folder] = field(default_factory=list)
    lost: bool = False
    lost_below: list[str] = field(default_factory=list)


def rights_in(rows: Rows, session: Session) -> dict[int, Rights]:
    """What the holder may do, by folder; where nothing is said of a folder, all."""
    acls = acls_of(rows, session.holder.mailbox_id)
    return {folder_id: acl.of(session.holder.account_id) for folder_id, acl in acls.items()}


def tree_of(rows: Rows, session: Session, rights: Mapping[int, Rights], *, lost: bool) -> dict[str, Branch]:
    """What the holder may see, in the order in which it is listed; `lost`: with names that are only subscribed."""
    keyring, mailbox_id = session.services.keyring, session.holder.mailbox_id
    found = list_folders(rows, keyring, mailbox_id)
    tree = _tree(folder for folder in found if "l" in rights.get(folder.id, ALL))
    if lost:
        _add_lost(tree, kept(rows, Names(rows, keyring, mailbox_id), mailbox_id))
    return tree


def fitting(tree: Mapping[str, Branch], patterns: Sequence[Pattern]) -> Iterator[tuple[Branch, Branch]]:
    """Each name that fits one of the patterns, with that part of it whose names below do not fit themselves."""
    matched = {name for name in tree if any(pattern.matches(name) for pattern in patterns)}
    for branch in tree.values():
        if branch.name not in matched:
            continue
        hidden = Branch(branch.name, None, [folder for folder in branch.below if folder.name not in matched])
        hidden.lost_below = [name for name in branch.lost_below if name not in matched]
        yield branch, hidden


def attributes(branch: Branch) -> Iterator[str]:
    """What is told of a name. RFC 3501 §7.2.2, RFC 5258 §3, RFC 6154 §2."""
    if branch.folder is None:
        yield "\\NonExistent"
        if not branch.lost:
            yield "\\Noselect"
    yield "\\HasChildren" if branch.below else "\\HasNoChildren"
    if branch.folder is not None and branch.folder.special_use:
        yield branch.folder.special_use


def _tree(found: Iterable[Folder]) -> dict[str, Branch]:
    """Folders and what must be above them, in the order in which they are listed."""
    tree: dict[str, Branch] = {}
    for folder in found:
        levels = folder.name.split(SEPARATOR)
        for depth in range(1, len(levels)):
            name = SEPARATOR.join(levels[:depth])
            tree.setdefault(name, Branch(name)).below.append(folder)
        tree.setdefault(folder.name, Branch(folder.name)).folder = folder
    return tree


def _add_lost(tree: dict[str, Branch], names: Iterable[str]) -> None:
    for name in names:
        tree.setdefault(name, Branch(name)).lost = True
        levels = name.split(SEPARATOR)
        for depth in range(1, len(levels)):
            above = SEPARATOR.join(levels[:depth])
            tree.setdefault(above, Branch(above)).lost_below.append(name)
