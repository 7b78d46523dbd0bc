r"""LIST and LSUB. RFC 3501 §6.3.8, §6.3.9; RFC 5258 (options), RFC 6154 (special use), RFC 5819 (STATUS).

A name that has children and is no folder itself is listed as \NonExistent: a deleted parent, RFC 5258 §3.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from sqlalchemy.orm import Session as Rows

from mail.acl import acls_of
from mail.folder_names import Names
from mail.folders import SEPARATOR, Folder, NoSuchFolder, list_folders
from mail.imap.commands import List
from mail.imap.patterns import Pattern
from mail.imap.respond import CRLF, list_line
from mail.imap.session import Session
from mail.imap.status import figures
from mail.rights import ALL
from mail.subscriptions import kept


@dataclass(slots=True)
class Branch:
    """A name of the tree: its folder, if there is one, and what lies below. `lost`: it is only subscribed."""

    name: str
    folder: Folder | None = None
    below: list[Folder] = field(default_factory=list)
    lost: bool = False
    lost_below: list[str] = field(default_factory=list)


async def listing(session: Session, command: List) -> str:
    """The names are matched in a reader thread: many folders and many patterns are work."""
    if command.patterns == ("",):  # §6.3.8: the delimiter is asked for
        session.wire.write(list_line(("\\Noselect",), "", lsub=command.subscribed_only))
        return "that is the delimiter"
    lines: list[bytes] = []
    for line, folder in await session.services.db.aread(_answer, session.holder.mailbox_id, command, session):
        lines.append(line)
        if folder is not None:
            with suppress(NoSuchFolder):  # it went meanwhile
                lines.append(await figures(session, folder, folder.name, command.status))
    session.wire.write(b"".join(lines))
    return "those are they"


def _answer(rows: Rows, mailbox_id: int, command: List, session: Session) -> list[tuple[bytes, Folder | None]]:
    """Each line, and the folder whose figures come after it."""
    utf8 = session.utf8
    patterns = [Pattern(command.reference, pattern) for pattern in command.patterns]
    acls = acls_of(rows, mailbox_id)
    rights = {folder_id: acl.of(session.holder.account_id) for folder_id, acl in acls.items()}
    found = list_folders(rows, session.services.keyring, mailbox_id)
    tree = _tree(folder for folder in found if "l" in rights.get(folder.id, ALL))
    if command.subscribed_only or "SUBSCRIBED" in command.selection:
        _add_lost(tree, kept(rows, Names(rows, session.services.keyring, mailbox_id), mailbox_id))
    matched = {name for name in tree if any(pattern.matches(name) for pattern in patterns)}
    lines: list[tuple[bytes, Folder | None]] = []
    for branch in tree.values():
        if branch.name not in matched:
            continue
        hidden = Branch(branch.name, None, [folder for folder in branch.below if folder.name not in matched])
        hidden.lost_below = [name for name in branch.lost_below if name not in matched]
        if command.subscribed_only:
            shown = _lsub_line(branch, hidden, utf8)
        else:
            shown = _list_line(branch, hidden, command, utf8)
        told = command.status and branch.folder is not None and "r" in rights.get(branch.folder.id, ALL)
        if shown:
            lines.append((shown, branch.folder if told else None))
    return lines


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


def _lsub_line(branch: Branch, hidden: Branch, utf8: bool) -> bytes | None:
    r"""Subscribed names; one above others that are not shown themselves stands for them as \Noselect (§6.3.9)."""
    if branch.folder is not None and branch.folder.subscribed:
        return list_line(_attributes(branch), branch.name, lsub=True, utf8=utf8)
    if branch.lost:
        return list_line(("\\NonExistent",), branch.name, lsub=True, utf8=utf8)
    if hidden.lost_below or any(folder.subscribed for folder in hidden.below):
        return list_line(("\\Noselect",), branch.name, lsub=True, utf8=utf8)
    return None


def _list_line(branch: Branch, hidden: Branch, command: List, utf8: bool) -> bytes | None:
    """RFC 5258 §3.5: children that are shown themselves are no reason to speak of them here."""
    uses = "SPECIAL-USE" in command.selection  # which a lost name never has
    chosen = _is_chosen(branch.folder, command.selection) or (branch.lost and not uses)
    inherited = "RECURSIVEMATCH" in command.selection and (
        any(_is_chosen(folder, command.selection) for folder in hidden.below) or (bool(hidden.lost_below) and not uses)
    )
    if not chosen and not inherited:
        return None if command.selection else list_line(_attributes(branch), branch.name, utf8=utf8)
    words = list(_attributes(branch))
    if branch.lost or (branch.folder is not None and branch.folder.subscribed and _wants_subscribed(command)):
        words.append("\\Subscribed")
    shown = list_line(words, branch.name, utf8=utf8)
    return shown.removesuffix(CRLF) + _child_info(command) + CRLF if inherited else shown


def _is_chosen(folder: Folder | None, selection: tuple[str, ...]) -> bool:
    """RFC 5258 §3.1: every option must hold; REMOTE and RECURSIVEMATCH choose nothing themselves."""
    if folder is None:
        return False
    return (folder.subscribed or "SUBSCRIBED" not in selection) and (
        folder.special_use is not None or "SPECIAL-USE" not in selection
    )


def _wants_subscribed(command: List) -> bool:
    return "SUBSCRIBED" in command.selection or "SUBSCRIBED" in command.returns


def _child_info(command: List) -> bytes:
    """RFC 5258 §3.5: which options the children meet."""
    kinds = [kind for kind in ("SUBSCRIBED", "SPECIAL-USE") if kind in command.selection]
    return b' ("CHILDINFO" (' + " ".join(f'"{kind}"' for kind in kinds).encode() + b"))"


def _attributes(branch: Branch) -> Iterator[str]:
    if branch.folder is None:
        yield "\\NonExistent"
        if not branch.lost:
            yield "\\Noselect"
    yield "\\HasChildren" if branch.below else "\\HasNoChildren"
    if branch.folder is not None and branch.folder.special_use:
        yield branch.folder.special_use
