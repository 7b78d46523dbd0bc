"""LIST. RFC 3501 §6.3.8; RFC 5258 (options), RFC 6154 (special use), RFC 5819 (STATUS)."""

from contextlib import suppress

from sqlalchemy.orm import Session as Rows

from mail.folders import Folder, NoSuchFolder
from mail.imap.branches import Branch, attributes, fitting, rights_in, tree_of
from mail.imap.commands import List
from mail.imap.patterns import Pattern
from mail.imap.respond import CRLF, list_line
from mail.imap.session import Session
from mail.imap.status import figures
from mail.rights import ALL


async def list_names(session: Session, command: List) -> str:
    """The names are matched in a reader thread: many folders and many patterns are work."""
    if command.patterns == ("",):  # §6.3.8: the delimiter is asked for
        session.wire.write(list_line(("\\Noselect",), ""))
        return "that is the delimiter"
    lines: list[bytes] = []
    for line, folder in await session.services.db.aread(_answer, session, command):
        lines.append(line)
        if folder is not None:
            with suppress(NoSuchFolder):  # it went meanwhile
                lines.append(await figures(session, folder, folder.name, command.status))
    session.wire.write(b"".join(lines))
    return "those are they"


def _answer(rows: Rows, session: Session, command: List) -> list[tuple[bytes, Folder | None]]:
    """Each line, and the folder whose figures come after it."""
    patterns = [Pattern(command.reference, pattern) for pattern in command.patterns]
    rights = rights_in(rows, session)
    tree = tree_of(rows, session, rights, lost="SUBSCRIBED" in command.selection)
    lines: list[tuple[bytes, Folder | None]] = []
    for branch, hidden in fitting(tree, patterns):
        shown = _line(branch, hidden, command, session.utf8)
        told = command.status and branch.folder is not None and "r" in rights.get(branch.folder.id, ALL)
        if shown:
            lines.append((shown, branch.folder if told else None))
    return lines


def _line(branch: Branch, hidden: Branch, command: List, utf8: bool) -> bytes | None:
    """RFC 5258 §3.5: children that are shown themselves are no reason to speak of them here."""
    uses = "SPECIAL-USE" in command.selection  # which a lost name never has
    chosen = _is_chosen(branch.folder, command.selection) or (branch.lost and not uses)
    inherited = "RECURSIVEMATCH" in command.selection and (
        any(_is_chosen(folder, command.selection) for folder in hidden.below) or (bool(hidden.lost_below) and not uses)
    )
    if not chosen and not inherited:
        return None if command.selection else list_line(attributes(branch), branch.name, utf8=utf8)
    words = list(attributes(branch))
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
